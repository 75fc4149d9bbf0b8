"""Recordings diarized side by side: while one is on the GPU, another is read, clustered and written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from queue import SimpleQueue
from threading import Lock

from containers.contract.item import Item
from containers.contract.stages import DiarizeRequest, DiarizeResult

from .diarization import diarize_by
from .once_a_chunk import Diarizer

Pairs = Iterator[tuple[DiarizeRequest, Item]]


class Hands:
    """Diarizers, each in one thread's hands at a time; `load` makes all of them when the first is asked for."""

    def __init__(self, load: Callable[[], Sequence[Diarizer]]) -> None:
        self._load, self._lock = load, Lock()
        self._free: SimpleQueue[Diarizer] | None = None

    def diarize(self, request: DiarizeRequest, item: Item) -> DiarizeResult:
        free = self._loaded()
        diarizer = free.get()
        try:
            return diarize_by(diarizer, request, item)
        finally:
            free.put(diarizer)

    def _loaded(self) -> SimpleQueue[Diarizer]:
        with self._lock:
            if self._free is None:
                free: SimpleQueue[Diarizer] = SimpleQueue()
                for each in self._load():
                    free.put(each)
                self._free = free
            return self._free


def diarize_side_by_side(
    load: Callable[[], Sequence[Diarizer]], count: int, pairs: Pairs
) -> Iterator[tuple[Item, DiarizeResult | BaseException]]:
    """Answers as they come, `count` recordings at a time; one that fails does not take its neighbours along."""
    hands = Hands(load)
    with ThreadPoolExecutor(count + 1, "diarize") as threads:
        coming: Future[tuple[DiarizeRequest, Item] | None] | None = threads.submit(next, pairs, None)
        running: dict[Future[DiarizeResult], Item] = {}
        while coming or running:
            drawn = [coming] if coming and len(running) < count else []
            done, _ = wait([*running, *drawn], return_when=FIRST_COMPLETED)
            if coming in done:
                pair = coming.result()
                coming = threads.submit(next, pairs, None) if pair else None
                if pair:
                    running[threads.submit(hands.diarize, *pair)] = pair[1]
            for each in done & set(running):
                yield running.pop(each), each.exception() or each.result()
