"""A recording as integers, so that vocals and what is left of it add up exactly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

Integers = NDArray[np.int32]
"""Samples as integers of a bit depth, shaped (channels, samples)."""


class Recording:
    """An open sound file as integers of `bit_depth`: more bits are rounded, fewer shifted up; NaN is silence."""

    def __init__(self, file: soundfile.SoundFile, bit_depth: int) -> None:
        self._file = file
        self.bit_depth = bit_depth
        self.rate_hz: int = file.samplerate
        self.channels: int = file.channels
        self.length: int = file.frames
        self.highest = (1 << (bit_depth - 1)) - 1

    def integers(self, first: int, last: int) -> Integers:
        self._file.seek(first)
        if self._file.subtype.startswith("PCM"):
            left_aligned = self._file.read(last - first, dtype="int32", always_2d=True).T
            whole = ((left_aligned >> (31 - self.bit_depth)) + 1) >> 1
        else:
            loud = np.nan_to_num(self._file.read(last - first, dtype="float64", always_2d=True).T)
            whole = np.rint(np.clip(loud, -1, 1) * (self.highest + 1)).astype(np.int32)
        return np.minimum(whole, self.highest)

    def floats(self, first: int, last: int) -> NDArray[np.float32]:
        """The same in -1..1."""
        return self.integers(first, last).astype(np.float32) / np.float32(self.highest + 1)


def split(recording: Integers, part: NDArray[np.float32], highest: int) -> tuple[Integers, Integers]:
    """`part` (-1..1) as integers, and what is left; their sum is `recording`, and both stay in range.

    >>> whole = np.array([[32767, -32768, 5]], np.int32)
    >>> part, rest = split(whole, np.array([[-1.0, 0.5, 0.0]], np.float32), 32767)
    >>> part.tolist(), rest.tolist()
    ([[0, 0, 0]], [[32767, -32768, 5]])
    """
    lowest = -highest - 1
    wanted = np.rint(part.astype(np.float64) * (highest + 1))
    inside = np.clip(wanted, np.maximum(recording - highest, lowest), np.minimum(recording - lowest, highest))
    taken = inside.astype(np.int32)
    return taken, recording - taken


class StemWriter:
    """Writes FLAC of the recording's depth block by block."""

    def __init__(self, path: Path, recording: Recording) -> None:
        self._shift = 32 - recording.bit_depth
        self._file = soundfile.SoundFile(
            path, "w", recording.rate_hz, recording.channels, f"PCM_{recording.bit_depth}", format="FLAC"
        )

    def __enter__(self) -> StemWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, block: Integers) -> None:
        self._file.write(np.ascontiguousarray(block.T) << self._shift)
