"""The mel filters of the voice encoder's front end: to the bit those of librosa, by Slaney's scale and area.

librosa itself would do, but takes 0.25 CPU-seconds and 62 MB to be loaded, for these numbers alone.
Source: M. Slaney, Auditory Toolbox, Technical Report 1998-010; librosa 0.11, `filters.mel`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

_LINEAR_HZ = 200.0 / 3
"""Hz a mel up to 1 kHz; from there the scale is logarithmic."""
_BREAK_HZ = 1000.0
_BREAK_MEL = _BREAK_HZ / _LINEAR_HZ
_STEP = np.log(6.4) / 27.0


def edges_hz(bands: int, highest_hz: float) -> NDArray[np.float64]:
    """Where bands begin, are highest and end: (bands + 2,), even in mel from 0 to `highest_hz`, over 1 kHz."""
    mels = np.linspace(0.0, _BREAK_MEL + math.log(highest_hz / _BREAK_HZ) / _STEP, bands + 2)
    return np.where(mels < _BREAK_MEL, _LINEAR_HZ * mels, _BREAK_HZ * np.exp(_STEP * (mels - _BREAK_MEL)))


def filters(rate_hz: int, window: int, bands: int) -> NDArray[np.float32]:
    """Triangles of area 1 over the bins of a real spectrum: float32 (bands, window // 2 + 1)."""
    edges, hz = edges_hz(bands, rate_hz / 2), np.fft.rfftfreq(window, 1 / rate_hz)
    ramps, widths = edges[:, None] - hz, np.diff(edges)[:, None]
    triangles = np.maximum(0, np.minimum(-ramps[:-2] / widths[:-1], ramps[2:] / widths[1:])).astype(np.float32)
    triangles *= (2.0 / (edges[2:] - edges[:-2]))[:, None]
    return triangles
