"""Noise taken off a clip, where that helps, and only as much as leaves the voice alone.

RNNoise finds the noise, but its own output is not used: its filters turn the
phase, which alone keeps it under 16 dB of SI-SDR however clean the clip was.
What it took from each place of the spectrogram is taken from the clip itself
instead, by 20 dB at most, so a trace of the room stays and no pause falls into
digital silence. Rumble under 60 Hz goes with the noise. Where RNNoise hurts the
voice (shouts, whispering), noisereduce is tried, gently, with the clip's own
pauses as its picture of the noise.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from importlib.metadata import version
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pyrnnoise.rnnoise import FRAME_SIZE, create, destroy, lib
from scipy.ndimage import uniform_filter
from scipy.signal import istft, stft

from .audio import Samples
from .measuring import snr_db
from .pauses import Levels, hop_samples, levels_of, mean_level
from .rest import rest

RATE_HZ = 48000
"""RNNoise knows this rate only."""

CLEAN_ENOUGH_DB = 22.0
"""Measured SNR from which there is little to gain; below it, whether the voice pays is asked of each clip."""
GENTLE_UNTIL_DB = 18.0
"""The same for noisereduce."""
GAINED_DB = 3.0

_DELAY = 960
_RUN_IN = 24000  # half a second, mirrored, in which the network hears what the noise is like
_FULL_SCALE = 32768.0
_WINDOW, _OVERLAP = 1920, 1440  # 40 ms, each place seen four times
_FLOOR = 0.1
_TAKEN_DB = 2.0
"""How far above the noise what was taken from the speech may lie. Where it is the noise and something of the voice,
the voice's part is what is wrong afterwards, and less than the noise was up to 3 dB."""
_GENTLE = 0.6

_RNNOISE = f"rnnoise {version('pyrnnoise')} (pyrnnoise)"
_NOISEREDUCE = f"noisereduce {version('noisereduce')}"

Denoise = Literal["auto", "always"]


def denoised(samples: Samples, mode: Denoise) -> tuple[Samples, str | None]:
    """A mono clip at 48 kHz with less noise, and what did it; the clip itself and None if nothing helps."""
    before = snr_db(samples, RATE_HZ)
    if mode == "always":
        return by_rnnoise(samples), _RNNOISE
    ways: list[tuple[float, str, Callable[[Samples], Samples]]] = [
        (CLEAN_ENOUGH_DB, _RNNOISE, by_rnnoise),
        (GENTLE_UNTIL_DB, _NOISEREDUCE, by_noisereduce),
    ]
    for until, name, way in ways:
        if before is not None and before < until:
            result = way(samples)
            after = snr_db(result, RATE_HZ)
            better = after is not None and after >= before + GAINED_DB
            if better and noise_taken(samples, result) and voice_kept(samples, result):
                return result, name
    return samples, None


def by_rnnoise(samples: Samples) -> Samples:
    """Each place of the spectrogram turned down as RNNoise turned it down, phase untouched; 48 kHz mono."""
    if len(samples) < _WINDOW:
        return samples
    taken = _power(rnnoise(samples)) / np.maximum(_power(samples), 1e-14)
    gain = np.clip(np.sqrt(taken), _FLOOR, 1.0)
    _, quieter = istft(_spectrogram(samples) * gain, RATE_HZ, nperseg=_WINDOW, noverlap=_OVERLAP)
    return quieter[: len(samples)].astype(np.float32)


def _spectrogram(samples: Samples) -> NDArray[np.complex64]:
    return stft(samples, RATE_HZ, nperseg=_WINDOW, noverlap=_OVERLAP)[2]


def _power(samples: Samples) -> NDArray[np.float64]:
    """Spectrogram power, averaged over 3 x 3 neighbours so that the gain does not twitter."""
    power = np.square(np.abs(_spectrogram(samples)), dtype=np.float64)
    return np.maximum(uniform_filter(power, 3, mode="nearest"), 0.0)


def rnnoise(samples: Samples) -> Samples:
    """RNNoise's own output, in time with its input; 48 kHz mono.

    Frames go to the library as floats: pyrnnoise's own functions cut them to 16 bits, wrapping
    what exceeds them around.
    """
    run_in = samples[:_RUN_IN][::-1]
    padded = np.concatenate((run_in, samples, np.zeros(_DELAY, np.float32)))
    sound = np.pad(padded, (0, -len(padded) % FRAME_SIZE)).astype(np.float32) * np.float32(_FULL_SCALE)
    state = create()
    try:
        for frame in sound.reshape(-1, FRAME_SIZE):
            place = frame.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
            lib.rnnoise_process_frame(state, place, place)
    finally:
        destroy(state)
    first = _DELAY + len(run_in)
    return sound[first : first + len(samples)] / np.float32(_FULL_SCALE)


def by_noisereduce(samples: Samples) -> Samples:
    """Spectral gating with the noise of the clip's own pauses, taking 60 % at most; 48 kHz mono."""
    import noisereduce

    hop = hop_samples(RATE_HZ)
    pauses = rest(samples, RATE_HZ).pauses
    noise = samples[: len(pauses) * hop].reshape(-1, hop)[pauses].ravel()
    if len(noise) < 2048:
        return samples
    return noisereduce.reduce_noise(
        y=samples,
        sr=RATE_HZ,
        y_noise=noise,
        stationary=True,
        prop_decrease=_GENTLE,
        chunk_size=len(samples) + 1,  # in one piece: more would go through a temporary file
    ).astype(np.float32)


def noise_taken(before: Samples, after: Samples) -> bool:
    """Whether what is gone from the speech is about as much as there was noise, so that more is won than lost."""
    found = rest(before, RATE_HZ)
    if not found.pauses.any() or not found.speech.any():
        return False
    noise = mean_level(levels_of(before, RATE_HZ)[found.pauses])
    return bool(mean_level(levels_of(before - after, RATE_HZ)[found.speech]) <= noise + _TAKEN_DB)


def voice_kept(before: Samples, after: Samples) -> bool:
    """Whether the speech is still there: its loud half within 1 dB, and hardly a moment of it gone.

    A moment is a hop within 10 dB of the mean speech, clear of the noise by 10 dB; it is gone if it
    lost more than 6 dB. 10 % may (a click, a note of music): RNNoise takes 80 % and more of a shout
    or a whisper, and at most 5 % of ordinary speech.
    """
    found = rest(before, RATE_HZ)
    if not found.pauses.any() or not found.speech.any():
        return False
    old, new = levels_of(before, RATE_HZ), levels_of(after, RATE_HZ)
    noise, speech = mean_level(old[found.pauses]), mean_level(old[found.speech])
    loud = found.speech & (old >= speech)
    lost = _above(old[loud], noise) - _above(new[loud], mean_level(new[found.pauses]))
    clear = found.speech & (old > max(speech - 10, noise + 10))
    moments = clear if clear.any() else loud
    return bool(lost < 1.0 and np.mean(old[moments] - new[moments] > 6.0) <= 0.1)


def _above(levels: Levels, noise: float) -> float:
    """Level of the mean power, less the noise in it."""
    return float(10 * np.log10(max(10 ** (mean_level(levels) / 10) - 10 ** (noise / 10), 1e-12)))
