"""A character's clips as the trainer hears them: samples at the model's rate, content features, f0.

Content and f0 are the dear part, so they are kept in the engine's cache under the hash of what they were made of.
Nothing is cut away: pauses inside clips, breaths and quiet onsets are part of how somebody speaks.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.signal
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from containers.contract.codec import canonical
from containers.contract.item import cache_folder
from containers.contract.stages import File

from .content import ContentEncoder
from .conversion import Listening
from .f0 import F0, f0_of
from .shape import FRAMES_PER_SECOND
from .sound import LISTEN_HZ, SILENCE, Recording, Samples

_LONGEST_SECONDS = 30
"""A longer file is taken in parts: the content encoder looks at all of a part at once."""
_RUMBLE_HZ = 48
"""Below any voice; the published method cuts there too."""
_LEAST_VOICED = 0.05


@dataclass(frozen=True, kw_only=True)
class Clip:
    """`samples` at the model's rate, cut to whole frames; `content` (n, 768) float16, 50 a second; `f0` a value a
    frame; `sha256` and `name` of the file it came from."""

    sha256: str
    name: str
    samples: Samples
    content: NDArray[np.float16]
    f0: F0

    @property
    def frames(self) -> int:
        return len(self.f0)

    @property
    def seconds(self) -> float:
        return self.frames / FRAMES_PER_SECOND

    @property
    def spoken(self) -> bool:
        """Somebody is heard in it: it is no silence, and a part of it is voiced."""
        level = float(np.sqrt(np.mean(np.square(self.samples, dtype=np.float64))))
        return level > SILENCE and float(np.mean(self.f0 > 0)) > _LEAST_VOICED


def read_clips(
    files: tuple[File, ...],
    paths: list[Path],
    rate_hz: int,
    listening: Listening,
    encoder: ContentEncoder,
    progress: Callable[[float], None],
) -> list[Clip]:
    """The clips in which somebody speaks; RecordingError for a file that is no sound."""
    clips = []
    for number, (file, path) in enumerate(zip(files, paths, strict=True)):
        progress(number / len(files))
        recording = Recording(path)
        for start in range(0, int(np.ceil(recording.seconds)), _LONGEST_SECONDS):
            clips.append(_clip(file, recording, start, rate_hz, (listening, encoder)))
    return [each for each in clips if each.frames and each.spoken]


def _clip(file: File, recording: Recording, start: int, rate_hz: int, ears: tuple[Listening, ContentEncoder]) -> Clip:
    listening, encoder = ears
    end = min(start + _LONGEST_SECONDS, int(np.ceil(recording.seconds)))
    seconds = min(end, recording.seconds) - start
    heard = recording.stretch(start, end, LISTEN_HZ)[: round(seconds * LISTEN_HZ)]
    samples = recording.stretch(start, end, rate_hz)[: round(seconds * rate_hz)]
    name = _key(file.sha256, start, listening, encoder.identity)
    content, f0 = _kept(name, lambda: _listened(heard, listening, encoder))
    hop = rate_hz // FRAMES_PER_SECOND
    frames = min(len(f0), len(samples) // hop) if len(content) else 0
    return Clip(
        sha256=file.sha256,
        name=Path(file.path).name,
        samples=_without_rumble(samples[: frames * hop], rate_hz),
        content=content,
        f0=f0[:frames],
    )


def _listened(heard: Samples, listening: Listening, encoder: ContentEncoder) -> tuple[NDArray[np.float16], F0]:
    f0 = f0_of(heard, listening.method, listening.crepe_hop, listening.device)
    return encoder.features(heard).astype(np.float16), f0


def _key(sha256: str, start: int, listening: Listening, encoder: str) -> str:
    made_of = [sha256, start, listening.method, listening.crepe_hop, encoder]
    return hashlib.sha256(canonical(made_of).encode()).hexdigest()


def _kept(name: str, make: Callable[[], tuple[NDArray[np.float16], F0]]) -> tuple[NDArray[np.float16], F0]:
    """What the cache holds under this name, else what `make` makes, which the cache then holds."""
    path = cache_folder() / "rvc" / f"{name}.safetensors"
    try:
        kept = load_file(path)
        return kept["content"], kept["f0"]
    except (OSError, SafetensorError, KeyError):
        content, f0 = make()
    path.parent.mkdir(exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    save_file({"content": np.ascontiguousarray(content), "f0": f0}, partial)
    os.replace(partial, path)
    return content, f0


def _without_rumble(samples: Samples, rate_hz: int) -> Samples:
    """High-passed both ways, so that nothing moves in time."""
    sections = scipy.signal.butter(3, _RUMBLE_HZ, "highpass", fs=rate_hz, output="sos")
    padding = min(len(samples) - 1, rate_hz // 10)
    if padding < 0:
        return samples
    return scipy.signal.sosfiltfilt(sections, samples, padlen=padding).astype(np.float32)
