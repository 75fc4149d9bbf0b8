"""Sound as the networks want it: one channel at 16 kHz, in memory.

Read in blocks, so that an hour of 48 kHz stereo is never in memory, only its 16 kHz (230 MB an hour).
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from containers.contract.errors import RecordingError

RATE_HZ = 16000
SILENT_UNDER = 1e-4
"""Peak (-80 dBFS) under which a recording is silence. The networks set the level themselves, and would
hear a voice in the noise of a converter."""
_BLOCK_SECONDS = 30.0

Samples = NDArray[np.float32]


def read(path: Path) -> Samples:
    """All of a sound file: float32 (samples,). Raises RecordingError for what is no sound."""
    try:
        with soundfile.SoundFile(path) as file:
            return _read(file)
    except soundfile.LibsndfileError as error:
        raise RecordingError(f"{path.name} cannot be read as sound ({error}); separate the episode again") from error


def _read(file: soundfile.SoundFile) -> Samples:
    samples = np.empty(math.ceil(file.frames * RATE_HZ / file.samplerate) + 1, np.float32)
    stream = soxr.ResampleStream(file.samplerate, RATE_HZ, 1, dtype="float32", quality="HQ")
    filled = 0
    for block in file.blocks(round(_BLOCK_SECONDS * file.samplerate), dtype="float32", always_2d=True):
        filled += _put(samples, filled, stream.resample_chunk(block.mean(axis=1)))
    filled += _put(samples, filled, stream.resample_chunk(np.zeros(0, np.float32), last=True))
    if not np.isfinite(samples[:filled]).all():
        raise RecordingError("the recording holds samples that are no numbers; separate the episode again")
    return samples[:filled]


def _put(samples: Samples, at: int, more: Samples) -> int:
    count = min(len(more), len(samples) - at)
    samples[at : at + count] = more[:count]
    return count
