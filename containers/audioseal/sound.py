"""Sound files as floats, and the two rates there are: the file's own, and the 16 kHz that AudioSeal hears."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from containers.contract.errors import RecordingError

MODEL_HZ = 16000
Mono = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Sound:
    """`samples`: -1..1, float64, shaped (samples, channels); `subtype` as libsndfile names the form of a sample."""

    samples: NDArray[np.float64]
    rate_hz: int
    subtype: str

    @property
    def mono(self) -> Mono:
        return self.samples.mean(axis=1).astype(np.float32)


def read(path: Path) -> Sound:
    """WAV, FLAC, MP3, Ogg; RecordingError for what is none."""
    try:
        with soundfile.SoundFile(path) as file:
            samples = file.read(dtype="float64", always_2d=True)
            return Sound(samples=np.nan_to_num(samples), rate_hz=file.samplerate, subtype=file.subtype)
    except soundfile.SoundFileError as error:
        raise RecordingError(f"{path.name} is no sound file that can be read here ({error})") from error


def write(path: Path, samples: NDArray[Any], like: Sound) -> None:
    """A WAV of the same rate and form. libsndfile puts the time of day into those of floats, and it is taken out: the
    same samples are the same bytes."""
    soundfile.write(path, samples, like.rate_hz, like.subtype, format="WAV")
    with open(path, "r+b") as stream:
        place = stream.read(256).find(b"PEAK")
        if place >= 0:
            stream.seek(place + 12)  # behind name, size and version
            stream.write(bytes(4))


def at(samples: Mono, rate_hz: int, wanted_hz: int, length: int) -> Mono:
    """The same at another rate, exactly `length` samples long."""
    other: Mono = soxr.resample(samples, rate_hz, wanted_hz, "HQ") if rate_hz != wanted_hz else samples
    return np.pad(other, (0, max(0, length - len(other))))[:length].astype(np.float32)


def heard(sound: Sound) -> Mono:
    """Mono at the model's rate."""
    return at(sound.mono, sound.rate_hz, MODEL_HZ, -(-len(sound.samples) * MODEL_HZ // sound.rate_hz))


def level_db(samples: NDArray[np.floating]) -> float | None:
    """Root mean square in dB; None for silence."""
    power = float(np.mean(np.square(samples, dtype=np.float64))) if samples.size else 0.0
    return 10 * float(np.log10(power)) if power else None
