"""Trains the light engine's detectors of a second voice and of telephone sound, and writes their weights.

    CASES=... python -m tests.bench.train_detectors [--mixtures 1100] [--detectors second_voice telephone] [--write]

Material is the half `tune` of `planted_voices` only. Without `--write` it prints what the detectors say of
material of that half made with another seed (how well they fit, not how well they do: that is
what `planted_defects` reports, on the other half). The clips are cut by the cut stage, which hears with the weights
there are: where a detector gets more features, fill up its weights with zeros first.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from containers.light.bandwidth import colour, spectra_of
from containers.light.detectors import WEIGHTS
from containers.light.periods import periods_of
from containers.light.second_voice import second_voice_features
from tests.bench.places import CONDITIONS
from tests.bench.planted_hearing import cut_clips
from tests.bench.planted_material import RATE_HZ, Maker, Samples, surroundings
from tests.bench.planted_voices import everything
from tests.bench.season_stages import Workshop

Features = Callable[[Samples], NDArray[np.float64]]
Material = Callable[[Maker, int], tuple[list[Samples], list[Samples]]]
SECOND_VOICE_C = 0.1


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.train_detectors", description=__doc__)
    parser.add_argument("--mixtures", type=int, default=1100)
    parser.add_argument("--detectors", nargs="+", choices=tuple(DETECTORS), default=tuple(DETECTORS))
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    cases = Path(os.environ["CASES"])
    with tempfile.TemporaryDirectory() as folder:
        cut = cut_clips(everything(cases, "tune"), "tune", Workshop(Path(folder)))
    clean = {name: [one.samples for one in clips] for name, clips in cut.items()}
    train, test = (Maker(surroundings(cases, "tune"), clean, seed) for seed in (101, 102))
    said = json.loads(WEIGHTS.read_text("utf-8"))
    for name in options.detectors:
        features, c, material = DETECTORS[name]
        said[name] = _fit(features, c, *material(train, options.mixtures))
        scores = [_scores(features, each, said[name]) > 0 for each in material(test, 100)]
        print(f"{name}: false {scores[0].mean():.1%}, found {scores[1].mean():.1%}")
    if options.write:
        WEIGHTS.write_text(json.dumps(said, indent=1) + "\n", "utf-8")


def one_or_two(maker: Maker, count: int) -> tuple[list[Samples], list[Samples]]:
    return one_voice(maker), two_voices(maker, count)


def wide_or_telephone(maker: Maker, count: int) -> tuple[list[Samples], list[Samples]]:
    return wide(maker, count), [maker.telephone().samples for _ in range(count // 2)]


def one_voice(maker: Maker) -> list[Samples]:
    """Every clip in each of `CONDITIONS`."""
    plain = [samples for clips in maker.clean.values() for samples in clips]
    return [condition(maker.random, each) for condition in CONDITIONS for each in plain]


def two_voices(maker: Maker, count: int) -> list[Samples]:
    """In the conditions by turns, so that none of them tells one voice from two."""
    return [CONDITIONS[number % len(CONDITIONS)](maker.random, maker.overlap().samples) for number in range(count)]


def wide(maker: Maker, count: int) -> list[Samples]:
    """What is no telephone: clean clips, two voices, music under a voice, clipping."""
    makers = (maker.overlap, maker.music, maker.clipping)
    plain = [samples for clips in maker.clean.values() for samples in clips]
    return plain + [makers[number % 3]().samples for number in range(count // 4)]


def _second_voice(samples: Samples) -> NDArray[np.float64]:
    return second_voice_features(samples, RATE_HZ, periods_of(samples, RATE_HZ))


def _colour(samples: Samples) -> NDArray[np.float64]:
    found = colour(spectra_of(samples), RATE_HZ)
    if found is None:
        raise ValueError("a clip is silent")
    return found


DETECTORS: dict[str, tuple[Features, float, Material]] = {
    "second_voice": (_second_voice, SECOND_VOICE_C, one_or_two),
    "telephone": (_colour, 0.01, wide_or_telephone),
}
"""Features, strength of the regression (smaller is smoother), what is none and what is one."""


def _fit(features: Features, c: float, good: Sequence[Samples], bad: Sequence[Samples]) -> dict[str, object]:
    """Weights and bias over plain features, the scaling of the training folded in."""
    rows = np.array([features(each) for each in [*good, *bad]])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=c, class_weight="balanced", max_iter=5000))
    model.fit(rows, np.arange(len(rows)) >= len(good))
    scaler, regression = model[0], model[1]
    weights = regression.coef_[0] / scaler.scale_
    bias = float(regression.intercept_[0] - weights @ scaler.mean_)
    return {"weights": [round(float(each), 6) for each in weights], "bias": round(bias, 6)}


def _scores(features: Features, clips: Sequence[Samples], said: dict[str, object]) -> NDArray[np.float64]:
    return np.array([features(each) @ np.array(said["weights"]) + said["bias"] for each in clips])


if __name__ == "__main__":
    main()
