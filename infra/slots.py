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

from infra.engines import Engine
from infra.settings import settings

POLL_SECONDS = 0.05


class MachineSlots:
    """Call it with an engine to hold what one start of it takes."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or Path(tempfile.gettempdir()) / f"voicecast-slots-{os.getuid()}"
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._free_gb = memory_gb()
        self._memory = threading.Condition()

    @contextmanager
    def __call__(self, engine: Engine) -> Iterator[None]:
        with ExitStack() as held:
            for _ in range(engine.gpu):
                held.enter_context(self._one_of("gpu", gpus()))
            held.enter_context(self._one_of(engine.name, engine.at_most))
            held.enter_context(self._some_memory(engine.memory_gb))
            yield

    @contextmanager
    def _one_of(self, name: str, count: int) -> Iterator[None]:
        while True:
            for i in range(count):
                with open(self._folder / f"{name}.{i}", "w") as stream:
                    try:
                        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    except BlockingIOError:
                        continue
                    yield
                    return
            time.sleep(POLL_SECONDS)

    @contextmanager
    def _some_memory(self, wanted_gb: float) -> Iterator[None]:
        taken = min(wanted_gb, memory_gb())
        with self._memory:
            self._memory.wait_for(lambda: self._free_gb >= taken)
            self._free_gb -= taken
        try:
            yield
        finally:
            with self._memory:
                self._free_gb += taken
                self._memory.notify_all()


def memory_gb() -> float:
    """Memory that engines may take together."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return settings().memory_gb or max(1.0, whole - 2)


def gpus() -> int:
    """GPUs that engines may take together; an engine that asks for one waits for ever without."""
    known = settings().gpus
    return known if known is not None else len(list(Path("/proc/driver/nvidia/gpus").glob("*")))
