"""How a clip's bands rise and fall: one voice is quiet between its syllables, two fill each other's gaps.

Fifteen bands up to 3.75 kHz, each 10 ms. What lies far under the clip's loud moments is noise or
reverberation and counts as equally quiet, so that the floor of a recording says little.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .audio import Samples, resample

_RATE_HZ = 8000
_WINDOW, _HOP = 256, 80
_EDGES = np.unique(np.geomspace(3, 120, 17).astype(int))  # bins of 31 Hz
_QUIETEST_DB = -35.0


def bands_under_loud(samples: Samples, rate_hz: int) -> NDArray[np.float64]:
    """Level of each band in dB under its own loud moments (95th percentile), at most 35: (hops, bands)."""
    levels = _bands(samples, rate_hz)
    return np.clip(levels - np.percentile(levels, 95, axis=0), _QUIETEST_DB, None)


def _bands(samples: Samples, rate_hz: int) -> NDArray[np.float64]:
    """Level of each band in dB (hops, bands)."""
    padded = np.pad(resample(samples, rate_hz, _RATE_HZ).astype(np.float64), _WINDOW // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(_WINDOW), axis=1)) ** 2
    sums = np.add.reduceat(power[:, : _EDGES[-1]], _EDGES[:-1], axis=1) / np.diff(_EDGES)
    return 10 * np.log10(sums + 1e-10)
