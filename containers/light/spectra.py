"""Short-time spectra on one grid for the whole file, so that the block a frame is computed in does not matter.

Hann windows with three quarters of overlap, for analysis and synthesis: unchanged spectra give the
samples back, and nothing is delayed (zero phase).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from .audio import Samples

Spectra = NDArray[np.complex64]
"""Shaped (..., frames, bins)."""

_OVERLAP = 4
_HANN_SQUARED_SUM = 1.5
"""What squared Hann windows add up to at an overlap of four."""


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Frame j covers samples (j - 3) x hop to (j + 1) x hop; what lies outside the file counts as silence."""

    hop: int

    @classmethod
    def at(cls, rate_hz: int) -> Grid:
        """Windows of 64 to 128 ms, long enough to keep the partials of music and voice apart."""
        return cls(hop=2 ** max(round(np.log2(rate_hz / 48000 * 1024)), 4))

    @property
    def window(self) -> Samples:
        size = self.hop * _OVERLAP
        return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)).astype(np.float32)

    @property
    def silence(self) -> float:
        """Power that white noise of -100 dBFS has in a bin: below it nothing is told apart."""
        return 1e-10 * float(np.sum(self.window**2))

    def span(self, first: int, last: int) -> tuple[int, int]:
        """The samples that frames `first` to `last` (exclusive) are made of."""
        return (first - _OVERLAP + 1) * self.hop, last * self.hop

    def analyse(self, samples: Samples) -> Spectra:
        """Spectra of the frames whose `span` these samples are: (..., samples) -> (..., frames, bins)."""
        frames = np.lib.stride_tricks.sliding_window_view(samples, self.hop * _OVERLAP, axis=-1)
        return scipy.fft.rfft(frames[..., :: self.hop, :] * self.window, axis=-1)

    def synthesise(self, spectra: Spectra) -> Samples:
        """The samples that all four frames over them are given for: 3 hops fewer than frames."""
        frames = scipy.fft.irfft(spectra, self.hop * _OVERLAP, axis=-1) * (self.window / _HANN_SQUARED_SUM)
        count = frames.shape[-2] - _OVERLAP + 1
        quarters = frames.reshape(*frames.shape[:-1], _OVERLAP, self.hop)
        parts = [quarters[..., k : k + count, _OVERLAP - 1 - k, :] for k in range(_OVERLAP)]
        return sum(parts[1:], parts[0]).reshape(*frames.shape[:-2], count * self.hop)
