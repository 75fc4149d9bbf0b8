"""How far a run is, and what its engines say, on Prefect's pages and to who asks for it."""

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

from infra.stage import FOLLOWER

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


def ended(futures: list[PrefectFuture[T]], what: str, before: int = 0, at_once: int = 1) -> Iterator[PrefectFuture[T]]:
    """Futures as they end, with a progress artifact; `before`: how many were finished in an earlier run, `at_once`:
    how many are under way together."""
    total, began, said = before + len(futures), time.monotonic(), 0.0
    artifact = create_progress_artifact(progress=100 * before / total, description=what) if futures else None
    for count, future in enumerate(as_completed(futures), start=1):
        now = time.monotonic()
        if isinstance(artifact, UUID) and (now - said > UPDATE_SECONDS or count == len(futures)):
            left = seconds_left(now - began, count, len(futures), at_once)
            note = f"{what}: {before + count} of {total}" + (f", {time_said(left)} left" if left else "")
            update_progress_artifact(artifact, progress=100 * (before + count) / total, description=note)
            follow = FOLLOWER.get()
            if follow:
                follow(note)
            said = now
        yield future


def seconds_left(seconds: float, ended: int, all_of_them: int, at_once: int) -> float:
    """Seconds until all have ended, where `ended` took so many seconds; those under way count as half done.

    >>> seconds_left(60.0, 1, 12, 1), seconds_left(60.0, 1, 12, 8), seconds_left(60.0, 12, 12, 8)
    (660.0, 100.0, 0.0)
    """
    done = ended + min(at_once - 1, all_of_them - ended) / 2
    return seconds / done * (all_of_them - done)


def time_said(seconds: float) -> str:
    """
    >>> time_said(41), time_said(100), time_said(8000)
    ('less than a minute', 'about 2 min', 'about 2 h 13 min')
    """
    minutes = round(seconds / 60)
    if seconds < 60:
        return "less than a minute"
    return f"about {minutes} min" if minutes < 60 else f"about {minutes // 60} h {minutes % 60} min"


def messages(failures: Iterable[tuple[str, Any]]) -> dict[str, str]:
    """What to tell a person of what failed: name -> one sentence."""
    return {name: str(error) or type(error).__name__ for name, error in failures}
