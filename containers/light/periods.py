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
_BINS_ONE = np.array([0, 0.03, 0.06, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 3])
_BINS_RATIO = np.array([-9, -2.2, -1.6, -1.2, -0.8, -0.4, 0, 9])


@dataclass(frozen=True, kw_only=True)
class Periods:
    """Of each hop of 10 ms: level in dB, and the share of its power that one and that two periods leave."""

    levels: NDArray[np.float64]
    after_one: NDArray[np.float64]
    after_two: NDArray[np.float64]

    @property
    def loud(self) -> NDArray[np.bool_]:
        """Hops within 20 dB of the clip's loud ones (95th percentile)."""
        return self.levels > np.percentile(self.levels, 95) - _LOUD_DB


def periods_of(samples: Samples, rate_hz: int) -> Periods:
    """The model over mono samples of at least one hop; windows of 64 ms around each hop's start."""
    low = sosfiltfilt(_BAND, np.pad(resample(samples, rate_hz, _RATE_HZ).astype(np.float64), _WINDOW // 2))
    every = np.lib.stride_tricks.sliding_window_view(low, _WINDOW)[:: _RATE_HZ // HOPS_PER_SECOND]
    levels, one, two = [], [], []
    for first in range(0, len(every), _HOPS_AT_ONCE):
        frames = every[first : first + _HOPS_AT_ONCE] * _TAPER
        levels.append(10 * np.log10(np.mean(frames**2, axis=1) + 1e-12))
        r = np.fft.irfft(np.abs(np.fft.rfft(frames, 2 * _WINDOW, axis=1)) ** 2, axis=1)[:, : len(_OF_TAPER)]
        r = (r / np.maximum(r[:, :1], 1e-12) / _OF_TAPER).astype(np.float32)
        one.append(1 - r[:, _LAGS].max(axis=1))
        left = 4 - 4 * r[:, _A] - 4 * r[:, _B] + 2 * r[:, _A + _B] + 2 * r[:, _B - _A]
        two.append(left.min(axis=1) / 4)
    return Periods(
        levels=np.concatenate(levels),
        after_one=np.concatenate(one).astype(np.float64),
        after_two=np.concatenate(two).astype(np.float64),
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


def second_voice_features(found: Periods) -> NDArray[np.float64]:
    """What the detector of a second voice looks at: how hops spread over (left by one, ratio two to one), and sums."""
    one, two = found.after_one[found.loud], found.after_two[found.loud]
    ratio = np.log(np.maximum(two, 0.005) / np.maximum(one, 0.01))
    spread = np.histogram2d(one, ratio, [_BINS_ONE, _BINS_RATIO])[0] / len(one)
    both = (one > 0.12) & (two < 0.1) & (two < 0.4 * one)
    steady = np.convolve(both, np.ones(5) / 5, "same") >= 0.8
    quarter, half = np.percentile(one, (25, 50))
    return np.concatenate([np.sqrt(spread.ravel()), [both.mean(), steady.mean(), quarter, half, np.median(two)]])


_BAND = butter(2, _BAND_HZ, "bandpass", fs=_RATE_HZ, output="sos")
_TAPER = np.hanning(_WINDOW)
_OF_TAPER = np.fft.irfft(np.abs(np.fft.rfft(_TAPER, 2 * _WINDOW)) ** 2)[:280]
_OF_TAPER = _OF_TAPER / _OF_TAPER[0]
_PAIRS = [(a, b) for a in _LAGS for b in _LAGS if b > a * _UNLIKE]
_A, _B = (np.array(each) for each in zip(*_PAIRS, strict=True))
