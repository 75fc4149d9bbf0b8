"""Where a voice rests: sound level every 10 ms, and the stretches that are quiet beside the speech.

Levels and not a speech detector, because a breath, a shout or the soft start of
a word is part of the voice. `quiet` is relative: what counts is the distance
between the voice and its own background, not how loud either is.
"""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d
from scipy.signal import butter, sosfilt, sosfilt_zi

from .audio import Samples, blocks, mono

Levels = NDArray[np.float64]
"""dB relative to full scale of each hop (mean square of samples in -1..1)."""

HOPS_PER_SECOND = 100
QUANTISATION_DB = -101.1
"""Noise of rounding to 16 bits: 20 log10(2^-15 / sqrt 12). Nothing is quieter than this."""

_RUMBLE_HZ = 80.0
_DEEPEST = 60.0
"""dB under the speech beyond which all silence is the same silence."""


class LevelMeter:
    """Levels of a stream: mono blocks in, one level a whole hop out; rumble under 80 Hz does not count."""

    def __init__(self, rate_hz: int) -> None:
        self.hop, self._rate_hz = hop_samples(rate_hz), rate_hz
        self._filter = _without_rumble(rate_hz)
        self._state: NDArray[np.float64] | None = None
        self._rest = np.zeros(0)

    def push(self, samples: Samples) -> Levels:
        if self._state is None:
            self._state = _settled(self._rate_hz) * (samples[0] if len(samples) else 0.0)
        filtered, self._state = sosfilt(self._filter, samples.astype(np.float64), zi=self._state)
        waiting = np.concatenate((self._rest, filtered))
        whole = len(waiting) // self.hop * self.hop
        self._rest = waiting[whole:]
        power = np.mean(np.square(waiting[:whole].reshape(-1, self.hop)), axis=1)
        return 10 * np.log10(power + 10 ** (QUANTISATION_DB / 10))


@functools.cache
def _without_rumble(rate_hz: int) -> NDArray[np.float64]:
    """Designing a filter takes as long as filtering a clip."""
    return np.asarray(butter(2, _RUMBLE_HZ, "highpass", fs=rate_hz, output="sos"))


@functools.cache
def _settled(rate_hz: int) -> NDArray[np.float64]:
    """The filter's state after a long stretch of ones."""
    return np.asarray(sosfilt_zi(_without_rumble(rate_hz)))


def hop_samples(rate_hz: int) -> int:
    """Samples of a hop, a whole number also at 22.05 kHz."""
    return round(rate_hz / HOPS_PER_SECOND)


def levels_of(samples: Samples, rate_hz: int) -> Levels:
    """Levels of a short sound, mono (samples,)."""
    return LevelMeter(rate_hz).push(samples)


def levels_of_file(path: Path) -> Levels:
    """Levels of a sound file of any length, its channels mixed, in blocks."""
    meter = LevelMeter(soundfile.info(path).samplerate)
    parts = [meter.push(mono(block)) for block in blocks(path, 30.0)]
    return np.concatenate([np.zeros(0), *parts])


def mean_level(levels: Levels) -> float:
    """Level of the mean power."""
    return float(10 * np.log10(np.mean(10 ** (levels / 10))))


def smoothed(levels: Levels, hops: int) -> Levels:
    """Levels of the mean power over `hops` hops around each."""
    return 10 * np.log10(np.maximum(uniform_filter1d(10 ** (levels / 10), hops, mode="nearest"), 1e-12))


def quiet(levels: Levels, share: float = 0.3) -> NDArray[np.bool_]:
    """Which hops are quiet beside the speech among them.

    The line lies `share` of the way up from the floor to the speech (95th percentile), at least 3 dB: high enough
    for a floor that wavers, low enough to leave breaths and soft consonants (25-35 dB under the
    vowels) to the voice where the floor is deep. The floor is what 5 % of the hops stay under, but
    0.2 s are enough: a long clip may have no more silence than that.
    """
    count = len(levels)
    if not count:
        return np.zeros(0, bool)
    top = np.percentile(levels, 95)
    under = int(min(0.05 * count, max(20, 0.005 * count)))
    floor = max(np.partition(levels, under)[under], top - _DEEPEST)
    return smoothed(levels, 3) < floor + max(3.0, share * (top - floor))


def runs(mask: NDArray[np.bool_], shortest: int = 1) -> list[tuple[int, int]]:
    """Stretches of True as (first, one past the last), `shortest` or longer.

    >>> runs(np.array([True, True, False, True]), shortest=2)
    [(0, 2)]
    """
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a >= shortest]
