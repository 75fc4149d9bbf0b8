"""How far up a clip's sound reaches, and whether it has a telephone's colour."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from .audio import Samples
from .pauses import QUANTISATION_DB, hop_samples
from .rest import Rest

Spectra = NDArray[np.float32]
"""Power, (windows, bins)."""

_STILL_DB = -90.0
_FFT = 2048
_COLOUR_EDGES_HZ = (60, 150, 250, 350, 600, 1200, 2000, 2800, 3400, 4200, 5500, 7500)
_FAINTEST_DB = -60.0


def bandwidth_hz(spectra: Spectra, rate_hz: int, found: Rest) -> float | None:
    """Highest frequency up to which the speech's mean spectrum stands clear of the floor.

    The floor is the loudest of: 16-bit rounding + 6 dB, the clip's own pauses + 4 dB, and 65 dB
    under the strongest band (leakage of filters). Bands of about 200 Hz; what stands alone above a
    gap of 1.5 kHz is the mirror image that a poor resampler leaves, and does not count.
    """
    if not len(found.speech):
        return None
    middles = (np.arange(len(spectra)) * (_FFT // 2) + _FFT // 2) // hop_samples(rate_hz)
    hops = np.minimum(middles, len(found.speech) - 1)
    width = max(3, round(200 / (rate_hz / _FFT)))
    speaking = found.speech[hops] if found.speech[hops].any() else np.ones(len(hops), bool)
    speech = _mean_spectrum(spectra[speaking], width)
    if speech is None or speech.max() < _STILL_DB:
        return None
    window = np.hanning(_FFT)
    rounding = 10 * np.log10(10 ** (QUANTISATION_DB / 10) * np.sum(window**2))
    pauses = _mean_spectrum(spectra[found.pauses[hops]], width)
    floor = np.maximum(rounding + 6, speech.max() - 65)
    if pauses is not None:
        floor = np.maximum(floor, pauses + 4)
    clear = np.flatnonzero(speech > floor)
    if not len(clear):
        return None
    gaps = np.flatnonzero(np.diff(clear) > 1500 / (rate_hz / _FFT))
    highest = clear[gaps[0]] if len(gaps) else clear[-1]
    return round(float(highest - width // 2) * rate_hz / _FFT, 0)


def spectra_of(samples: Samples) -> Spectra:
    """Power of windows of 2048 samples, half overlapping."""
    padded = np.pad(samples, (0, max(0, _FFT - len(samples))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[:: _FFT // 2]
    spectra = np.fft.rfft(frames * np.hanning(_FFT), axis=1)
    return (spectra.real**2 + spectra.imag**2).astype(np.float32)


def _mean_spectrum(power: Spectra, width: int) -> NDArray[np.float64] | None:
    if not len(power):
        return None
    return 10 * np.log10(uniform_filter1d(power.mean(axis=0, dtype=np.float64), width) + 1e-12)


def colour(spectra: Spectra, rate_hz: int) -> NDArray[np.float64] | None:
    """Levels of eleven bands from 60 Hz to 7.5 kHz in dB beside the voice's core (0.5 to 2.5 kHz).

    Each in the moments when it is loud (95th percentile of windows), so that one sibilant is enough to
    show that nothing cut it off. None for silence, and under 15 kHz of sample rate.
    """
    if rate_hz < 2 * _COLOUR_EDGES_HZ[-1]:
        return None
    core = np.percentile(_power(spectra, 500, 2500, rate_hz), 90)
    if core < 1e-6:
        return None
    bands = [_power(spectra, low, high, rate_hz) for low, high in pairwise(_COLOUR_EDGES_HZ)]
    loud = np.percentile(np.stack(bands), 95, axis=1)
    return np.maximum(10 * np.log10(loud / core + 1e-9), _FAINTEST_DB)


def _power(spectra: Spectra, low_hz: float, high_hz: float, rate_hz: int) -> NDArray[np.float32]:
    first, last = (math.ceil(each * _FFT / rate_hz) for each in (low_hz, high_hz))
    return spectra[:, first:last].sum(axis=1)
