"""A small trained detector: the sound of a telephone.

A logistic regression whose weights lie in detectors.json, trained by `tests/bench/train_detectors.py` on
a few minutes of speech; the speakers it is measured on are others (docs/measurements.md).
"""

from __future__ import annotations

import functools
import json
import math
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Name = Literal["telephone"]
WEIGHTS = Path(__file__).with_name("detectors.json")


def probability(name: Name, features: NDArray[np.float64]) -> float:
    """What the detector says of a clip's features."""
    weights, bias = _detectors()[name]
    return round(1 / (1 + math.exp(-float(np.clip(weights @ features + bias, -30, 30)))), 4)


@functools.cache
def _detectors() -> dict[str, tuple[NDArray[np.float64], float]]:
    said = json.loads(WEIGHTS.read_text("utf-8"))
    return {name: (np.array(each["weights"]), float(each["bias"])) for name, each in said.items()}
