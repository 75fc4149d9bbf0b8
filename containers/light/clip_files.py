"""Clips as files: what cannot be read says so, ends do not click, samples are written exactly.

`audio.write` goes through floats scaled by 32767; here a sample read from a
16-bit file and written again is the same number.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from .audio import Samples, refusal

FADE_SECONDS = 0.005


@contextlib.contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turns what libsndfile refuses into an error that names the file."""
    try:
        yield
    except soundfile.LibsndfileError as error:
        raise refusal(error, f"{path.name} cannot be decoded ({error}); make it again or leave it out") from error


def write_pcm16(path: Path, samples: Samples, rate_hz: int) -> Path:
    """Write mono floats as 16-bit FLAC or WAV, 1.0 being 32768; louder samples are clipped."""
    whole = np.clip(np.rint(samples.astype(np.float64) * 32768), -32768, 32767).astype(np.int16)
    soundfile.write(path, whole, rate_hz, subtype="PCM_16")
    return path


def faded(samples: Samples, rate_hz: int) -> Samples:
    """Five milliseconds of raised cosine at both ends, so that no cut clicks."""
    count = min(round(FADE_SECONDS * rate_hz), len(samples) // 2)
    ramp = (0.5 - 0.5 * np.cos(np.pi * (np.arange(count) + 0.5) / max(count, 1))).astype(np.float32)
    shaped = samples.copy()
    shaped[:count] *= ramp
    shaped[len(shaped) - count :] *= ramp[::-1]
    return shaped
