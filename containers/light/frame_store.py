"""The frames of a long recording on disk, so that an hour needs no more memory than a minute.

Only pitch and level (8 bytes a frame) stay in memory: decisions over the whole
recording need them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from . import world
from .audio import read_mono
from .world import BANDS, Floats, Frames

_BLOCK_SECONDS, _CONTEXT_SECONDS = 20, 1
_BREATHS = 5
_ROW = 1 + BANDS + _BREATHS


class FrameStore:
    """Frames of one recording, 200 a second, written once and read in stretches.

    `f0` in Hz and `power` (natural log, below 8 kHz) of every frame; `samples` of the recording at 44.1 kHz.
    """

    def __init__(self, path: Path, samples: int, f0: Floats, power: Floats) -> None:
        self._path, self.samples, self.f0, self.power = path, samples, f0, power

    def __len__(self) -> int:
        return len(self.f0)

    def read(self, first: int, last: int) -> Frames:
        """Frames first..last, both clipped to what there is."""
        first, last = max(first, 0), min(last, len(self))
        rows = np.fromfile(self._path, np.float32, (last - first) * _ROW, offset=first * _ROW * 4).reshape(-1, _ROW)
        return Frames(f0=rows[:, 0], envelope=rows[:, 1 : 1 + BANDS], breath=rows[:, 1 + BANDS :])

    @staticmethod
    def analysed(recording: Path, path: Path) -> FrameStore:
        """Take a sound file apart into a file at `path`."""
        about = soundfile.info(recording)
        samples = round(about.frames * world.RATE_HZ / about.samplerate)
        total = world.frame_count(samples)
        f0, power = np.zeros(total, np.float32), np.zeros(total, np.float32)
        block = _BLOCK_SECONDS * world.FRAMES_PER_SECOND
        with open(path, "wb") as file:
            for first in range(0, total, block):
                wanted = min(block, total - first)
                frames = _analysed(recording, first // world.FRAMES_PER_SECOND, wanted)
                f0[first : first + wanted] = frames.f0
                power[first : first + wanted] = world.log_power(frames.envelope)
                np.hstack([frames.f0[:, None], frames.envelope, frames.breath]).astype(np.float32).tofile(file)
        return FrameStore(path, samples, f0, power)


def _analysed(recording: Path, start: int, wanted: int) -> Frames:
    """`wanted` frames from second `start` on, analysed with 1 s of what stands around them."""
    before = min(start, _CONTEXT_SECONDS)
    end = start + wanted / world.FRAMES_PER_SECOND + _CONTEXT_SECONDS
    samples = np.nan_to_num(read_mono(recording, world.RATE_HZ, start - before, end))
    first = before * world.FRAMES_PER_SECOND
    needed = round((first + wanted) * world.RATE_HZ / world.FRAMES_PER_SECOND)
    frames = world.analyse(np.pad(samples, (0, max(0, needed - len(samples)))))
    return frames[first : first + wanted]
