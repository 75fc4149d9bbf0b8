"""Speech as WORLD sees it: pitch, spectral envelope and breath, 200 times a second.

Analysis takes a voice apart (pyworld: Harvest, StoneMask, CheapTrick, D4C), synthesis puts
one together again. The envelope is kept coded, 60 numbers a frame, in which
every linear change of the log spectrum (a tilt, a band, a gain) stays linear.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pyworld
from numpy.typing import NDArray

from .audio import Samples

Floats = NDArray[np.float32]

RATE_HZ = 44100
FRAMES_PER_SECOND = 200
BANDS = 60
"""Numbers that code one envelope (mel cepstrum up to 20 kHz)."""

_PERIOD_MS = 1000.0 / FRAMES_PER_SECOND
_FFT = 2048
_F0_HZ = (71.0, 1000.0)  # CheapTrick's floor for 2048 points; children shouting reach 900 Hz
_STEADY_FRAMES = 20  # 0.1 s
_ALL_NOISE = 0.999
_SILENCE = 1e-12  # power; CheapTrick needs something to hold on to


@dataclass(frozen=True, kw_only=True)
class Frames:
    """A stretch of speech: `f0` in Hz (n,), 0 = unvoiced; coded `envelope` (n, 60); coded `breath` (n, 5) in dB."""

    f0: Floats
    envelope: Floats
    breath: Floats

    def __len__(self) -> int:
        return len(self.f0)

    def __getitem__(self, which: Any) -> Frames:
        return Frames(f0=self.f0[which], envelope=self.envelope[which], breath=self.breath[which])

    def shifted(self, semitones: float) -> Frames:
        return replace(self, f0=self.f0 * np.float32(2.0 ** (semitones / 12)))


def analyse(samples: Samples) -> Frames:
    """Take mono speech at 44.1 kHz apart: one frame each 5 ms, the first at 0."""
    x = np.ascontiguousarray(samples, dtype=np.float64)
    x = x + np.random.default_rng(0).normal(scale=np.sqrt(_SILENCE), size=len(x))
    f0, times = _pitch(x)
    spectrum = pyworld.cheaptrick(x, f0, times, RATE_HZ, fft_size=_FFT)
    breath = pyworld.d4c(x, f0, times, RATE_HZ, fft_size=_FFT)
    voiced = breath.min(axis=1) < _ALL_NOISE  # Harvest draws its melody through consonants, D4C knows better
    return Frames(
        f0=np.where(voiced, f0, 0.0).astype(np.float32),
        envelope=pyworld.code_spectral_envelope(spectrum, RATE_HZ, BANDS).astype(np.float32),
        breath=pyworld.code_aperiodicity(breath, RATE_HZ).astype(np.float32),
    )


def _pitch(x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """f0 in Hz and times: Harvest, which wants harmonics, and DIO for the steady tones that have none."""
    bounds: dict[str, float] = {"f0_floor": _F0_HZ[0], "f0_ceil": _F0_HZ[1], "frame_period": _PERIOD_MS}
    f0, times = pyworld.harvest(x, RATE_HZ, **bounds)
    tone, _ = pyworld.dio(x, RATE_HZ, **bounds)
    f0 = pyworld.stonemask(x, f0, times, RATE_HZ)
    steady = (tone[1:] > 0) & (f0[1:] == 0) & (np.abs(np.diff(tone)) < 0.01 * tone[1:])
    edges = np.flatnonzero(np.diff(np.concatenate([[False], steady, [False]]).astype(np.int8)))
    for first, last in edges.reshape(-1, 2):
        if last - first >= _STEADY_FRAMES:
            f0[first : last + 1] = tone[first : last + 1]
    return f0, times


def frame_count(samples: int) -> int:
    """Frames that `analyse` gives for so many samples."""
    return int(samples * FRAMES_PER_SECOND / RATE_HZ) + 1


def synthesise(frames: Frames) -> Samples:
    """Put frames together: mono at 44.1 kHz, about 5 ms a frame."""
    spectrum = pyworld.decode_spectral_envelope(_wide(frames.envelope), RATE_HZ, _FFT)
    breath = pyworld.decode_aperiodicity(_wide(frames.breath), RATE_HZ, _FFT)
    sound = pyworld.synthesize(_wide(frames.f0), spectrum, breath, RATE_HZ, _PERIOD_MS)
    return sound.astype(np.float32)


def _wide(values: Floats) -> NDArray[np.float64]:
    return np.ascontiguousarray(values, dtype=np.float64)


@cache
def log_spectrum_of_code() -> Floats:
    """(60, 1025): the log power spectrum is `envelope @ this`, from 0 Hz to 22.05 kHz."""
    zero = np.log(pyworld.decode_spectral_envelope(np.zeros((1, BANDS)), RATE_HZ, _FFT))
    unit = np.log(pyworld.decode_spectral_envelope(np.eye(BANDS), RATE_HZ, _FFT))
    return (unit - zero).astype(np.float32)


def log_power(envelope: Floats) -> Floats:
    """Mean log power below 8 kHz of each frame (n,), natural logarithm."""
    edge = round(8000 / RATE_HZ * _FFT)
    spectrum = envelope @ log_spectrum_of_code()[:, 1:edge]
    top = spectrum.max(axis=1, keepdims=True)
    return (top[:, 0] + np.log(np.exp(spectrum - top).mean(axis=1))).astype(np.float32)


def with_log_power(envelope: Floats, wanted: Floats) -> Floats:
    """The same envelopes, each brought to a log power (n,); the first coefficient is the gain."""
    raised = envelope.astype(np.float32)
    raised[:, 0] += wanted - log_power(envelope)
    return raised
