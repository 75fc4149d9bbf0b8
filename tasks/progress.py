"""How far a run is, and what its engines say, on Prefect's pages."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.context import FlowRunContext, TaskRunContext
from prefect.futures import PrefectFuture, as_completed
from prefect.logging.handlers import APILogHandler

T = TypeVar("T")

UPDATE_SECONDS = 2.0


class _OfRuns(APILogHandler):
    """Takes what is said within a run, and nothing else."""

    def filter(self, record: logging.LogRecord) -> bool:
        return bool(super().filter(record)) and bool(TaskRunContext.get() or FlowRunContext.get())


def log_engines() -> None:
    """Show what engines print in the log of the task run they work for."""
    log = logging.getLogger("voicecast.engine")
    if not any(isinstance(each, _OfRuns) for each in log.handlers):
        log.addHandler(_OfRuns())
        log.setLevel(logging.INFO)
        log.propagate = False


def ended(futures: list[PrefectFuture[T]], what: str, before: int = 0) -> Iterator[PrefectFuture[T]]:
    """Futures as they end, with a progress artifact; `before`: how many were finished in an earlier run."""
    total, began, said = before + len(futures), time.monotonic(), 0.0
    artifact = create_progress_artifact(progress=100 * before / total, description=what) if futures else None
    for count, future in enumerate(as_completed(futures), start=1):
        now = time.monotonic()
        if isinstance(artifact, UUID) and (now - said > UPDATE_SECONDS or count == len(futures)):
            left = (now - began) / count * (len(futures) - count)
            note = f"{what}: {before + count} of {total}, about {left / 60:.0f} min left"
            update_progress_artifact(artifact, progress=100 * (before + count) / total, description=note)
            said = now
        yield future


def messages(failures: Iterable[tuple[str, Any]]) -> dict[str, str]:
    """What to tell a person of what failed: name -> one sentence."""
    return {name: str(error) or type(error).__name__ for name, error in failures}
