"""What can be measured of a clip, for the house to decide on.

Everything is relative to the clip itself, so a quiet series is judged like a
loud one; a figure that the clip cannot give is None and not a guess.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyworld
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from containers.contract.stages import Measurements

from .audio import Samples, resample
from .loudness import loudness_lufs, peak_dbfs
from .pauses import QUANTISATION_DB, hop_samples, levels_of, mean_level, quiet, runs
from .singing import singing_probability
from .speech import SAMPLE_RATE_HZ, speech_probabilities

_STILL_DB = -90.0
_SHORTEST_PAUSE = 6  # hops of 10 ms
_LEAST_PAUSES = 8
_FFT = 2048
_F0_HZ = (60.0, 1000.0)
"""From a deep man's voice to a child shouting."""


def measure(samples: Samples, rate_hz: int, background: Samples | None = None) -> Measurements:
    """Measure mono samples; `background` is the other stem over the same time."""
    at_16k = resample(samples, rate_hz, SAMPLE_RATE_HZ)
    f0 = _f0(at_16k)
    voiced = f0[f0 > 0]
    low, median, high = (float(each) for each in np.percentile(voiced, (5, 50, 95))) if len(voiced) else (None,) * 3
    return Measurements(
        snr_db=snr_db(samples, rate_hz),
        background_db=_over_background(samples, background),
        loudness_lufs=_rounded(loudness_lufs(samples, rate_hz)),
        peak_dbfs=round(peak_dbfs(samples), 2),
        clipped_share=round(clipped_share(samples, rate_hz), 6),
        bandwidth_hz=bandwidth_hz(samples, rate_hz),
        f0_median_hz=_rounded(median),
        f0_low_hz=_rounded(low),
        f0_high_hz=_rounded(high),
        voiced_share=round(len(voiced) / max(len(f0), 1), 4),
        speech_probability=round(float(np.mean(speech_probabilities(at_16k))) if len(at_16k) else 0.0, 4),
        singing_probability=singing_probability(f0),
    )


@dataclass(frozen=True, kw_only=True)
class Rest:
    """The clip's pauses and its speech, as hops; the edges of pauses belong to neither."""

    pauses: NDArray[np.bool_]
    speech: NDArray[np.bool_]


def rest(samples: Samples, rate_hz: int) -> Rest:
    """Which hops are pauses for certain, which are speech; the faded first and last are neither."""
    levels = levels_of(samples, rate_hz)
    still = quiet(levels)
    pauses = np.zeros(len(levels), bool)
    for a, b in runs(still, _SHORTEST_PAUSE):
        pauses[(a + 1 if a == 0 else a + 2) : (b - 1 if b == len(levels) else b - 2)] = True
    return Rest(pauses=pauses, speech=~still)


def snr_db(samples: Samples, rate_hz: int) -> float | None:
    """Mean power of the speech, less the noise under it, over the mean power of the clip's own pauses.

    Pauses are stretches of 60 ms or more that are quiet beside the speech. None where they add up to
    less than 80 ms, and where nothing rises above the floor (steady noise, silence).
    """
    levels = levels_of(samples, rate_hz)
    found = rest(samples, rate_hz)
    if found.pauses.sum() < _LEAST_PAUSES or not found.speech.any():
        return None
    noise, speech = mean_level(levels[found.pauses]), mean_level(levels[found.speech])
    if speech < _STILL_DB or speech - noise < 1.0:
        return None
    return round(float(10 * np.log10(10 ** ((speech - noise) / 10) - 1)), 2)


def _over_background(samples: Samples, background: Samples | None) -> float | None:
    if background is None or not len(background) or not len(samples):
        return None
    least = 10 ** (QUANTISATION_DB / 10)
    voice, behind = (np.mean(np.square(each, dtype=np.float64)) + least for each in (samples, background))
    return round(float(10 * np.log10(voice / behind)), 2)


def clipped_share(samples: Samples, rate_hz: int) -> float:
    """Share of samples in flat tops: runs of equal samples near the largest of their sign.

    Relative to the clip's own peak, so clipped sound that was turned down later is found; not what a
    lossy coder or a separation has rounded off again.
    """
    shortest = max(3, round(rate_hz * 8e-5))
    flat = 0
    for side in (samples, -samples):
        peak = float(np.max(side, initial=0.0))
        if peak < 0.05:
            continue
        top = side > 0.98 * peak
        level = np.abs(np.diff(side)) <= max(1.01 / 32768, 2e-4 * peak)
        flat += sum(b - a + 1 for a, b in runs(top[1:] & top[:-1] & level, shortest - 1))
    return flat / max(len(samples), 1)


def bandwidth_hz(samples: Samples, rate_hz: int) -> float | None:
    """Highest frequency up to which the speech's mean spectrum stands clear of the floor.

    The floor is the loudest of: 16-bit rounding + 6 dB, the clip's own pauses + 4 dB, and 65 dB
    under the strongest band (leakage of filters). Bands of about 200 Hz; what stands alone above a
    gap of 1.5 kHz is the mirror image that a poor resampler leaves, and does not count.
    """
    found = rest(samples, rate_hz)
    if not len(found.speech):
        return None
    spectra, hops = _spectra(samples, rate_hz)
    hops = np.minimum(hops, len(found.speech) - 1)
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


def _spectra(samples: Samples, rate_hz: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Power spectra (frames, bins) of windows of 2048 samples, half overlapping, and each one's middle hop."""
    padded = np.pad(samples, (0, max(0, _FFT - len(samples))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[:: _FFT // 2]
    power = np.square(np.abs(np.fft.rfft(frames * np.hanning(_FFT), axis=1))).astype(np.float32)
    middle = np.arange(len(frames)) * (_FFT // 2) + _FFT // 2
    return power, middle // hop_samples(rate_hz)


def _mean_spectrum(power: NDArray[np.float32], width: int) -> NDArray[np.float64] | None:
    if not len(power):
        return None
    return 10 * np.log10(uniform_filter1d(power.mean(axis=0, dtype=np.float64), width) + 1e-12)


def _f0(at_16k: Samples) -> NDArray[np.float64]:
    """Pitch each 10 ms in Hz, 0 = unvoiced (WORLD's DIO with StoneMask); runs under 40 ms are chance."""
    x = np.ascontiguousarray(at_16k, dtype=np.float64)
    if len(x) < SAMPLE_RATE_HZ // 20:
        return np.zeros(0)
    low, high = _F0_HZ
    rough, times = pyworld.dio(x, SAMPLE_RATE_HZ, f0_floor=low, f0_ceil=high, frame_period=10.0, speed=4)
    f0 = pyworld.stonemask(x, rough, times, SAMPLE_RATE_HZ)
    steady = np.zeros(len(f0), bool)
    for a, b in runs(f0 > 0, 4):
        steady[a:b] = True
    return np.where(steady, f0, 0.0)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
