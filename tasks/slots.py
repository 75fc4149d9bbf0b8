"""Slots of a Prefect server: its concurrency limits, held for each start of an engine."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from prefect.client.orchestration import get_client
from prefect.concurrency.sync import concurrency
from prefect.settings import PREFECT_API_URL

from infra.engines import Engine, engines
from infra.slots import MachineSlots, gpus, memory_gb
from infra.stage import Slots

PREFIX = "voicecast"


def slots_of_run() -> Slots:
    """The server's limits where a server is set up; else file locks of this machine, which no crash leaves held."""
    if not PREFECT_API_URL.value():
        return MachineSlots()
    create_limits()
    return server_slots


def create_limits() -> None:
    """Create or correct the limits; without them nothing would be held."""
    limits = {f"{PREFIX}-{engine.name}": engine.at_most for engine in engines().values()}
    limits |= {f"{PREFIX}-gpu": max(1, gpus()), f"{PREFIX}-memory-gb": int(memory_gb())}
    with get_client(sync_client=True) as client:
        for name, limit in limits.items():
            client.upsert_global_concurrency_limit_by_name(name, limit)


@contextmanager
def server_slots(engine: Engine) -> Iterator[None]:
    """Hold what one start of an engine takes; always in the same order, so that two never wait for each other."""
    with ExitStack() as held:
        if engine.gpu:
            held.enter_context(concurrency(f"{PREFIX}-gpu", occupy=engine.gpu, strict=True))
        held.enter_context(concurrency(f"{PREFIX}-{engine.name}", occupy=1, strict=True))
        wanted = min(math.ceil(engine.memory_gb), int(memory_gb()))
        held.enter_context(concurrency(f"{PREFIX}-memory-gb", occupy=wanted, strict=True))
        yield
