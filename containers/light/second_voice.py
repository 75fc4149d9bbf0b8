"""How surely two people speak at once in a clip, by its sound alone: a small network over hops of 10 ms.

It looks at how much of a hop one period and two periods leave (`periods`), at how the two go on, and at how the bands
rise and fall (`modulation`). No knowledge of the second person is asked for: it may be somebody who is heard nowhere
else. Two convolutions over time, then mean and spread over the clip, then one sum; trained by
`tests/bench/train_second_voice.py`, whose people are others than those it is measured on (docs/measurements.md).
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .audio import Samples
from .modulation import bands_under_loud
from .periods import Periods

WEIGHTS = Path(__file__).with_name("second_voice.json")
_STEP = 2
_MOST_GLIDE = 0.3
_QUIETEST_DB = -40.0


def second_voice_probability(samples: Samples, rate_hz: int, found: Periods) -> float:
    """What the network says of mono samples, whose periods are `found`."""
    return round(1 / (1 + math.exp(-np.clip(log_odds(hops_of(samples, rate_hz, found), _weights()), -30, 30))), 4)


def hops_of(samples: Samples, rate_hz: int, found: Periods) -> NDArray[np.float64]:
    """What the network sees (hops, figures), each figure of about the size of one."""
    one, two, periods = np.clip(found.after_one, 0, 1.5), np.clip(found.after_two, 0, 1.5), np.log(found.pairs / 50)
    ratio = np.log(np.maximum(found.after_two, 0.005) / np.maximum(found.after_one, 0.01))
    level = np.clip(found.levels - np.percentile(found.levels, 95), _QUIETEST_DB, 5)
    glides = np.minimum(np.abs(np.diff(periods, axis=0, prepend=periods[:1])), _MOST_GLIDE)
    apart = periods[:, 1] - periods[:, 0]
    bands = bands_under_loud(samples, rate_hz)
    seen = np.column_stack([2 * one, 4 * two, ratio, level / 10 + 1, 5 * glides, periods, apart])
    count = min(len(seen), len(bands))
    return np.hstack([seen[:count], bands[:count] / 10 + 1.5])


def log_odds(hops: NDArray[np.float64], weights: Mapping[str, NDArray[np.float64]]) -> float:
    """The network: standardised figures, two convolutions (over hops, two hops a step), mean and spread, one sum."""
    within = (hops - weights["mean"]) / weights["spread"]
    for layer in ("first", "second"):
        within = np.maximum(_convolved(within, weights[layer]) + weights[f"{layer}_bias"], 0.0)
    spread = np.sqrt(np.maximum(within.var(axis=0), 1e-6))
    return float(np.concatenate([within.mean(axis=0), spread]) @ weights["sum"] + weights["sum_bias"][0])


def _convolved(figures: NDArray[np.float64], kernel: NDArray[np.float64]) -> NDArray[np.float64]:
    """(hops, figures) with a kernel (out, figures, width), zeros beyond the ends: (hops / 2, out)."""
    out, _, width = kernel.shape
    padded = np.pad(figures, ((width // 2, width // 2), (0, 0)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, width, axis=0)[::_STEP]
    made: NDArray[np.float64] = frames.reshape(len(frames), -1) @ kernel.reshape(out, -1).T
    return made


@functools.cache
def _weights() -> dict[str, NDArray[np.float64]]:
    return {name: np.array(each) for name, each in json.loads(WEIGHTS.read_text("utf-8")).items()}
