"""A recording read from begin to end, as often as needed, and its stems written beside it.

Never in memory as a whole. Stems are integers, so that what is split off and what is left add up exactly.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from containers.contract.errors import EngineError, RecordingError

Integers = NDArray[np.int32]
"""Samples as integers, shaped (channels, samples)."""
Floats = NDArray[np.float32]
"""Samples in -1..1, shaped (channels, samples)."""

_BLOCK = 1 << 18
"""Samples read at once: about 6 s."""


@dataclass(frozen=True, kw_only=True)
class Recording:
    """A sound file of one or two channels; `length` in samples."""

    path: Path
    rate_hz: int
    channels: int
    length: int

    @classmethod
    def at(cls, path: Path) -> Recording:
        with _reading(), soundfile.SoundFile(path) as file:
            if file.channels > 2:
                raise RecordingError(f"the recording has {file.channels} channels; extract it as stereo or mono")
            if not file.frames:
                raise RecordingError("the recording holds no sound at all; extract it again")
            return cls(path=path, rate_hz=file.samplerate, channels=file.channels, length=file.frames)

    def floats(self) -> Iterator[Floats]:
        """All of it, block by block."""
        with Reader(self) as reader:
            for begin in range(0, self.length, _BLOCK):
                yield reader.read(min(_BLOCK, self.length - begin)).astype(np.float32) / np.float32(1 << 31)


class Reader:
    """Reads an open recording in order, as integers of 32 bits: fewer bits are shifted up, NaN is silence."""

    def __init__(self, recording: Recording) -> None:
        with _reading():
            self._file = soundfile.SoundFile(recording.path)

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, count: int) -> Integers:
        with _reading():
            whole = self._file.subtype.startswith("PCM")
            found = self._file.read(count, dtype="int32" if whole else "float64", always_2d=True).T
        if found.shape[1] < count:
            seconds = self._file.tell() / self._file.samplerate
            raise RecordingError(f"the recording breaks off after {seconds:.1f} s; extract it again")
        if whole:
            return found
        loud = np.clip(np.nan_to_num(found), -1, 1) * (1 << 31)
        return np.minimum(np.rint(loud), (1 << 31) - 1).astype(np.int32)


class Stems:
    """Writes vocals and background as FLAC of `bit_depth`; their sum is the recording in every sample.

    Both are encoded at once, beside what comes next: beside a GPU that is what takes longest.
    """

    def __init__(self, recording: Recording, bit_depth: int, vocals: Path, background: Path) -> None:
        self._bit_depth = bit_depth
        self._left = recording.length
        self._recording = Reader(recording)
        form = {"samplerate": recording.rate_hz, "channels": recording.channels, "format": "FLAC"}
        with _writing():
            self._vocals, self._background = (
                soundfile.SoundFile(path, "w", subtype=f"PCM_{bit_depth}", **form) for path in (vocals, background)
            )
        self._encoders = ThreadPoolExecutor(2, "encoder")
        self._under_way: list[Future[None]] = []

    def write(self, vocals: Floats) -> None:
        """The next stretch of vocals; what lies beyond the recording's end is left out."""
        count = min(vocals.shape[1], self._left)
        whole = rounded(self._recording.read(count), self._bit_depth)
        taken = within(vocals[:, :count], whole, self._bit_depth)
        shift = 32 - self._bit_depth
        parts = ((self._vocals, taken), (self._background, whole - taken))
        self._wait()
        self._under_way = [
            self._encoders.submit(_encode, file, np.ascontiguousarray(part.T) << shift) for file, part in parts
        ]
        self._left -= count

    def finish(self) -> None:
        """Silent vocals to the recording's end, which resampling there and back may miss by a sample."""
        self.write(np.zeros((self._vocals.channels, self._left), np.float32))
        self._wait()
        self.close()

    def _wait(self) -> None:
        """Until the last stretch is in both files; raises what went wrong with it."""
        for each in self._under_way:
            each.result()

    def close(self) -> None:
        self._encoders.shutdown()
        with _writing():
            self._vocals.close()
            self._background.close()
        self._recording.__exit__()


def _encode(file: soundfile.SoundFile, samples: Integers) -> None:
    with _writing():
        file.write(samples)


def rounded(samples: Integers, bit_depth: int) -> Integers:
    """Integers of 32 bits as integers of fewer.

    >>> rounded(np.array([[5 << 16, 0x7FFFFFFF, -(1 << 31)]], np.int32), 16).tolist()
    [[5, 32767, -32768]]
    """
    halves = samples >> (31 - bit_depth)
    return np.minimum((halves + 1) >> 1, (1 << (bit_depth - 1)) - 1)


def within(part: Floats, whole: Integers, bit_depth: int) -> Integers:
    """`part` as integers, kept where the rest of `whole` stays in range as well.

    >>> within(np.array([[-1.0, 0.5, 0.0]], np.float32), np.array([[32767, -32768, 5]], np.int32), 16).tolist()
    [[0, 0, 0]]
    """
    highest = (1 << (bit_depth - 1)) - 1
    lowest = -highest - 1
    wanted = np.rint(part * np.float32(highest + 1))
    return np.clip(wanted, np.maximum(whole - highest, lowest), np.minimum(whole - lowest, highest)).astype(np.int32)


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except soundfile.LibsndfileError as error:
        raise RecordingError(
            f"the recording cannot be read as sound ({error.error_string}); extract it again"
        ) from error


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except soundfile.LibsndfileError as error:
        raise EngineError(f"a stem cannot be written ({error.error_string}); is the disk full?") from error
