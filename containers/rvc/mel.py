"""Mel filters as the field's libraries make them by default (Slaney's scale, each filter of area 1)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_LINEAR_TO_HZ, _HZ_A_MEL = 1000.0, 200 / 3
_STEP = np.log(6.4) / 27
"""Of a mel above 1 kHz, where the scale is logarithmic (Slaney's Auditory Toolbox)."""


def filters(rate_hz: int, fft: int, bands: int) -> NDArray[np.float32]:
    """Triangles from 0 Hz to half the rate, (bands, fft // 2 + 1)."""
    edges = _hz(np.linspace(0, _mel(rate_hz / 2), bands + 2))
    bins = np.linspace(0, rate_hz / 2, fft // 2 + 1)
    below, centre, above = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    shape = np.minimum((bins - below) / (centre - below), (above - bins) / (above - centre))
    return (np.maximum(shape, 0) * 2 / (above - below)).astype(np.float32)


def _mel(hz: float) -> float:
    if hz < _LINEAR_TO_HZ:
        return hz / _HZ_A_MEL
    return float(_LINEAR_TO_HZ / _HZ_A_MEL + np.log(hz / _LINEAR_TO_HZ) / _STEP)


def _hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    knee = _LINEAR_TO_HZ / _HZ_A_MEL
    return np.where(mel < knee, mel * _HZ_A_MEL, _LINEAR_TO_HZ * np.exp(_STEP * (mel - knee)))
