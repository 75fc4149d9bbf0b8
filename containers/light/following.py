"""Stage measure: a line's level, length and pitch, and how its pitch follows what it was made from.

The pitch of both is heard in the same way (WORLD's Harvest with StoneMask, in
blocks), which is neither engine's business: what an engine says of itself is
not what is measured.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyloudnorm
import pyworld
import soundfile
from numpy.typing import NDArray

from containers.contract.errors import RecordingError
from containers.contract.item import Item
from containers.contract.stages import Following, MeasureRequest, MeasureResult

from .audio import Samples, decodable, read, read_mono
from .loudness import peak_dbfs
from .measuring import clipped_share
from .speech import SAMPLE_RATE_HZ

F0 = NDArray[np.float64]

FRAMES_PER_SECOND = 100
LOWEST_HZ, HIGHEST_HZ = 60.0, 1100.0
"""From a deep man's voice to a high soprano's C6."""
_BLOCK_SECONDS, _CONTEXT_SECONDS = 20, 1
_NEAR_CENTS = 50.0
"""Half a semitone: what counts as the same note (raw pitch accuracy, as mir_eval has it)."""
_STILL = 0.003
"""Of the loudest frame's level: what is quieter (50 dB) has no pitch that anybody hears."""
_ALL_NOISE = 0.999


def measure(request: MeasureRequest, item: Item) -> MeasureResult:
    """RecordingError for what is no sound, or empty."""
    speech = item.input(request.speech)
    with decodable(speech):
        samples, rate = read(speech)
        if not samples.shape[1]:
            raise RecordingError(f"{speech.name} is empty; give a recording with speech or song in it")
        ours = pitch(speech)
    item.progress(0.5)
    source = item.input(request.source) if request.source else None
    theirs, seconds = None, None
    if source:
        with decodable(source):
            theirs, seconds = pitch(source), soundfile.info(source).duration
    return MeasureResult(
        seconds=samples.shape[1] / rate,
        loudness_lufs=loudness(samples, rate),
        peak_dbfs=round(peak_dbfs(samples), 2),
        clipped_share=round(max(clipped_share(channel, rate) for channel in samples), 6),
        f0_median_hz=_median(ours),
        source_seconds=seconds,
        source_f0_median_hz=None if theirs is None else _median(theirs),
        following=None if theirs is None else following(theirs, ours, request.shift_semitones),
    )


def following(source: F0, copy: F0, shift_semitones: float) -> Following:
    """How the copy's f0 (Hz, 0 = none, 100 a second) follows the source's; a missing end is without pitch."""
    length = max(len(source), len(copy))
    theirs, ours = (np.pad(each, (0, length - len(each))) for each in (source, copy))
    both = (theirs > 0) & (ours > 0)
    either = (theirs > 0) | (ours > 0)
    away = 1200 * np.log2(ours[both] / theirs[both]) - 100 * shift_semitones
    octaves = np.round(away / 1200)
    octave_error = (octaves != 0) & (np.abs(away - 1200 * octaves) <= _NEAR_CENTS)
    rest = np.abs(away[~octave_error])
    return Following(
        f0_error_cents=round(float(np.median(rest)), 2) if len(rest) else None,
        within_50_cents=round(float((np.abs(away) <= _NEAR_CENTS).mean()), 4) if len(away) else None,
        octave_errors=round(float(octave_error.mean()), 4) if len(away) else None,
        voicing_errors=round(float((either & ~both).sum() / max(length, 1)), 4),
    )


def pitch(path: Path) -> F0:
    """f0 in Hz of a sound file, 0 = none, 100 a second."""
    total = int(soundfile.info(path).duration * FRAMES_PER_SECOND) + 1
    f0, level = np.zeros(total), np.zeros(total)
    for first in range(0, total, _BLOCK_SECONDS * FRAMES_PER_SECOND):
        last = min(first + _BLOCK_SECONDS * FRAMES_PER_SECOND, total)
        f0[first:last], level[first:last] = _block(path, first, last)
    return np.where(level > _STILL * level.max(initial=0.0), f0, 0.0)


def _block(path: Path, first: int, last: int) -> tuple[F0, F0]:
    """f0 and level of frames first..last."""
    start = max(0, first // FRAMES_PER_SECOND - _CONTEXT_SECONDS)
    heard = read_mono(path, SAMPLE_RATE_HZ, start, last / FRAMES_PER_SECOND + _CONTEXT_SECONDS)
    hop = SAMPLE_RATE_HZ // FRAMES_PER_SECOND
    skipped = first - start * FRAMES_PER_SECOND
    needed = (skipped + last - first) * hop
    x = np.nan_to_num(np.pad(heard, (0, max(0, needed - len(heard)))).astype(np.float64))
    rough, times = pyworld.harvest(x, SAMPLE_RATE_HZ, LOWEST_HZ, HIGHEST_HZ, 1000 / FRAMES_PER_SECOND)
    f0 = pyworld.stonemask(x, rough, times, SAMPLE_RATE_HZ)
    breath = pyworld.d4c(x, f0, times, SAMPLE_RATE_HZ)
    f0 = np.where(breath.min(axis=1) < _ALL_NOISE, f0, 0.0)  # Harvest draws its melody through consonants
    around = np.pad(np.square(x), hop)
    sums = np.concatenate([[0.0], np.cumsum(around)])
    at = np.arange(skipped, skipped + last - first) * hop
    level = np.sqrt(np.maximum(sums[at + 2 * hop] - sums[at], 0) / (2 * hop))
    return f0[skipped : skipped + last - first], level


def loudness(samples: Samples, rate_hz: int) -> float | None:
    """Integrated loudness of (channels, samples); None for silence."""
    block = min(0.4, samples.shape[1] / rate_hz)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = float(pyloudnorm.Meter(rate_hz, block_size=block).integrated_loudness(samples.T.astype(np.float64)))
    return round(found, 2) if np.isfinite(found) else None


def _median(f0: F0) -> float | None:
    voiced = f0[f0 > 0]
    return round(float(np.median(voiced)), 2) if len(voiced) else None
