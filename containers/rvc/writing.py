"""Speech to a file as it is made, at the voice's rate or another: what is written is as long as the source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import soundfile
import soxr

from .sound import Recording, Samples

Depth = Literal["16-bit", "24-bit", "float"]
_SUBTYPES = {"16-bit": "PCM_16", "24-bit": "PCM_24", "float": "FLOAT"}


@dataclass(frozen=True, kw_only=True)
class Form:
    """`rate_hz` 0: the voice's own."""

    depth: Depth
    rate_hz: int


def write(path: Path, parts: Iterator[Samples], recording: Recording, rate_hz: int, form: Form) -> int:
    """Write speech of `rate_hz` as a mono WAV; the rate it has there."""
    rate = form.rate_hz or rate_hz
    left = recording.length_at(rate)
    with soundfile.SoundFile(path, "w", rate, 1, subtype=_SUBTYPES[form.depth], format="WAV") as out:
        for part in parts if rate == rate_hz else _resampled(parts, rate_hz, rate):
            out.write(part[:left])
            left -= min(left, len(part))
        out.write(np.zeros(left, np.float32))
    return rate


def _resampled(parts: Iterator[Samples], from_hz: int, to_hz: int) -> Iterator[Samples]:
    stream = soxr.ResampleStream(from_hz, to_hz, 1, dtype="float32", quality="HQ")
    for part in parts:
        yield stream.resample_chunk(part)
    yield stream.resample_chunk(np.zeros(0, np.float32), last=True)
