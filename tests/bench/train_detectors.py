"""Trains the light engine's detector of telephone sound, and writes its weights.

    CASES=... python -m tests.bench.train_detectors [--clips 1100] [--write]

Material is the half `tune` of `planted_voices` only. Without `--write` it prints what the detector says of
material of that half made with another seed (how well it fits, not how well it does: that is
what `planted_defects` reports, on the other half). The one of a second voice: `train_second_voice`.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from containers.light.bandwidth import colour, spectra_of
from containers.light.detectors import WEIGHTS
from tests.bench.planted_hearing import cut_clips
from tests.bench.planted_material import RATE_HZ, Maker, Samples, surroundings
from tests.bench.planted_voices import everything
from tests.bench.season_stages import Workshop

_C = 0.01


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.train_detectors", description=__doc__)
    parser.add_argument("--clips", type=int, default=1100)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    cases = Path(os.environ["CASES"])
    with tempfile.TemporaryDirectory() as folder:
        cut = cut_clips(everything(cases, "tune"), "tune", Workshop(Path(folder)))
    clean = {name: [one.samples for one in clips] for name, clips in cut.items()}
    train, test = (Maker(surroundings(cases, "tune"), clean, seed) for seed in (101, 102))
    said = _fit(wide(train, options.clips), _telephone(train, options.clips))
    false, found = ((_scores(each, said) > 0).mean() for each in (wide(test, 100), _telephone(test, 100)))
    print(f"telephone: false {false:.1%}, found {found:.1%}")
    if options.write:
        WEIGHTS.write_text(json.dumps({"telephone": said}, indent=1) + "\n", "utf-8")


def wide(maker: Maker, count: int) -> list[Samples]:
    """What is no telephone: clean clips, two voices, music under a voice, clipping."""
    makers = (maker.overlap, maker.music, maker.clipping)
    plain = [samples for clips in maker.clean.values() for samples in clips]
    return plain + [makers[number % 3]().samples for number in range(count // 4)]


def _telephone(maker: Maker, count: int) -> list[Samples]:
    return [maker.telephone().samples for _ in range(count // 2)]


def _features(samples: Samples) -> NDArray[np.float64]:
    found = colour(spectra_of(samples), RATE_HZ)
    if found is None:
        raise ValueError("a clip is silent")
    return found


def _fit(good: Sequence[Samples], bad: Sequence[Samples]) -> dict[str, object]:
    """Weights and bias over plain features, the scaling of the training folded in."""
    rows = np.array([_features(each) for each in [*good, *bad]])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=_C, class_weight="balanced", max_iter=5000))
    model.fit(rows, np.arange(len(rows)) >= len(good))
    scaler, regression = model[0], model[1]
    weights = regression.coef_[0] / scaler.scale_
    bias = float(regression.intercept_[0] - weights @ scaler.mean_)
    return {"weights": [round(float(each), 6) for each in weights], "bias": round(bias, 6)}


def _scores(clips: Sequence[Samples], said: dict[str, object]) -> NDArray[np.float64]:
    return np.array([_features(each) @ np.array(said["weights"]) + said["bias"] for each in clips])


if __name__ == "__main__":
    main()
