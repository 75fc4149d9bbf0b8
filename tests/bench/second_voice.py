"""How sure must a second voice be? Found and lost by threshold, each person judged by a detector of the others.

    CASES=... python -m tests.bench.second_voice --voices VOICES --kept FOLDER [--mixtures 170]

Clean clips, the same in faint noise or in a room, and mixtures of two voices (as they are, in noise, in a room), all of
the half `tune` of `planted_voices`. The network is learnt as in `train_second_voice` (VOICES and KEPT are those), but
without the fold of the person it is asked about, then goes with the vectors as in `tasks.clips.purity`. Prints JSON:
threshold -> share of mixtures found and of clips of one voice lost, for persons with references and for readers of one
recording.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from containers.light.second_voice import log_odds
from tasks.clips import purity
from tasks.speakers.cast import galleries_of
from tests.bench import planted_hearing, planted_voices, season_stages
from tests.bench.places import Condition, as_it_is, in_a_room, in_noise
from tests.bench.planted_material import Maker, Planted, surroundings
from tests.bench.season_stages import Workshop
from tests.bench.train_second_voice import Seen, seen, what_is_seen, without
from tests.bench.voice_lessons import fold_of

PLACES = (as_it_is, in_noise, in_a_room)
STEPS = (-0.05, -0.025, -0.0125, 0.0, 0.0125, 0.025, 0.05)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.second_voice", description=__doc__)
    parser.add_argument("--mixtures", type=int, default=170)
    parser.add_argument("--voices", type=Path, required=True)
    parser.add_argument("--kept", type=Path, required=True)
    options = parser.parse_args()
    cases = Path(os.environ["CASES"])
    learnt = seen(options.voices, options.kept, cases)
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(bench(cases, Path(folder), options.mixtures, learnt, options.kept), indent=1))


def bench(
    cases: Path, folder: Path, mixtures: int, learnt: Sequence[Seen], kept: Path
) -> dict[str, dict[float, dict[str, float]]]:
    workshop = Workshop(folder)
    cut = planted_hearing.cut_clips(planted_voices.voices(cases, "tune")[0], "tune", workshop)
    clean = {name: [one.samples for one in clips] for name, clips in cut.items()}
    maker = Maker(surroundings(cases, "tune"), clean, seed=555)
    plain = [
        Planted(kind="clean", speaker=name, samples=each) for name in sorted(maker.characters) for each in clean[name]
    ]
    two = [one for one in (maker.overlap() for _ in range(mixtures)) if one.speaker in maker.characters]
    two = [_in(maker, PLACES[number % len(PLACES)], one) for number, one in enumerate(two)]
    again = [_in(maker, PLACES[1 + number % 2], one) for number, one in enumerate(plain)]
    parts = {"E01": plain, "E02": two, "E03": again}
    episodes = planted_hearing.heard(workshop, folder, "tune", parts)
    clips = [clip for episode in episodes for clip in episode.clips]
    speakers = np.array([clip.speaker for clip in clips])
    mixture = np.array([clip.episode == "E02" for clip in clips])
    people = planted_voices.HALVES["tune"]
    references = [
        each
        for each in season_stages.references(workshop, cases / "speaker_match" / "refs")
        if each.character in people
    ]
    likeness = purity.compare(
        np.concatenate([episode.vectors for episode in episodes]),
        speakers.tolist(),
        galleries_of(references),
        sorted(set(speakers)),
        episodes=[clip.episode for clip in clips],
        sure=0.1,
    )
    heard = _by_the_others(parts, speakers, learnt, kept)
    score = np.array(
        [
            purity.second_voice(float(gain), float(sure), int(known))
            for gain, sure, known in zip(likeness.mixture, heard, likeness.known, strict=True)
        ],
        float,
    )
    known = np.isin(speakers, people)
    return {
        name: {
            step: {
                "found": round(float((score > step)[who & mixture].mean()), 3),
                "lost": round(float((score > step)[who & ~mixture].mean()), 3),
            }
            for step in STEPS
        }
        for name, who in (("with_references", known), ("one_recording", ~known))
    }


def _by_the_others(
    parts: Mapping[str, Sequence[Planted]], speakers: NDArray[np.str_], learnt: Sequence[Seen], kept: Path
) -> NDArray[np.float64]:
    """Probability of a second voice by a network that has not heard the clip's speaker, alone or with another."""
    folds = np.array([fold_of(f"tune-{name}") for name in speakers])
    weights = {fold: without(learnt, fold, kept) for fold in sorted(set(folds))}
    clips = [one.samples for part in parts.values() for one in part]
    said = [log_odds(what_is_seen(samples), weights[fold]) for samples, fold in zip(clips, folds, strict=True)]
    return 1 / (1 + np.exp(-np.array(said)))


def _in(maker: Maker, place: Condition, one: Planted) -> Planted:
    return replace(one, samples=place(maker.random, one.samples))


if __name__ == "__main__":
    main()
