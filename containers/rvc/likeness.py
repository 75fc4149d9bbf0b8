"""How alike two voices are: cosines of Resemblyzer's vectors, its weights as they come in the package.

The library's own front end loads librosa and compiles it at every start; the same spectra are made here.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .mel import filters
from .sound import LISTEN_HZ, SILENCE, Samples

MODEL = "resemblyzer 0.1.4"
_FFT, _HOP, _BANDS = 400, 160, 40
_WINDOW, _STEP = 160, 77
"""Frames (10 ms) of what the encoder hears at a time, and from one to the next: the library's 1.3 a second."""
Vector = NDArray[np.float32]


def vector_of(clips: list[Samples]) -> Vector | None:
    """The unit vector of 16 kHz clips of one speaker, each weighted by its length; None if nothing is heard."""
    total = np.zeros(256, np.float64)
    for samples in clips:
        level = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if len(samples) else 0.0
        if level > SILENCE and len(samples) > LISTEN_HZ // 10:
            raised = samples * np.float32(10**-1.5 / level)  # what the encoder's training speech was raised to
            total += _heard(raised) * len(samples)
    length = float(np.linalg.norm(total))
    return (total / length).astype(np.float32) if length else None


def cosine(one: Vector | None, other: Vector | None) -> float | None:
    return None if one is None or other is None else round(float(one @ other), 4)


def mel_frames(samples: Samples) -> NDArray[np.float32]:
    """Mel power, a frame each 10 ms centred on its time: (frames, 40)."""
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(samples, _FFT // 2), _FFT)[::_HOP]
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_FFT) / _FFT)).astype(np.float32)
    power = np.abs(np.fft.rfft(frames * window, axis=1)) ** 2
    return (power @ filters(LISTEN_HZ, _FFT, _BANDS).T).astype(np.float32)


def _heard(samples: Samples) -> NDArray[np.float64]:
    """The mean vector of windows of 1.6 s; the last one counts from three quarters on, filled up with silence."""
    mel = mel_frames(samples)
    starts = range(0, max(1, len(mel) - 3 * _WINDOW // 4 + 1), _STEP)
    mel = np.pad(mel, ((0, max(0, starts[-1] + _WINDOW - len(mel))), (0, 0)))
    windows = torch.from_numpy(np.stack([mel[start : start + _WINDOW] for start in starts]))
    with torch.inference_mode():
        mean = _encoder()(windows).numpy().astype(np.float64).mean(axis=0)
    return mean / max(float(np.linalg.norm(mean)), 1e-9)


@functools.cache
def _encoder() -> Any:
    from resemblyzer import VoiceEncoder

    return VoiceEncoder("cpu", verbose=False).eval()
