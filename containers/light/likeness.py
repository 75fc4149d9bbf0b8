"""How alike two voices are: the cosine of their mean vectors, from windows all over a sound file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .audio import Samples, duration, read_mono
from .speech import SAMPLE_RATE_HZ
from .voiceprint import FRAME_SECONDS, LEVEL_DBFS, WINDOW_FRAMES, Vectors, encode, mel_frames, unit

_WINDOW_SECONDS = WINDOW_FRAMES * FRAME_SECONDS
_HOP_SECONDS = _WINDOW_SECONDS / 2
_MAX_WINDOWS = 120
_QUIET = 0.1  # of the loud windows' level: a pause says nothing about the speaker


def window_vectors(path: Path) -> Vectors:
    """Vectors of windows of 1.6 s with sound in them, evenly over the file, 120 at most: (n, 256), perhaps n = 0."""
    length = duration(path)
    last = max(0.0, length - _WINDOW_SECONDS)
    count = min(_MAX_WINDOWS, int(last / _HOP_SECONDS) + 1)
    windows = [_window(path, start) for start in np.linspace(0.0, last, count)]
    levels = np.array([np.sqrt(np.mean(np.square(each, dtype=np.float64))) for each in windows])
    loud = levels > max(_QUIET * float(np.percentile(levels, 90)), 1e-4)
    heard = [each for each, keep in zip(windows, loud, strict=True) if keep]
    if not heard:
        return encode([])
    gain = 10 ** (LEVEL_DBFS / 20) / np.sqrt(np.mean(np.square(levels[loud])))
    return encode([mel_frames(each * np.float32(gain))[:WINDOW_FRAMES] for each in heard])


def _window(path: Path, start: float) -> Samples:
    wanted = round(_WINDOW_SECONDS * SAMPLE_RATE_HZ)
    samples = np.nan_to_num(read_mono(path, SAMPLE_RATE_HZ, start, start + _WINDOW_SECONDS))[:wanted]
    return np.pad(samples, (0, wanted - len(samples)))


def mean_vector(vectors: Vectors) -> NDArray[np.float32] | None:
    """The unit vector of a voice; None without a window."""
    return unit(vectors.mean(axis=0)) if len(vectors) else None


def similarity(path: Path, mean: NDArray[np.float32]) -> float | None:
    """Cosine between a sound file and a voice's mean vector; None for silence."""
    ours = mean_vector(window_vectors(path))
    return None if ours is None else round(float(ours @ mean), 4)
