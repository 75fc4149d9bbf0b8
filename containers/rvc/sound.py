"""Sound files, read by stretches of whole seconds so that a long one is never in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from containers.contract.errors import RecordingError

Samples = NDArray[np.float32]
LISTEN_HZ = 16000
"""What content, f0 and likeness are heard at."""
SILENCE = 1e-3
"""Root mean square (-60 dB below full scale) under which nothing is heard."""


class Recording:
    """A sound file; channels are mixed to one. RecordingError for what cannot be read as sound."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            about = soundfile.info(path)
        except soundfile.LibsndfileError as error:
            raise RecordingError(f"{path.name} cannot be read as sound ({error.error_string})") from error
        if not about.frames:
            raise RecordingError(f"{path.name} holds no sound at all")
        self.rate_hz, self.frames = int(about.samplerate), int(about.frames)

    @property
    def seconds(self) -> float:
        return self.frames / self.rate_hz

    def length_at(self, rate_hz: int) -> int:
        """Samples at another rate."""
        return round(self.frames * rate_hz / self.rate_hz)

    def stretch(self, start: int, end: int, rate_hz: int) -> Samples:
        """Seconds `start` to `end` at `rate_hz`; silence where the file has none."""
        first, last = start * self.rate_hz, end * self.rate_hz
        try:
            with soundfile.SoundFile(self._path) as file:
                file.seek(min(max(first, 0), self.frames))
                read = file.read(max(0, last - max(first, 0)), dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise RecordingError(f"{self._path.name} cannot be read to its end ({error.error_string})") from error
        samples = np.nan_to_num(read.mean(axis=1))
        before = max(0, -first)
        samples = np.pad(samples, (before, last - first - before - len(samples)))
        return resampled(samples, self.rate_hz, rate_hz)

    def whole(self, rate_hz: int) -> Samples:
        """All of a short file."""
        return self.stretch(0, int(np.ceil(self.seconds)), rate_hz)[: self.length_at(rate_hz)]


def resampled(samples: Samples, from_hz: int, to_hz: int) -> Samples:
    if from_hz == to_hz:
        return samples.astype(np.float32)
    wanted = round(len(samples) * to_hz / from_hz)
    made = soxr.resample(samples, from_hz, to_hz, quality="HQ").astype(np.float32)[:wanted]
    return np.pad(made, (0, wanted - len(made)))


def loudness(samples: Samples, hop: int, frame: int) -> NDArray[np.float64]:
    """Root mean square of frames of `frame` samples, one each `hop`, centred on its time."""
    squares = np.concatenate(([0.0], np.cumsum(samples.astype(np.float64) ** 2)))
    centres = np.arange(0, len(samples) + 1, hop)
    first, last = np.maximum(centres - frame // 2, 0), np.minimum(centres + frame // 2, len(samples))
    return np.sqrt(np.maximum(squares[last] - squares[first], 0) / np.maximum(last - first, 1))
