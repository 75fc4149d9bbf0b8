"""How sure must a second voice be? Found and lost by threshold, each person judged by a detector of the others.

    CASES=... python -m tests.bench.second_voice [--mixtures 170]

Clean clips, the same in faint noise or in a room, and mixtures of two voices (as they are, in noise, in a room), all of
the half `tune` of `planted_voices`. The detector of `train_detectors` is trained without the person it is asked about,
then goes with the vectors as in `tasks.clips.purity`. Prints JSON: threshold -> share of mixtures found and of clips
of one voice lost, for persons with references and for readers of one recording.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from containers.light.periods import periods_of
from containers.light.second_voice import second_voice_features
from tasks.clips import purity
from tasks.speakers.cast import galleries_of
from tests.bench import planted_hearing, planted_voices, season_stages
from tests.bench.places import Condition, as_it_is, in_a_room, in_noise
from tests.bench.planted_material import RATE_HZ, Maker, Planted, Samples, surroundings
from tests.bench.season_stages import Workshop
from tests.bench.train_detectors import SECOND_VOICE_C

PLACES = (as_it_is, in_noise, in_a_room)
STEPS = (0.003, 0.004, 0.005, 0.006, 0.007, 0.008, 0.01, 0.012)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.second_voice", description=__doc__)
    parser.add_argument("--mixtures", type=int, default=170)
    options = parser.parse_args()
    cases = Path(os.environ["CASES"])
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(bench(cases, Path(folder), options.mixtures), indent=1))


def bench(cases: Path, folder: Path, mixtures: int) -> dict[str, dict[float, dict[str, float]]]:
    workshop = Workshop(folder)
    clean = planted_hearing.clean_clips(cases, "tune", workshop)
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
    features = np.array([_features(one.samples) for part in parts.values() for one in part])
    strangers = np.array([_features(each) for name in clean if name not in maker.characters for each in clean[name]])
    heard = _by_the_others(features, mixture, speakers, strangers)
    score = np.array(
        [purity.second_voice(float(gain), float(sure)) for gain, sure in zip(likeness.mixture, heard, strict=True)],
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
    features: np.ndarray, mixture: np.ndarray, speakers: np.ndarray, strangers: np.ndarray
) -> np.ndarray:
    """Probability of a second voice by a detector that has not heard the clip's speaker alone."""
    found = np.zeros(len(features))
    for name in sorted(set(speakers)):
        others = speakers != name
        model = make_pipeline(
            StandardScaler(), LogisticRegression(C=SECOND_VOICE_C, class_weight="balanced", max_iter=5000)
        )
        rows = np.concatenate([features[others], strangers])
        model.fit(rows, np.concatenate([mixture[others], np.zeros(len(strangers), bool)]))
        found[~others] = model.predict_proba(features[~others])[:, 1]
    return found


def _in(maker: Maker, place: Condition, one: Planted) -> Planted:
    return replace(one, samples=place(maker.random, one.samples))


def _features(samples: Samples) -> np.ndarray:
    return second_voice_features(samples, RATE_HZ, periods_of(samples, RATE_HZ))


if __name__ == "__main__":
    main()
