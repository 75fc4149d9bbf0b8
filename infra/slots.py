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
    """Call it with an engine to hold what one start of it takes."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or Path(tempfile.gettempdir()) / f"voicecast-slots-{os.getuid()}"
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._memory = MemoryGB()

    @contextmanager
    def __call__(self, engine: Engine) -> Iterator[None]:
        with ExitStack() as held:
            held.enter_context(self._some_of("gpu", engine.gpu, gpus()))
            held.enter_context(self._some_of(engine.name, 1, engine.at_most))
            held.enter_context(self._memory(engine.memory_gb))
            yield

    @contextmanager
    def _some_of(self, name: str, wanted: int, count: int) -> Iterator[None]:
        """Hold `wanted` of `count`, all or none, so that two who want several never wait for each other."""
        if wanted > count:
            raise EngineError(f"the engine wants {wanted} {name} and this machine has {count}; see VOICECAST_GPUS")
        while True:
            with ExitStack() as held:
                got = 0
                for i in range(count):
                    got += got < wanted and self._take(held, f"{name}.{i}")
                if got == wanted:
                    yield
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


def gpus() -> int:
    """GPUs that engines may take together; an engine that asks for more is refused."""
    known = settings().gpus
    return known if known is not None else len(list(Path("/proc/driver/nvidia/gpus").glob("*")))
