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
_LOUD_DB = -20.0
_APART = 4


def modulation_features(samples: Samples, rate_hz: int) -> NDArray[np.float64]:
    """Percentiles of the level and of the bands' levels under their loud moments, how bands go together
    (neighbours, distant ones), how fast and how far they move, and the share of loud hops."""
    bands = _bands(samples, rate_hz)
    level = _under_loud(10 * np.log10((10 ** (bands / 10)).mean(axis=1)))
    bands = _under_loud(bands)
    loud = level > _LOUD_DB
    alike = _correlations(bands[loud])
    first, second = np.triu_indices(len(alike), _APART)
    return np.array(
        [
            *np.percentile(level, (10, 25, 50, 75)),
            *np.percentile(bands, (25, 50, 75), axis=0).mean(axis=1),
            np.diag(alike, 1).mean(),
            alike[first, second].mean(),
            np.abs(np.diff(bands, axis=0, prepend=bands[:1]))[loud].mean(),
            bands[loud].std(axis=0).mean(),
            loud.mean(),
        ]
    )


def _bands(samples: Samples, rate_hz: int) -> NDArray[np.float64]:
    """Level of each band in dB (hops, bands)."""
    padded = np.pad(resample(samples, rate_hz, _RATE_HZ).astype(np.float64), _WINDOW // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(_WINDOW), axis=1)) ** 2
    sums = np.add.reduceat(power[:, : _EDGES[-1]], _EDGES[:-1], axis=1) / np.diff(_EDGES)
    return 10 * np.log10(sums + 1e-10)


def _under_loud(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.clip(levels - np.percentile(levels, 95, axis=0), _QUIETEST_DB, None)


def _correlations(bands: NDArray[np.float64]) -> NDArray[np.float64]:
    centred = bands - bands.mean(axis=0)
    spread = np.maximum(centred.std(axis=0), 0.1)
    return (centred / spread).T @ (centred / spread) / len(bands)
