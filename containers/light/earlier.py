"""An earlier recording laid under a later one: moved in time, to a part of a sample, and by one factor."""

from __future__ import annotations

import functools

import numpy as np
import scipy.signal
from numpy.typing import NDArray

from .audio import Samples
from .exact_sum import Recording

_TAPS = 32
"""Samples on either side that a sound between two samples is made of."""
_WHOLE = 0.01
"""Of a sample: a move that is as near to a whole one is taken as whole, and keeps its samples as they are."""


def laid_under(earlier: Recording, lag: float, gain: float, first: int, last: int) -> Samples:
    """What stands in an earlier recording `lag` samples before samples `first` to `last` (exclusive), times `gain`."""
    whole = round(lag)
    part = lag - whole
    if abs(part) <= _WHOLE:
        return earlier.floats(first - whole, last - whole) * np.float32(gain)
    around = earlier.floats(first - whole - _TAPS, last - whole + _TAPS)
    return (scipy.signal.oaconvolve(around, _between(part)[None], mode="valid", axes=1) * gain).astype(np.float32)


@functools.lru_cache(maxsize=8)
def _between(part: float) -> NDArray[np.float64]:
    """A sound `part` of a sample later: a sinc under a Kaiser window."""
    at = np.arange(-_TAPS, _TAPS + 1) - part
    inside = np.maximum(0.0, 1.0 - (at / (_TAPS + 1)) ** 2)
    taps = np.sinc(at) * np.i0(8.0 * np.sqrt(inside)) / np.i0(8.0)
    found: NDArray[np.float64] = taps / taps.sum()
    return found
