"""What can be measured of a clip, for the house to decide on.

Everything is relative to the clip itself, so a quiet series is judged like a
loud one; a figure that the clip cannot give is None and not a guess.
"""

from __future__ import annotations

import numpy as np
import pyworld
from numpy.typing import NDArray

from containers.contract.stages import Measurements

from .audio import Samples, resample
from .bandwidth import bandwidth_hz, colour, spectra_of
from .breaths import breath_seconds
from .clip_words import clip_words
from .detectors import probability
from .loudness import loudness_lufs, peak_dbfs
from .pauses import QUANTISATION_DB, Levels, levels_of, mean_level, runs
from .periods import periods_of, polyphony, tonal_share
from .rest import Rest, rest_in
from .second_voice import second_voice_probability
from .singing import singing_probability
from .speech import SAMPLE_RATE_HZ, speech_probabilities

_STILL_DB = -90.0
_LEAST_PAUSES = 8
_F0_HZ = (60.0, 1000.0)
"""From a deep man's voice to a child shouting."""


def measure(samples: Samples, rate_hz: int, background: Samples | None = None) -> Measurements:
    """Measure mono samples; `background` is the other stem over the same time."""
    at_16k = resample(samples, rate_hz, SAMPLE_RATE_HZ)
    f0 = _f0(at_16k)
    voiced = f0[f0 > 0]
    low, median, high = (float(each) for each in np.percentile(voiced, (5, 50, 95))) if len(voiced) else (None,) * 3
    levels = levels_of(samples, rate_hz)
    found = rest_in(levels)
    spectra = spectra_of(samples)
    bands = colour(spectra, rate_hz)
    beside = periods_of(samples, rate_hz) if len(levels) else None
    return Measurements(
        snr_db=_snr_db(levels, found),
        background_db=_over_background(samples, background),
        loudness_lufs=_rounded(loudness_lufs(samples, rate_hz)),
        peak_dbfs=round(peak_dbfs(samples), 2),
        clipped_share=round(clipped_share(samples, rate_hz), 6),
        bandwidth_hz=bandwidth_hz(spectra, rate_hz, found),
        f0_median_hz=_rounded(median),
        f0_low_hz=_rounded(low),
        f0_high_hz=_rounded(high),
        voiced_share=round(len(voiced) / max(len(f0), 1), 4),
        speech_probability=round(float(np.mean(speech_probabilities(at_16k))) if len(at_16k) else 0.0, 4),
        singing_probability=singing_probability(f0),
        telephone_probability=None if bands is None else probability("telephone", bands),
        second_voice_probability=None if beside is None else second_voice_probability(samples, rate_hz, beside),
        pause_tonality=None if beside is None else tonal_share(beside, found.pauses),
        polyphony=None if beside is None else polyphony(beside),
        edge_db=edge_db(levels, found),
        breath_seconds=None if beside is None else breath_seconds(samples, rate_hz, levels, found, beside),
        fingerprint=clip_words(samples, rate_hz),
    )


def snr_db(samples: Samples, rate_hz: int) -> float | None:
    """Mean power of the speech, less the noise under it, over the mean power of the clip's own pauses.

    Pauses are stretches of 60 ms or more that are quiet beside the speech. None where they add up to
    less than 80 ms, and where nothing rises above the floor (steady noise, silence).
    """
    levels = levels_of(samples, rate_hz)
    return _snr_db(levels, rest_in(levels))


def _snr_db(levels: Levels, found: Rest) -> float | None:
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


def edge_db(levels: Levels, found: Rest) -> float | None:
    """Level of the louder end (20 ms, without the fade) over that of the speech; far below 0 where cut at pauses.

    No longer than that: a word may be cut between a burst and its vowel.
    """
    if len(levels) < 20 or not found.speech.any():
        return None
    ends = (mean_level(levels[1:3]), mean_level(levels[-3:-1]))
    return round(max(ends) - mean_level(levels[found.speech]), 2)


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
