"""A Prefect server that is away: what has to do with it fails, and nothing is wrong with the work.

What was finished stands in the store, so whatever failed by it is simply done again once the server answers.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State, TaskRun
from prefect.exceptions import PrefectHTTPStatusError
from prefect.tasks import Task

try:  # moved between the versions that we allow
    from prefect.concurrency._asyncio import ConcurrencySlotAcquisitionError
except ImportError:
    from prefect.concurrency.asyncio import ConcurrencySlotAcquisitionError

log = logging.getLogger("voicecast.flow")
T = TypeVar("T")

RETRY_SECONDS = [10.0, 30.0, 60.0, 120.0]
"""Waits before a task is tried again."""
TIMES = 4
"""How often the body of a flow is begun again."""
PATIENCE_SECONDS = 1800.0
"""How long a server is waited for."""


def is_outage(error: object) -> bool:
    """Whether an error says that the server, or its database, did not answer."""
    if isinstance(error, PrefectHTTPStatusError):
        return error.response.status_code >= 500
    return isinstance(error, httpx.TransportError | ConcurrencySlotAcquisitionError)


def server_away(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Condition of retries: trying again can help."""
    return is_outage(state.result(raise_on_failure=False))


BEARING: dict[str, Any] = {
    "retries": len(RETRY_SECONDS),
    "retry_delay_seconds": RETRY_SECONDS,
    "retry_condition_fn": server_away,
}
"""Of a task whose work stands in the store."""


def bear(body: Callable[[], T]) -> T:
    """The body of a flow, begun again when it has failed by an outage that is over."""
    for _ in range(TIMES):
        try:
            return body()
        except Exception as error:
            if not is_outage(error) or not _comes_back():
                raise
            log.warning("the Prefect server was away (%s); goes on", type(error).__name__)
    return body()


def _comes_back() -> bool:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        try:
            with get_client(sync_client=True) as client:
                client.read_work_pools(limit=1)  # asks the database as well
            return True
        except Exception as error:
            if not is_outage(error):
                raise
            time.sleep(5)
    return False
