"""Loudness (ITU-R BS.1770) and true peak, measured and set.

Setting is one gain for the whole clip; peaks that stand above the limit after
it are let down by a smooth gain of a few milliseconds, and what that takes from
the loudness is given back.
"""

from __future__ import annotations

import math

import numpy as np
import pyloudnorm
import soxr
from numpy.typing import NDArray
from scipy.ndimage import minimum_filter1d

from .audio import Samples

SILENCE_DBFS = -120.0
"""Said of digital silence, which has no level."""

_BLOCK_SECONDS = 0.4
_OVERSAMPLED = 4
_LOOK_AHEAD_SECONDS = 0.005
_TINY_OVER_DB = 0.3
_CLOSE_LU = 0.1


def loudness_lufs(samples: Samples, rate_hz: int) -> float | None:
    """Integrated loudness of mono samples; None for silence (under -70 LUFS).

    What is shorter than a block of 0.4 s is one block of its own length.
    """
    if not len(samples):
        return None
    block = min(_BLOCK_SECONDS, len(samples) / rate_hz)
    meter = pyloudnorm.Meter(rate_hz, block_size=block)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = float(meter.integrated_loudness(samples.astype(np.float64)))
    return found if math.isfinite(found) else None


def peak_dbfs(samples: Samples) -> float:
    """Level of the largest sample."""
    return _dbfs(float(np.max(np.abs(samples), initial=0.0)))


def true_peak_dbfs(samples: Samples, rate_hz: int) -> float:
    """Level of the largest value between samples too (four times oversampled, BS.1770 annex 2)."""
    return _dbfs(float(np.max(true_peaks(samples, rate_hz), initial=0.0)))


def at_loudness(samples: Samples, rate_hz: int, wanted_lufs: float, ceiling_dbfs: float) -> Samples:
    """Samples brought to a loudness, no true peak above the ceiling; silence stays silence."""
    found = loudness_lufs(samples, rate_hz)
    if found is None:
        return samples
    gain = wanted_lufs - found
    for _ in range(6):
        loud = samples * np.float32(10 ** (gain / 20))
        if true_peak_dbfs(loud, rate_hz) > ceiling_dbfs + _TINY_OVER_DB:
            loud = _limited(loud, rate_hz, ceiling_dbfs)
        missing = wanted_lufs - (loudness_lufs(loud, rate_hz) or wanted_lufs)
        if abs(missing) < _CLOSE_LU:
            break
        gain += missing
    return _under(loud, rate_hz, ceiling_dbfs)


def _limited(samples: Samples, rate_hz: int, ceiling_dbfs: float) -> Samples:
    ceiling = 10 ** (ceiling_dbfs / 20)
    wanted = np.minimum(1.0, ceiling / np.maximum(true_peaks(samples, rate_hz), 1e-9))
    return (samples * smoothed_gain(wanted, rate_hz)).astype(np.float32)


def smoothed_gain(wanted: NDArray[np.float64], rate_hz: int) -> NDArray[np.float64]:
    """A gain that is low enough at every sample (`wanted`) and moves smoothly between them.

    The least gain over twice the look-ahead, averaged by a Hann window of the same length: at every
    sample each value averaged is already low enough.
    """
    reach = round(_LOOK_AHEAD_SECONDS * rate_hz)
    window = np.hanning(2 * reach + 3)[1:-1]
    least = minimum_filter1d(wanted, 2 * reach + 1, mode="nearest")
    return np.convolve(np.pad(least, reach, mode="edge"), window / window.sum(), mode="valid")


def limiter_reach(rate_hz: int) -> int:
    """Samples to both sides of a peak that `smoothed_gain` may change."""
    return 2 * round(_LOOK_AHEAD_SECONDS * rate_hz)


def _under(samples: Samples, rate_hz: int, ceiling_dbfs: float) -> Samples:
    over = true_peak_dbfs(samples, rate_hz) - (ceiling_dbfs - 0.01)  # rounding to 16 bits may add a little
    return samples * np.float32(10 ** (-over / 20)) if over > 0 else samples


def true_peaks(samples: Samples, rate_hz: int) -> NDArray[np.float64]:
    """The largest magnitude at and just after each sample."""
    dense = soxr.resample(samples.astype(np.float64), rate_hz, _OVERSAMPLED * rate_hz, quality="HQ")
    dense = np.pad(dense, (0, max(0, _OVERSAMPLED * len(samples) - len(dense))))[: _OVERSAMPLED * len(samples)]
    return np.maximum(np.abs(dense.reshape(-1, _OVERSAMPLED)).max(axis=1), np.abs(samples))


def _dbfs(value: float) -> float:
    return max(20 * math.log10(value), SILENCE_DBFS) if value > 0 else SILENCE_DBFS
