"""How sure must a second voice be? Found and lost by threshold, each person judged by a detector of the others.

    CASES=... python -m tests.bench.second_voice [--mixtures 170]

Clean clips, the same in faint noise or in a room, and mixtures of two voices (as they are, in noise, in a room), all of
the half `tune` of `planted_voices`. The detector of `train_detectors` is trained as it is there (in all of `places`),
but without the person it is asked about, then goes with the vectors as in `tasks.clips.purity`. Prints JSON:
threshold -> share of mixtures found and of clips of one voice lost, for persons with references and for readers of one
recording.
"""

from __future__ import annotations

import argparse
import itertools
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
from tests.bench.places import CONDITIONS, Condition, as_it_is, in_a_room, in_noise
from tests.bench.planted_material import RATE_HZ, Maker, Planted, Samples, surroundings
from tests.bench.season_stages import Workshop
from tests.bench.train_detectors import SECOND_VOICE_C

PLACES = (as_it_is, in_noise, in_a_room)
STEPS = (-0.002, 0.0, 0.001, 0.002, 0.003, 0.004, 0.006, 0.008)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.second_voice", description=__doc__)
    parser.add_argument("--mixtures", type=int, default=170)
    options = parser.parse_args()
    cases = Path(os.environ["CASES"])
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(bench(cases, Path(folder), options.mixtures), indent=1))


def bench(cases: Path, folder: Path, mixtures: int) -> dict[str, dict[float, dict[str, float]]]:
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
    features = np.array([_features(one.samples) for part in parts.values() for one in part])
    heard = _by_the_others(features, speakers, _lessons(maker, mixtures))
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


def _lessons(maker: Maker, mixtures: int) -> list[tuple[set[str], np.ndarray]]:
    """Who is heard in what the detector learns from, one person or two, and its features."""
    one = [
        ({name}, _features(place(maker.random, each)))
        for place in CONDITIONS
        for name in maker.clean
        for each in maker.clean[name]
    ]
    made = [maker.overlap() for _ in range(mixtures)]
    two = [
        ({each.speaker, each.degree.split()[0]}, _features(place(maker.random, each.samples)))
        for place, each in zip(itertools.cycle(CONDITIONS), made, strict=False)
    ]
    return one + two


def _by_the_others(
    features: np.ndarray, speakers: np.ndarray, lessons: list[tuple[set[str], np.ndarray]]
) -> np.ndarray:
    """Probability of a second voice by a detector that has not heard the clip's speaker, alone or with another."""
    found = np.zeros(len(features))
    for name in sorted(set(speakers)):
        others = [(len(who) > 1, row) for who, row in lessons if name not in who]
        model = make_pipeline(
            StandardScaler(), LogisticRegression(C=SECOND_VOICE_C, class_weight="balanced", max_iter=5000)
        )
        model.fit(np.array([row for _, row in others]), np.array([two for two, _ in others]))
        found[speakers == name] = model.predict_proba(features[speakers == name])[:, 1]
    return found


def _in(maker: Maker, place: Condition, one: Planted) -> Planted:
    return replace(one, samples=place(maker.random, one.samples))


def _features(samples: Samples) -> np.ndarray:
    return second_voice_features(samples, RATE_HZ, periods_of(samples, RATE_HZ))


if __name__ == "__main__":
    main()
