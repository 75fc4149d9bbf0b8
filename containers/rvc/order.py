"""Which pieces of which clips a step hears, and in what order: pieces of up to 4 s, of about one length together.

The order follows from the seed and the step's number alone: a training that goes on from a checkpoint hears what an
unbroken one would have heard.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from .shape import FRAMES_PER_SECOND

_LONGEST = 4 * FRAMES_PER_SECOND
_ALIKE = FRAMES_PER_SECOND // 2
"""Frames of length that count as one length, and a batch's length is a multiple of: few shapes, which compilers and
cuDNN's choice of algorithms like."""


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Where a piece begins in all clips laid end to end, its length, in frames, and the number of its clip."""

    begin: int
    frames: int
    clip: int


@dataclass(frozen=True, kw_only=True)
class Step:
    """The pieces of a step."""

    number: int
    pieces: tuple[Piece, ...]

    @property
    def frames(self) -> int:
        """The batch's length: that of the longest piece, rounded up."""
        return -(-max(each.frames for each in self.pieces) // _ALIKE) * _ALIKE


class Order:
    def __init__(self, lengths: tuple[int, ...], least: int, batch_size: int, seed: int) -> None:
        """`lengths` of clips and the `least` length of a piece, in frames."""
        self._pieces = _pieces(lengths, least)
        self._batch_size, self._seed = batch_size, seed
        self.steps_per_epoch = -(-len(self._pieces) // batch_size)
        self._epoch = lru_cache(maxsize=2)(self._shuffled)

    @property
    def pieces(self) -> int:
        return len(self._pieces)

    def step(self, number: int) -> Step:
        chosen = self._epoch(number // self.steps_per_epoch)[number % self.steps_per_epoch]
        return Step(number=number, pieces=tuple(self._pieces[each] for each in chosen))

    def _shuffled(self, epoch: int) -> list[list[int]]:
        """Pieces of each step of an epoch: shuffled, then brought together by length, then the batches shuffled."""
        drawn = np.random.default_rng((self._seed, epoch))
        mixed = drawn.permutation(len(self._pieces))
        alike = np.array([self._pieces[each].frames // _ALIKE for each in mixed])
        order = mixed[np.argsort(alike, kind="stable")]
        starts = range(0, len(order), self._batch_size)
        batches = [[int(each) for each in order[start : start + self._batch_size]] for start in starts]
        return [batches[each] for each in drawn.permutation(len(batches))]


def _pieces(lengths: tuple[int, ...], least: int) -> list[Piece]:
    """A clip is divided evenly; pieces shorter than `least` are left out."""
    pieces, begin = [], 0
    for clip, frames in enumerate(lengths):
        count = -(-frames // _LONGEST)
        edges = [begin + frames * number // count for number in range(count + 1)]
        pieces += [
            Piece(begin=first, frames=last - first, clip=clip)
            for first, last in pairwise(edges)
            if last - first >= least
        ]
        begin += frames
    return pieces
