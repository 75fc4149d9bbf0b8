"""Slots of this machine: how many starts of engines it bears at once, over all runs of one user.

Held by file locks, which the kernel gives back when a process dies; memory is
counted within one process.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from containers.contract.errors import EngineError
from infra.engines import Engine
from infra.settings import settings

POLL_SECONDS = 0.05


class MachineSlots:
    """Call it with an engine to hold what one start of it takes; gives the GPUs that are its own.

    All take in one order, so that no two wait for each other: a start of the engine, GPUs, memory. What waits for a GPU
    holds no memory, which others could compute with.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or Path(tempfile.gettempdir()) / f"voicecast-slots-{os.getuid()}"
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._memory = MemoryGB()

    @contextmanager
    def __call__(self, engine: Engine) -> Iterator[tuple[str, ...]]:
        with ExitStack() as held:
            held.enter_context(self._some_of(engine.name, 1, engine.at_most))
            taken = held.enter_context(self.gpus(engine))
            held.enter_context(self._memory(engine.memory_gb))
            yield taken

    @contextmanager
    def gpus(self, engine: Engine) -> Iterator[tuple[str, ...]]:
        """Hold GPUs of this machine for a start; none where it has none, and the engine computes on the CPU."""
        there = gpus()
        if there and engine.gpu > len(there):
            raise EngineError(
                f"engine {engine.name} wants {engine.gpu} GPUs and this machine has {len(there)}; see VOICECAST_GPUS"
            )
        with self._some_of("gpu", engine.gpu if there else 0, len(there)) as taken:
            yield tuple(there[i] for i in taken)

    @contextmanager
    def _some_of(self, name: str, wanted: int, count: int) -> Iterator[list[int]]:
        """Hold `wanted` of `count`, all or none, so that two who want several never wait for each other."""
        while True:
            with ExitStack() as held:
                got: list[int] = []
                for i in range(count):
                    if len(got) < wanted and self._take(held, f"{name}.{i}"):
                        got.append(i)
                if len(got) == wanted:
                    yield got
                    return
            time.sleep(POLL_SECONDS)

    def _take(self, held: ExitStack, name: str) -> bool:
        stream = held.enter_context((self._folder / name).open("w"))
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


class MemoryGB:
    """Memory for the engines of one process: call it with what a start takes."""

    def __init__(self) -> None:
        self._free_gb = memory_gb()
        self._changed = threading.Condition()

    @contextmanager
    def __call__(self, wanted_gb: float) -> Iterator[None]:
        taken = min(wanted_gb, memory_gb())
        with self._changed:
            self._changed.wait_for(lambda: self._free_gb >= taken)
            self._free_gb -= taken
        try:
            yield
        finally:
            with self._changed:
                self._free_gb += taken
                self._changed.notify_all()


def memory_gb() -> float:
    """Memory that engines may take together."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return settings().memory_gb or max(1.0, whole - 2)


def gpus() -> tuple[str, ...]:
    """GPUs that engines may take together, as CUDA names them: CUDA_VISIBLE_DEVICES, else all of this machine."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    found = len(list(Path("/proc/driver/nvidia/gpus").glob("*")))
    names = [name.strip() for name in visible.split(",")] if visible is not None else [str(i) for i in range(found)]
    names = [name for name in names if name and name != "-1"]
    known = settings().gpus
    return tuple(names if known is None else names[:known])
