"""Audible breaths in a clip: part of a voice, to be kept and known about.

A breath is 0.15 s or more of sound without pitch, 12 to 42 dB under the speech and clear of the
clip's own floor, most of it between 300 Hz and 3 kHz: hissing consonants are shorter,
louder and lie higher.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from .audio import Samples
from .pauses import HOPS_PER_SECOND, Levels, hop_samples, mean_level, runs
from .periods import Periods
from .rest import Rest

_FAINTEST_DB, _LOUDEST_DB, _CLEAR_DB = -42.0, -12.0, 6.0
_APERIODIC = 0.3
_SHORTEST = 15  # hops of 10 ms


def breath_seconds(samples: Samples, rate_hz: int, levels: Levels, found: Rest, beside: Periods) -> float | None:
    """Seconds of breath; None for a clip without speech."""
    if not found.speech.any():
        return None
    above = levels - mean_level(levels[found.speech])
    floor = float(np.percentile(above, 5))
    without_pitch = np.ones(len(levels), bool)
    count = min(len(levels), len(beside.after_two))
    without_pitch[:count] = beside.after_two[:count] > _APERIODIC
    dull = _hops(samples, rate_hz, 300, 3000) > _hops(samples, rate_hz, 3500, min(8000, 0.49 * rate_hz))
    breath = (
        (above > max(_FAINTEST_DB, floor + _CLEAR_DB)) & (above < _LOUDEST_DB) & without_pitch & dull[: len(levels)]
    )
    return round(sum(b - a for a, b in runs(breath, _SHORTEST)) / HOPS_PER_SECOND, 2)


def _hops(samples: Samples, rate_hz: int, low_hz: float, high_hz: float) -> NDArray[np.float64]:
    """Power of a band, each 10 ms."""
    hop = hop_samples(rate_hz)
    band = sosfilt(_band(rate_hz, low_hz, high_hz), samples)
    return np.mean(np.square(band[: len(band) // hop * hop].reshape(-1, hop)), axis=1)


@functools.cache
def _band(rate_hz: int, low_hz: float, high_hz: float) -> NDArray[np.float64]:
    return np.asarray(butter(2, (low_hz, high_hz), "bandpass", fs=rate_hz, output="sos"))
