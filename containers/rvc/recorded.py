"""A training step as CUDA graphs: a GPU does its thousands of small kernels without being told one by one.

Nothing is compiled: the step itself is recorded, once for each shape of a batch, and played back. Needs no compiler.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import TypeVar

import torch
from torch import Tensor

from .batches import Batch
from .generator import Draws

_Given = TypeVar("_Given", Batch, Draws)
Step = Callable[[Batch, Draws], Tensor]
_Shape = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, kw_only=True)
class _Recording:
    graph: torch.cuda.CUDAGraph
    batch: Batch
    draws: Draws
    answer: Tensor


class Recorded:
    """`step`, which may use what it is given, weights and optimisers alone, and must not wait for the GPU.

    The first batch of a shape is learnt from as ever, while libraries choose their algorithms; the second is
    recorded. All recordings share their memory, since they play one after another.
    """

    def __init__(self, step: Step, device: torch.device) -> None:
        self._step = step
        self._stream = torch.cuda.Stream(device)
        self._pool = torch.cuda.graph_pool_handle()
        self._known: set[_Shape] = set()
        self._recordings: dict[_Shape, _Recording] = {}

    def __call__(self, batch: Batch, draws: Draws) -> Tensor:
        shape = tuple(tuple(each.shape) for each in (*_tensors(batch), *_tensors(draws)))
        if shape not in self._known:
            self._known.add(shape)
            return self._beside(batch, draws)
        recording = self._recordings.get(shape)
        if recording is None:
            recording = self._recordings[shape] = self._recorded(batch, draws)
        given = (*_tensors(batch), *_tensors(draws))
        for place, each in zip((*_tensors(recording.batch), *_tensors(recording.draws)), given, strict=True):
            place.copy_(each)
        recording.graph.replay()
        return recording.answer.clone()

    def _beside(self, batch: Batch, draws: Draws) -> Tensor:
        """On the stream that recordings are made on, so that nothing of theirs depends on another."""
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            answer = self._step(batch, draws)
        torch.cuda.current_stream().wait_stream(self._stream)
        return answer.clone()

    def _recorded(self, batch: Batch, draws: Draws) -> _Recording:
        kept = _copied(batch), _copied(draws)
        graph = torch.cuda.CUDAGraph()
        torch.cuda.synchronize()
        with torch.cuda.graph(graph, pool=self._pool, stream=self._stream, capture_error_mode="thread_local"):
            answer = self._step(*kept)  # others may put the next batch into pinned memory meanwhile
        return _Recording(graph=graph, batch=kept[0], draws=kept[1], answer=answer)


def _names(of: Batch | Draws) -> list[str]:
    return [each.name for each in fields(of) if isinstance(getattr(of, each.name), Tensor)]


def _tensors(of: Batch | Draws) -> list[Tensor]:
    return [getattr(of, name) for name in _names(of)]


def _copied(of: _Given) -> _Given:
    return replace(of, **{name: getattr(of, name).clone() for name in _names(of)})
