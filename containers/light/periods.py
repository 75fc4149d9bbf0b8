"""How many periodic sounds are in a clip at once: one voice has one period at a time, two voices or music have more.

The two-period model of de Cheveigne ("Separation of concurrent harmonic sounds",
JASA 1993; "Multiple period estimation", Speech Communication 1999): what one comb filter leaves of a hop is
what one period does not explain, what two in a row leave is what two do not. Both
follow from the hop's autocorrelation. Speech leaves little after one, music and
two voices only after two, noise leaves much after both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt

from .audio import Samples, resample

HOPS_PER_SECOND = 100
_RATE_HZ = 8000
_WINDOW = 512
_BAND_HZ = (80.0, 1600.0)
_LAGS = np.arange(16, 130)
"""Periods of 62 to 500 Hz at 8 kHz."""
_UNLIKE = 1.06
"""How far two periods must lie apart to be two: a semitone."""
_LOUD_DB = 20.0
_HOPS_AT_ONCE = 256


@dataclass(frozen=True, kw_only=True)
class Periods:
    """Of each hop of 10 ms: level in dB, the share of its power that one and that two periods leave, and the two
    periods (hops, 2), the shorter first, in samples at 8 kHz."""

    levels: NDArray[np.float64]
    after_one: NDArray[np.float64]
    after_two: NDArray[np.float64]
    pairs: NDArray[np.int_]

    @property
    def loud(self) -> NDArray[np.bool_]:
        """Hops within 20 dB of the clip's loud ones (95th percentile)."""
        return self.levels > np.percentile(self.levels, 95) - _LOUD_DB


def periods_of(samples: Samples, rate_hz: int) -> Periods:
    """The model over mono samples of at least one hop; windows of 64 ms around each hop's start."""
    low = sosfiltfilt(_BAND, np.pad(resample(samples, rate_hz, _RATE_HZ).astype(np.float64), _WINDOW // 2))
    every = np.lib.stride_tricks.sliding_window_view(low, _WINDOW)[:: _RATE_HZ // HOPS_PER_SECOND]
    levels, one, two, pairs = [], [], [], []
    for first in range(0, len(every), _HOPS_AT_ONCE):
        frames = every[first : first + _HOPS_AT_ONCE] * _TAPER
        levels.append(10 * np.log10(np.mean(frames**2, axis=1) + 1e-12))
        r = np.fft.irfft(np.abs(np.fft.rfft(frames, 2 * _WINDOW, axis=1)) ** 2, axis=1)[:, : len(_OF_TAPER)]
        r = (r / np.maximum(r[:, :1], 1e-12) / _OF_TAPER).astype(np.float32)
        one.append(1 - r[:, _LAGS].max(axis=1))
        left = 4 - 4 * r[:, _A] - 4 * r[:, _B] + 2 * r[:, _A + _B] + 2 * r[:, _B - _A]
        best = left.argmin(axis=1)
        two.append(left[np.arange(len(left)), best] / 4)
        pairs.append(np.stack([_A[best], _B[best]], axis=1))
    return Periods(
        levels=np.concatenate(levels),
        after_one=np.concatenate(one).astype(np.float64),
        after_two=np.concatenate(two).astype(np.float64),
        pairs=np.concatenate(pairs),
    )


def tonal_share(found: Periods, hops: NDArray[np.bool_], left: float = 0.2) -> float | None:
    """Share of those hops that two periods explain but for `left`; None for fewer than eight hops."""
    count = min(len(hops), len(found.after_two))
    inside = found.after_two[:count][hops[:count]]
    return round(float(np.mean(inside < left)), 4) if len(inside) >= 8 else None


def polyphony(found: Periods) -> float:
    """Share of the loud hops that one period does not explain and two do."""
    loud = found.loud
    return round(float(np.mean((found.after_one[loud] > 0.2) & (found.after_two[loud] < 0.12))), 4)


_BAND = butter(2, _BAND_HZ, "bandpass", fs=_RATE_HZ, output="sos")
_TAPER = np.hanning(_WINDOW)
_OF_TAPER = np.fft.irfft(np.abs(np.fft.rfft(_TAPER, 2 * _WINDOW)) ** 2)[:280]
_OF_TAPER = _OF_TAPER / _OF_TAPER[0]
_PAIRS = [(a, b) for a in _LAGS for b in _LAGS if b > a * _UNLIKE]
_A, _B = (np.array(each) for each in zip(*_PAIRS, strict=True))
