"""Segments: how a long sound is cut for a model, and how its answers are laid over each other.

The same grid, padding and weights as `demucs.apply.apply_model` with `shifts=0` and `transition_power=1`, but
of a stream: neither the sound nor the answer is ever whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Segments of `length` samples, one each `stride`; the last ones are shorter."""

    length: int
    stride: int

    def spans(self, total: int) -> Iterator[tuple[int, int]]:
        """Begin and length of each segment of a sound of `total` samples."""
        for begin in range(0, total, self.stride):
            yield begin, min(self.length, total - begin)

    def weight(self) -> Tensor:
        """How much each sample of a segment counts: a triangle."""
        half = self.length // 2
        weight = torch.cat([torch.arange(1, half + 1), torch.arange(self.length - half, 0, -1)])
        return weight / weight.max()


@dataclass(frozen=True, kw_only=True, eq=False)
class Segment:
    """`length` samples of a sound in the middle of `window` (channels, samples), which shows what lies around
    them, zeros outside the sound."""

    window: Tensor
    length: int

    def seen(self, count: int) -> Tensor:
        """The middle `count` samples of the window, as `demucs.apply.TensorChunk.padded` would have them."""
        begin = (self.window.shape[1] - self.length) // 2 - (count - self.length) // 2
        return self.window[:, begin : begin + count]


def cut(blocks: Iterable[Tensor], total: int, grid: Grid, window: Callable[[int], int]) -> Iterator[Segment]:
    """The segments of a sound of `total` samples that comes in blocks; `window` says how many samples are to be
    seen around a segment of that length."""
    blocks = iter(blocks)
    held, origin = next(blocks, torch.zeros(1, 0)), 0
    for begin, length in grid.spans(total):
        count = window(length)
        first = begin - (count - length) // 2
        last = first + count
        while origin + held.shape[1] < min(last, total):
            held = torch.cat((held, next(blocks)), dim=1)
        inside = held[:, max(first, 0) - origin : min(last, total) - origin]
        padding = (max(-first, 0), max(last - total, 0))
        yield Segment(window=torch.nn.functional.pad(inside, padding), length=length)
        forget = max(begin + grid.stride - window(grid.length) - origin, 0)
        held, origin = held[:, forget:], origin + forget


class OverlapAdd:
    """Lays what a model made of the segments of `grid`, in order, over each other."""

    def __init__(self, grid: Grid, total: int, channels: int) -> None:
        self._grid, self._total = grid, total
        self._weight = grid.weight()
        self._begin = 0
        self._sum = torch.zeros(channels, grid.length)
        self._weights = torch.zeros(grid.length)

    def add(self, samples: Tensor) -> Tensor:
        """The stretch that is complete with this segment."""
        length = samples.shape[1]
        self._sum[:, :length] += self._weight[:length] * samples
        self._weights[:length] += self._weight[:length]
        ready = min(self._grid.stride, self._total - self._begin)
        complete = self._sum[:, :ready] / self._weights[:ready]
        self._sum, self._weights = _shifted(self._sum, ready), _shifted(self._weights, ready)
        self._begin += ready
        return complete


def _shifted(values: Tensor, count: int) -> Tensor:
    return torch.nn.functional.pad(values[..., count:], (0, count))
