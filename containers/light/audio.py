"""Sound files in and out, and sample rates; floats are in -1..1, shaped (channels, samples)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from containers.contract.errors import EngineError, RecordingError, StageError

Samples = NDArray[np.float32]

_DECODED_AT_ONCE = 1 << 18

_SYSTEM_REFUSED = 2
"""SF_ERR_SYSTEM of libsndfile: a file could not be read or written, as on a full disk."""

FLAC_LEVEL = 0.5
"""FLAC's level 4 (soundfile counts to 1): written in four fifths of the time of the usual 5, 0.6 % larger at most."""


def read(path: Path, start: float = 0.0, end: float | None = None) -> tuple[Samples, int]:
    """A stretch of a sound file as float32 (channels, samples), and its rate in Hz."""
    with soundfile.SoundFile(path) as file:
        rate = file.samplerate
        first = min(round(start * rate), file.frames)
        last = file.frames if end is None else min(round(end * rate), file.frames)
        file.seek(first)
        return file.read(last - first, dtype="float32", always_2d=True).T, rate


@contextmanager
def unpacked(path: Path, folder: Path) -> Iterator[Path]:
    """A sound file that is read several times, or in any order: FLAC is decoded once, into a file in `folder` that is
    gone afterwards and takes the room of a WAV file."""
    about = soundfile.info(path)
    if about.format != "FLAC":
        yield path
        return
    kind, number = ("PCM_24", "int32") if about.subtype == "PCM_24" else ("PCM_16", "int16")
    held = folder / f".{path.name}.w64"
    try:
        plain = soundfile.SoundFile(held, "w", about.samplerate, about.channels, kind, format="W64")
        with plain, soundfile.SoundFile(path) as packed:
            for block in packed.blocks(_DECODED_AT_ONCE, dtype=number):
                plain.write(block)
        yield held
    finally:
        held.unlink(missing_ok=True)


def read_mono(path: Path, rate_hz: int, start: float = 0.0, end: float | None = None) -> Samples:
    """A stretch mixed to one channel and resampled to `rate_hz`: float32 (samples,)."""
    samples, rate = read(path, start, end)
    return resample(mono(samples), rate, rate_hz)


def mono(samples: Samples) -> Samples:
    """The mean of the channels: (channels, samples) -> (samples,)."""
    if len(samples) == 1:
        return np.ascontiguousarray(samples[0])
    if len(samples) == 2:  # the same to the bit, and NumPy's mean takes five times as long over an axis of two
        return (samples[0] + samples[1]) / np.float32(2)
    return samples.mean(axis=0)


def blocks(path: Path, seconds: float, overlap: float = 0.0) -> Iterator[Samples]:
    """The file in blocks of `seconds`, so that memory stays flat however long it is."""
    with soundfile.SoundFile(path) as file:
        size, shared = round(seconds * file.samplerate), round(overlap * file.samplerate)
        for block in file.blocks(size, shared, dtype="float32", always_2d=True):
            yield block.T


def resample(samples: Samples, rate_hz: int, wanted_hz: int) -> Samples:
    """Band-limited resampling along the last axis (soxr, high quality)."""
    if rate_hz == wanted_hz:
        return samples
    return soxr.resample(samples.T, rate_hz, wanted_hz, quality="HQ").T.astype(np.float32)


def write(path: Path, samples: Samples, rate_hz: int, bit_depth: int = 16) -> Path:
    """Write FLAC or WAV by the name's ending; samples outside -1..1 are clipped."""
    whole = np.clip(np.atleast_2d(samples), -1.0, 1.0 - 2.0 ** (1 - bit_depth))
    soundfile.write(path, whole.T, rate_hz, subtype=f"PCM_{bit_depth}")
    return path


def refusal(error: soundfile.LibsndfileError, said: str) -> StageError:
    """What libsndfile's error is: the machine's fault where the system refused, else the recording's, as `said`."""
    if error.code == _SYSTEM_REFUSED:
        told = "make room if the disk is full, and run this again: what is finished is kept"
        return EngineError(f"a sound file could not be read or written ({error.error_string.rstrip('.')}); {told}")
    return RecordingError(said)


@contextmanager
def decodable(path: Path) -> Iterator[None]:
    """Inside, what libsndfile refuses is the recording's fault."""
    try:
        yield
    except soundfile.LibsndfileError as error:
        raise refusal(error, f"{path.name} cannot be decoded ({error}); give WAV, FLAC, Ogg or MP3") from error


def duration(path: Path) -> float:
    """Seconds of a sound file, from its header."""
    about = soundfile.info(path)
    return float(about.frames / about.samplerate)
