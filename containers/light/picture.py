"""A spectrogram as a small PNG: time to the right, 0 to 8 kHz upwards, the loudest 80 dB."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import soxr
from numpy.typing import NDArray

WIDTH, HEIGHT = 600, 120
_RATE_HZ = 16000
_FFT = 512
_RANGE_DB = 80.0
_QUIETEST_TOP_DB = -60.0
"""The brightest colour stands for at least this level (dBFS of a sine), so that silence stays dark."""

_COLOURS = np.array(
    [(0, 0, 4), (28, 16, 68), (79, 18, 123), (129, 37, 129), (181, 54, 122), (229, 80, 100), (251, 135, 97),
     (254, 194, 135), (252, 253, 191)]
)  # fmt: skip
"""Nine equally spaced points of matplotlib's magma (CC0, van der Walt and Smith)."""


class Spectrogram:
    """Hears a sound in blocks and keeps one column of power for each of its WIDTH pieces."""

    def __init__(self, *, duration: float, rate_hz: int) -> None:
        self._resampler = soxr.ResampleStream(rate_hz, _RATE_HZ, 1) if rate_hz != _RATE_HZ else None
        self._total = max(1.0, duration * _RATE_HZ)
        self._hop = int(np.clip(self._total / WIDTH, 1, _FFT // 2))
        self._ready = np.zeros(_FFT // 2, np.float32)
        self._frames = 0
        self._power = np.zeros((WIDTH, _FFT // 2 + 1))
        self._counts = np.zeros(WIDTH)
        self._window = np.hanning(_FFT).astype(np.float32)

    def hear(self, mono: NDArray[np.float32]) -> None:
        """The next block, samples (n,) at the rate given at the start."""
        if self._resampler is not None:
            mono = self._resampler.resample_chunk(np.ascontiguousarray(mono))
        self._take(mono)

    def png(self) -> bytes:
        """The picture, once all has been heard."""
        if self._resampler is not None:
            self._take(self._resampler.resample_chunk(np.zeros(0, np.float32), last=True))
            self._resampler = None
        self._take(np.zeros(_FFT, np.float32))
        filled = np.maximum.accumulate(np.where(self._counts > 0, np.arange(WIDTH), 0))
        power = (self._power / np.maximum(self._counts, 1)[:, None])[filled]
        rows = np.linspace(0, _FFT // 2 + 1, HEIGHT + 1).astype(int)[:-1]
        level = 10.0 * np.log10(np.maximum.reduceat(power, rows, axis=1) / (_FFT / 4) ** 2 + 1e-14)
        top = max(float(level.max()), _QUIETEST_TOP_DB)
        shade = np.clip((level - top) / _RANGE_DB + 1.0, 0.0, 1.0)
        return png(np.rint(shade.T[::-1] * 255).astype(np.uint8))

    def _take(self, mono: NDArray[np.float32]) -> None:
        ready = np.concatenate([self._ready, mono])
        count = max(0, (len(ready) - _FFT) // self._hop + 1)
        for first in range(0, count, 4096):
            some = min(4096, count - first)
            every = np.lib.stride_tricks.sliding_window_view(ready[first * self._hop :], _FFT)
            frames = every[: (some - 1) * self._hop + 1 : self._hop] * self._window
            places = (self._frames + np.arange(some)) * self._hop / self._total * WIDTH
            columns, firsts, counts = np.unique(
                np.minimum(places, WIDTH - 1).astype(int), return_index=True, return_counts=True
            )
            self._power[columns] += np.add.reduceat(np.abs(np.fft.rfft(frames, axis=1)) ** 2, firsts, axis=0)
            self._counts[columns] += counts
            self._frames += some
        self._ready = ready[count * self._hop :]


def png(shades: NDArray[np.uint8]) -> bytes:
    """An indexed PNG (ISO/IEC 15948) of shades 0 to 255, shaped (height, width), in colours from black to cream."""
    height, width = shades.shape
    at = np.linspace(0, len(_COLOURS) - 1, 256)
    palette = np.stack([np.interp(at, np.arange(len(_COLOURS)), _COLOURS[:, each]) for each in range(3)], axis=1)
    lines = np.concatenate([np.zeros((height, 1), np.uint8), shades], axis=1).tobytes()
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in (
            (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            (b"PLTE", np.rint(palette).astype(np.uint8).tobytes()),
            (b"IDAT", zlib.compress(lines, 9)),
            (b"IEND", b""),
        )
    )
