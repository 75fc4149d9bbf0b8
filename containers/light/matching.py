"""Which frames of a voice say what a frame of the source says.

Frames are compared by content: the mel cepstrum of 100-7000 Hz, speaker by
speaker normalised, coarse shape before detail, with 20 ms to both sides. What
the normalisation leaves of the speakers' difference (the length of the vocal
tract first of all) is an affine map, fitted on the nearest neighbours that it
itself improves: INCA, Erro and Moreno, IEEE TASLP 18(5), 2010.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct

from .voice_file import Sound
from .world import RATE_HZ, Floats, log_spectrum_of_code

ACTIVE = -9.0
"""Natural log power (39 dB) under the loud parts, below which a frame is a pause."""
NEIGHBOURS = 6

_BANDS, _NUMBERS, _HZ = 32, 20, (100.0, 7000.0)
_DETAIL = 3.0  # the weight of a coefficient falls by e in so many: 1 to 20 measured, 2-3 best
_CONTEXT = ((-2, 0.6), (0, 1.0), (2, 0.6))  # frames of 10 ms, weight
_ROUNDS = 5
_STIFF = 0.2  # ridge towards no change, a share of the variance
_FIT_FRAMES = 3000
_ENOUGH = 50

Mask = NDArray[np.bool_]


@cache
def _content_of_code() -> Floats:
    """(60, 20): content is `envelope @ this`, whatever the level."""
    hz = np.arange(log_spectrum_of_code().shape[1]) * RATE_HZ / 2 / (log_spectrum_of_code().shape[1] - 1)
    mel = 2595 * np.log10(1 + hz / 700)
    edges = np.linspace(*(2595 * np.log10(1 + np.array(_HZ) / 700)), _BANDS + 2)
    rise = (mel[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - mel[:, None]) / (edges[2:] - edges[1:-1])
    bank = np.maximum(0, np.minimum(rise, fall))
    cosine = dct(np.eye(_BANDS), norm="ortho")[:, 1 : _NUMBERS + 1]
    return (log_spectrum_of_code() @ (bank / bank.sum(axis=0)) @ cosine).astype(np.float32)


def content(envelope: Floats) -> Floats:
    """What is said, as far as the envelope tells: (n, 60) -> (n, 20)."""
    return envelope.astype(np.float32) @ _content_of_code()


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Mean and spread of a speaker's content."""

    mean: Floats
    spread: Floats

    @staticmethod
    def of(values: Floats) -> Scale:
        return Scale(mean=values.mean(axis=0), spread=values.std(axis=0) + np.float32(1e-3))


class Target:
    """A voice made ready to be searched: voiced and unvoiced frames apart."""

    def __init__(self, sound: Sound) -> None:
        values = content(sound.envelope)
        active = sound.power.astype(np.float32) > ACTIVE
        active = active if active.any() else np.ones(len(sound), bool)
        scale = Scale.of(values[active])
        self.normal = (values - scale.mean) / scale.spread
        self.places = _stacked(self.normal, sound.starts)
        voiced = sound.f0 > 0
        self.frames = {True: _enough(active & voiced, active), False: _enough(active & ~voiced, active)}

    def nearest(self, queries: Floats, voiced: bool) -> tuple[NDArray[np.int64], Floats]:
        """Indices of the nearest frames of that kind (n, k), and their weights, each row summing to 1."""
        among = self.frames[voiced]
        found, distance = _nearest(queries, self.places[among], NEIGHBOURS)
        weights = 1 / (distance + np.float32(1e-3))
        return among[found], weights / weights.sum(axis=1, keepdims=True)


