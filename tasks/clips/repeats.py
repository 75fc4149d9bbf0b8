"""Repeats: the same recording of a line in several episodes (a recap, a stock shout) is kept once.

Clips that are near each other by vector are compared by their fingerprints, one
slid along the other. The same words said anew are another recording: nothing of
their bits agrees but by chance.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tasks.clips.selection import quality
from tasks.clips.verdicts import Row
from tasks.domain import Vectors

NEIGHBOURS = 12
"""Nearest clips by vector that are listened to."""
_NEAR = 0.75
_SLIDE = 16
"""Words (64 ms each) by which the cuts of two repeats may differ."""
_SHARED = 0.6
_LEAST_WORDS = 10
_DIFFERENT_BITS = 0.3
_WORD_BITS = 16
_PAIRS_AT_ONCE = 2000
_ROWS_AT_ONCE = 1000


def without_repeats(rows: Sequence[Row], vectors: Mapping[str, Vectors], most: float = 1) -> tuple[Row, ...]:
    """The same rows in the same order; of kept rows of one character with one recording, the best `most` stay kept."""
    dropped: dict[int, str] = {}
    for character in sorted({row.character for row in rows}) if most < math.inf else ():
        kept = [index for index, row in enumerate(rows) if row.character == character and row.verdict == "kept"]
        dropped |= _repeats(rows, kept, np.stack([vectors[rows[index].clip] for index in kept]), most) if kept else {}
    return tuple(
        replace(row, verdict="dropped", reason="duplicate", detail=dropped[index]) if index in dropped else row
        for index, row in enumerate(rows)
    )


def _repeats(rows: Sequence[Row], kept: Sequence[int], vectors: Vectors, most: float) -> dict[int, str]:
    """Rows to drop, each with why; the better row of two is looked at first."""
    words = [_words(rows[index].measurements.fingerprint) for index in kept]
    first, second = _near(vectors, np.array([len(each) for each in words]))
    same: dict[int, list[tuple[int, float]]] = {}
    for begin in range(0, len(first), _PAIRS_AT_ONCE):
        a, b = first[begin : begin + _PAIRS_AT_ONCE], second[begin : begin + _PAIRS_AT_ONCE]
        for one, other, bits in zip(a, b, different_bits([words[i] for i in a], [words[i] for i in b]), strict=True):
            if bits <= _DIFFERENT_BITS:
                same.setdefault(int(one), []).append((int(other), float(bits)))
                same.setdefault(int(other), []).append((int(one), float(bits)))
    dropped: dict[int, str] = {}
    stays: set[int] = set()
    for place in sorted(same, key=lambda each: (-quality(rows[kept[each]]), rows[kept[each]].clip)):
        better = sorted((bits, other) for other, bits in same[place] if other in stays)
        if len(better) >= most:
            bits, other = better[0]
            dropped[kept[place]] = f"the same recording as {rows[kept[other]].clip} ({bits:.0%} of its bits differ)"
        else:
            stays.add(place)
    return dropped


def _words(fingerprint: str) -> NDArray[np.uint16]:
    return np.frombuffer(base64.b64decode(fingerprint), "<u2")


def _near(vectors: Vectors, lengths: NDArray[np.int_]) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """Pairs (first < second) that may be one recording: near by vector, and of like length."""
    pairs: set[tuple[int, int]] = set()
    count = min(NEIGHBOURS, len(vectors) - 1)
    for begin in range(0, len(vectors), _ROWS_AT_ONCE) if count > 0 else ():
        near = vectors[begin : begin + _ROWS_AT_ONCE] @ vectors.T
        own = lengths[begin : begin + _ROWS_AT_ONCE, None]
        near[np.arange(len(near)), np.arange(begin, begin + len(near))] = -1.0
        near[np.minimum(own, lengths) < np.maximum(_LEAST_WORDS, _SHARED * np.maximum(own, lengths))] = -1.0
        nearest = np.argpartition(-near, count - 1, axis=1)[:, :count]
        for row, column in zip(*np.nonzero(np.take_along_axis(near, nearest, axis=1) >= _NEAR), strict=True):
            one, other = begin + int(row), int(nearest[row, column])
            pairs.add((min(one, other), max(one, other)))
    ordered = np.array(sorted(pairs), int).reshape(-1, 2)
    return ordered[:, 0], ordered[:, 1]


def different_bits(ones: Sequence[NDArray[np.uint16]], others: Sequence[NDArray[np.uint16]]) -> NDArray[np.float64]:
    """For each pair the least share of different bits, over all slides at which most of the shorter one is compared."""
    a, real_a = _padded(ones)
    b, real_b = _padded(others)
    enough = np.maximum(_LEAST_WORDS, _SHARED * np.minimum(real_a.sum(axis=1), real_b.sum(axis=1)))
    best = np.ones(len(ones))
    for slide in range(-_SLIDE, _SLIDE + 1):
        here, there = slice(max(slide, 0), None), slice(max(-slide, 0), None)
        width = min(a[:, here].shape[1], b[:, there].shape[1])
        both = real_a[:, here][:, :width] & real_b[:, there][:, :width]
        bits = np.bitwise_count(a[:, here][:, :width] ^ b[:, there][:, :width])
        shared = both.sum(axis=1)
        share = (bits * both).sum(axis=1) / np.maximum(shared, 1) / _WORD_BITS
        best = np.where(shared >= enough, np.minimum(best, share), best)
    return best


def _padded(words: Sequence[NDArray[np.uint16]]) -> tuple[NDArray[np.uint16], NDArray[np.bool_]]:
    lengths = np.array([len(each) for each in words], int)
    real = np.arange(max(int(lengths.max(initial=0)), 1)) < lengths[:, None]
    filled = np.zeros(real.shape, np.uint16)
    if len(words):
        filled[real] = np.concatenate(words)
    return filled, real
