"""Slots of a Prefect server: its concurrency limits, held for each start of an engine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from prefect.client.orchestration import get_client
from prefect.concurrency.sync import concurrency

from infra.engines import Engine, engines
from infra.settings import settings
from infra.slots import MachineSlots, MemoryGB, gpus
from infra.stage import Slots
from tasks.server import server_set_up

PREFIX = "voicecast"


def slots_of_run() -> Slots:
    """The server's limits where a server is set up; else file locks of this machine, which no crash leaves held."""
    if (settings().slots or ("server" if server_set_up() else "machine")) == "machine":
        return MachineSlots()
    create_limits()
    return ServerSlots()


def create_limits() -> None:
    """Create or correct the limits; without them nothing would be held."""
    limits = {f"{PREFIX}-{engine.name}": engine.at_most for engine in engines().values()}
    limits |= {f"{PREFIX}-gpu": max(1, len(gpus()))}
    with get_client(sync_client=True) as client:
        for name, limit in limits.items():
            client.upsert_global_concurrency_limit_by_name(name, limit)


class ServerSlots:
    """Call it with an engine to hold what one start of it takes; memory is counted within this process.

    Limits are taken in one order, that of MachineSlots, so that two starts never wait for each other.
    """

    def __init__(self) -> None:
        self._memory = MemoryGB()
        self._machine = MachineSlots()

    @contextmanager
    def __call__(self, engine: Engine) -> Iterator[tuple[str, ...]]:
        with ExitStack() as held:
            held.enter_context(concurrency(f"{PREFIX}-{engine.name}", occupy=1, strict=True))
            if engine.gpu and gpus():
                held.enter_context(concurrency(f"{PREFIX}-gpu", occupy=engine.gpu, strict=True))
            taken = held.enter_context(self._machine.gpus(engine))
            held.enter_context(self._memory(engine.memory_gb))
            yield taken