class Adaptation:
    """The way from a source speaker's content to a target's, fitted on a sample of the source."""

    def __init__(self, sample: Floats, starts: NDArray[np.int32], voiced: Mask, active: Mask, target: Target) -> None:
        self._scale = Scale.of(sample[active])
        self._slope = np.eye(_NUMBERS, dtype=np.float32)
        self._shift = np.zeros(_NUMBERS, np.float32)
        normal = (sample - self._scale.mean) / self._scale.spread
        kinds = [
            (_some(np.flatnonzero(active & (voiced == kind))), _some(target.frames[kind])) for kind in (True, False)
        ]
        kinds = [(ours, theirs) for ours, theirs in kinds if len(ours) >= _ENOUGH and len(theirs) >= _ENOUGH]
        for _ in range(_ROUNDS if kinds else 0):
            places = _stacked(normal @ self._slope + self._shift, starts)
            self._fit(*_pairs(normal, places, target, kinds))

    def _fit(self, ours: Floats, theirs: Floats) -> None:
        mean, wanted = ours.mean(axis=0), theirs.mean(axis=0)
        centred = ours - mean
        stiff = np.diag(_STIFF * len(ours) * centred.var(axis=0))
        left = centred.T @ centred + stiff
        self._slope = np.linalg.solve(left, centred.T @ (theirs - wanted) + stiff).astype(np.float32)
        self._shift = (wanted - mean @ self._slope).astype(np.float32)

    def queries(self, values: Floats) -> Floats:
        """Content of source frames that follow each other, as places in the target's room."""
        normal = (values - self._scale.mean) / self._scale.spread
        return _stacked(normal @ self._slope + self._shift, np.zeros(1, np.int32))


def _pairs(
    normal: Floats, places: Floats, target: Target, kinds: list[tuple[NDArray[np.int64], NDArray[np.int64]]]
) -> tuple[Floats, Floats]:
    """Source frames with their nearest target frames, and target frames with their nearest source frames."""
    ours, theirs = [], []
    for source, aim in kinds:
        found, _ = _nearest(places[source], target.places[aim], 4)
        ours.append(normal[source])
        theirs.append(target.normal[aim][found].mean(axis=1))
        found, _ = _nearest(target.places[aim], places[source], 4)
        ours.append(normal[source][found].mean(axis=1))
        theirs.append(target.normal[aim])
    return np.concatenate(ours), np.concatenate(theirs)


def _stacked(normal: Floats, starts: NDArray[np.int32]) -> Floats:
    """Each frame with its neighbours inside its stretch, weighted for a Euclidean distance: (n, 60)."""
    weighted = normal * np.exp(-np.arange(_NUMBERS) / _DETAIL).astype(np.float32)
    index = np.arange(len(normal))
    stretch = np.searchsorted(starts, index, side="right") - 1
    first, last = starts[stretch], np.append(starts[1:], len(normal))[stretch] - 1
    parts = [weighted[np.clip(index + offset, first, last)] * np.float32(weight) for offset, weight in _CONTEXT]
    return np.concatenate(parts, axis=1)


def _nearest(queries: Floats, places: Floats, count: int) -> tuple[NDArray[np.int64], Floats]:
    """The `count` nearest places to each query, and their squared distances: (n, count) each."""
    count = min(count, len(places))
    length = np.square(places).sum(axis=1)
    found = np.empty((len(queries), count), np.int64)
    distance = np.empty((len(queries), count), np.float32)
    for rows in _rows(len(queries)):
        away = length - 2 * queries[rows] @ places.T
        best = np.argpartition(away, count - 1, axis=1)[:, :count]
        found[rows] = best
        distance[rows] = np.take_along_axis(away, best, axis=1)
    distance += np.square(queries).sum(axis=1, keepdims=True)
    return found, np.maximum(distance, 0)


def _rows(count: int, at_once: int = 64) -> Iterator[slice]:
    for first in range(0, count, at_once):
        yield slice(first, min(first + at_once, count))


def _some(indices: NDArray[np.int64]) -> NDArray[np.int64]:
    return indices[:: max(1, -(-len(indices) // _FIT_FRAMES))]


def _enough(wanted: Mask, otherwise: Mask) -> NDArray[np.int64]:
    return np.flatnonzero(wanted if wanted.sum() >= _ENOUGH else otherwise)
