"""The network that hears a second voice: what is trained is what runs, and nobody is judged by who has heard them."""

from __future__ import annotations

import numpy as np
import torch

from containers.light.second_voice import log_odds
from tests.bench.train_second_voice import Network, weights_of
from tests.bench.voice_lessons import FOLDS, fold_of, lessons


def test_what_was_trained_says_the_same_where_it_runs() -> None:
    """Two clips of unlike length, of which the shorter one lies in a batch filled up with zeros."""
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    network = Network(5).eval()
    clips = [random.normal(size=(count, 5)) for count in (101, 58)]
    mean, spread = np.full(5, 0.3), np.full(5, 1.7)
    figures, inside = torch.zeros(2, 5, 101), torch.zeros(2, 1, 101)
    for index, clip in enumerate(clips):
        figures[index, :, : len(clip)] = torch.from_numpy(((clip - mean) / spread).T)
        inside[index, :, : len(clip)] = 1

    trained = network(figures, inside).tolist()

    assert np.allclose([log_odds(clip, weights_of(network, mean, spread)) for clip in clips], trained, atol=1e-4)


def test_two_who_are_mixed_are_of_one_fold_and_never_one_actor_in_two_roles() -> None:
    names = [f"reader-{number}" for number in range(60)] + [f"game-{number}" for number in range(20)]
    noise = np.random.default_rng(0).normal(size=4800).astype(np.float32)
    made = [one.people for one in lessons({name: [noise] for name in names}, [noise] * FOLDS, seed=1)]
    pairs = [people for people in made if len(people) == 2]

    assert len(pairs) == len(made) / 2
    assert all(fold_of(one) == fold_of(other) and one != other for one, other in pairs)
    assert not any(one.startswith("game") and other.startswith("game") for one, other in pairs)


def test_music_lies_under_one_voice_and_two_alike_and_is_of_the_fold_of_who_speaks() -> None:
    """Each fold's music has a pitch of its own, so that what was added says whose it is."""
    names = [f"reader-{number}" for number in range(100)]
    random = np.random.default_rng(0)
    tracks = [np.sign(np.sin(np.arange(4800) * (0.01 + 0.02 * fold))).astype(np.float32) for fold in range(FOLDS)]
    clips = {name: [random.normal(size=4800).astype(np.float32)] for name in names}
    made = list(lessons(clips, tracks, seed=1))
    plain = [one for one in made if one.under == "music" and one.place == "as_it_is" and len(one.people) == 1]

    assert {one.under for one in made} == {"nothing", "music", "hum"}
    assert {len(one.people) for one in made if one.under == "music"} == {1, 2}
    assert plain
    for one in plain:
        added = one.samples - clips[one.people[0]][0]
        assert int(np.argmax([abs(added @ track) for track in tracks])) == fold_of(one.people[0])
