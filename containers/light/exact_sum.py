"""A recording as integers, so that what is split off it and what is left add up exactly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from .audio import FLAC_LEVEL, Samples

Integers = NDArray[np.int32]
"""Samples as integers of a bit depth, shaped (channels, samples)."""


class Recording:
    """An open sound file as integers of `bit_depth`; before its begin and after its end lies silence.

    More bits than `bit_depth` are rounded, fewer are shifted up; NaN counts as silence.
    """

    def __init__(self, file: soundfile.SoundFile, bit_depth: int) -> None:
        self._file = file
        self.bit_depth = bit_depth
        self.rate_hz: int = file.samplerate
        self.channels: int = file.channels
        self.length: int = file.frames

    @property
    def highest(self) -> int:
        return (1 << (self.bit_depth - 1)) - 1

    def integers(self, first: int, last: int) -> Integers:
        """Samples `first` to `last` (exclusive), which may lie outside the file."""
        begin, end = sorted((min(max(first, 0), self.length), min(max(last, 0), self.length)))
        self._file.seek(begin)
        samples = self._read(end - begin)
        if (begin, end) == (first, last):
            return samples
        before = min(max(-first, 0), last - first)
        return np.pad(samples, ((0, 0), (before, last - first - before - (end - begin))))

    def floats(self, first: int, last: int) -> Samples:
        """The same as float32 in -1..1."""
        return self.as_floats(self.integers(first, last))

    def as_floats(self, samples: Integers) -> Samples:
        return samples.astype(np.float32) / np.float32(self.highest + 1)

    def _read(self, count: int) -> Integers:
        if self._file.subtype == "PCM_16" and self.bit_depth == 16:
            return self._file.read(count, dtype="int16", always_2d=True).T.astype(np.int32, order="C")
        if self._file.subtype.startswith("PCM"):
            left_aligned = self._file.read(count, dtype="int32", always_2d=True).T
            whole = ((left_aligned >> (31 - self.bit_depth)) + 1) >> 1
        else:
            loud = np.nan_to_num(self._file.read(count, dtype="float64", always_2d=True).T)
            whole = np.rint(np.clip(loud, -1, 1) * (self.highest + 1)).astype(np.int32)
        return np.minimum(whole, self.highest)


def split(recording: Integers, part: Samples, highest: int) -> tuple[Integers, Integers]:
    """`part` (float, -1..1) as integers, and what is left; their sum is `recording`, and both stay in range.

    >>> whole = np.array([[32767, -32768, 5]], np.int32)
    >>> part, rest = split(whole, np.array([[-1.0, 0.5, 0.0]], np.float32), 32767)
    >>> part.tolist(), rest.tolist()
    ([[0, 0, 0]], [[32767, -32768, 5]])
    """
    taken = within(recording, np.rint(part * np.float32(highest + 1)), highest)
    return taken, recording - taken


def within(recording: Integers, wanted: NDArray[np.generic], highest: int) -> Integers:
    """What is wanted of a recording, as near to it as leaves a rest that is in range too."""
    lowest = -highest - 1
    inside = np.clip(wanted, np.maximum(recording - highest, lowest), np.minimum(recording - lowest, highest))
    return inside.astype(np.int32)


class StemWriter:
    """Writes FLAC of `bit_depth` block by block from integers of that depth."""

    def __init__(self, path: Path, recording: Recording) -> None:
        self._shift = 32 - recording.bit_depth
        kind = f"PCM_{recording.bit_depth}"
        self._file = soundfile.SoundFile(
            path, "w", recording.rate_hz, recording.channels, kind, format="FLAC", compression_level=FLAC_LEVEL
        )

    def __enter__(self) -> StemWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, block: Integers) -> None:
        self._file.write(np.ascontiguousarray(block.T) << self._shift)
