"""Who else may be heard in a clip, and which clips a gallery is made of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tasks.clips.purity import Likeness, compare, second_voice, usual_second_voice
from tasks.domain import Vectors

ANNA, BORIS = np.eye(3, dtype=np.float32)[:2]
SURE = 0.1
BOTH = np.asarray(0.8 * ANNA + 0.6 * BORIS, np.float32)


def mixture(episode_of_boris: str) -> float:
    """How much a clip of both in episode one, labelled as Anna's, gains from being taken for a mixture."""
    vectors = np.stack([ANNA, ANNA, ANNA, BORIS, BORIS, BOTH])
    persons = ["anna", "anna", "anna", "boris", "boris", "anna"]
    episodes = ["e001"] * 3 + [episode_of_boris] * 2 + ["e001"]
    return float(compare(vectors, persons, {}, ["anna", "boris"], episodes=episodes, sure=0.0).mixture[-1])


def test_a_second_voice_is_found_where_its_person_is_heard_in_the_episode() -> None:
    assert mixture("e001") > 0.1


def test_nobody_of_another_episode_is_taken_for_a_second_voice() -> None:
    assert np.isnan(mixture("e002"))


def test_a_mixture_counts_less_the_fewer_clips_are_known_and_sound_counts_the_same() -> None:
    vectors_say = [second_voice(0.06, 0.2, known) or 0.0 for known in (1, 5, 20, 200)]
    sound_says = {second_voice(0.0, 0.9, known) for known in (1, 5, 20, 200)}

    assert vectors_say == sorted(vectors_say)
    assert vectors_say[0] < 0 < vectors_say[-1]
    assert len(sound_says) == 1


def test_a_voice_that_always_sounds_like_two_is_one_and_a_mixture_of_it_is_still_found() -> None:
    rough = usual_second_voice([0.7, 0.8, 0.75] * 5)

    assert (second_voice(0.0, 0.8, 20) or 0.0) > 0
    assert (second_voice(0.0, 0.8, 20, rough) or 0.0) < -0.005
    assert (second_voice(0.0, 0.99, 20, rough) or 0.0) > 0
    assert usual_second_voice([0.01] * 20) == usual_second_voice([]) == 0.0


def test_two_voices_in_a_third_of_a_persons_clips_are_not_usual_for_that_person() -> None:
    assert usual_second_voice([0.05] * 20 + [0.97] * 10) == usual_second_voice([0.05] * 20)


def clips_of(voice: Vectors, count: int, seed: int) -> Vectors:
    """Clips as like each other as one voice's are: cosines about 0.85."""
    spread = np.random.default_rng(seed).normal(size=(count, len(voice))) * 0.42 / np.sqrt(len(voice))
    clips = voice + spread
    return np.asarray(clips / np.linalg.norm(clips, axis=1, keepdims=True), np.float32)


def voice(seed: int) -> Vectors:
    """Strangers score about 0.55: voices share half of what they are."""
    random = np.random.default_rng(1)
    shared = random.normal(size=64)
    own = np.random.default_rng(100 + seed).normal(size=64)
    mixed = 0.75 * shared / np.linalg.norm(shared) + 0.66 * own / np.linalg.norm(own)
    return np.asarray(mixed / np.linalg.norm(mixed), np.float32)


def likeness(said: dict[str, Vectors], references: dict[str, Vectors]) -> dict[str, Likeness]:
    """Of each person's clips, as labelled."""
    persons = np.array([name for name, clips in said.items() for _ in clips])
    vectors = np.concatenate(list(said.values()))
    found = compare(vectors, persons.tolist(), references, sorted(said), episodes=["e001"] * len(persons), sure=SURE)
    return {
        name: replace(found, purity=found.purity[persons == name], known=found.known[persons == name]) for name in said
    }


def test_two_roles_of_one_actor_keep_a_gallery_each() -> None:
    """Nothing but the label tells them apart; without a gallery one's clips would be claimed for the other."""
    actor, friend = voice(0), voice(1)

    found = likeness(
        {"son": clips_of(actor, 8, 1), "father": clips_of(actor, 8, 2), "friend": clips_of(friend, 8, 3)}, {}
    )

    assert found["son"].known.min() >= 3
    assert found["father"].known.min() >= 3
    assert np.abs(found["son"].purity).max() < SURE


@pytest.mark.parametrize("seed", [0, 7])
def test_wrong_labels_neither_end_an_actors_role_nor_cast_doubt_on_whose_clips_they_are(seed: int) -> None:
    """A third of what is labelled as the father's is anna's."""
    anna, actor = voice(0), voice(1)
    father = np.concatenate([clips_of(actor, 6, 30 + seed), clips_of(anna, 3, 50 + seed)])
    said = {"anna": clips_of(anna, 6, 20 + seed), "son": clips_of(actor, 6, 21 + seed), "father": father}

    found = likeness(said, {"anna": clips_of(anna, 3, 40 + seed)})

    assert found["anna"].purity.min() > 3 * SURE
    assert found["father"].known.min() >= 3
    assert found["father"].purity[6:].max() < 0
