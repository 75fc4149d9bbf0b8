"""Clearing up after starts that nobody came back to; results and what still counts are never touched.

A run that is killed leaves its containers and Jobs to the next start, which sweeps
them. Where no next start comes, this does, on a schedule (flows.maintenance).
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from containers.contract.errors import EngineError
from infra.items import sweep
from infra.store import Store

PARTIAL_SECONDS = 24 * 3600.0
"""A file that is still being written is touched more often."""


@dataclass(frozen=True, kw_only=True)
class Cleared:
    """What was removed, by kind; `cannot`: kinds that could not be looked after here, and why."""

    removed: dict[str, list[str]]
    cannot: dict[str, str]


def clear_up(store: Store, days: float) -> Cleared:
    """Remove what is left of dead starts, and work of items that nobody touched for `days`."""
    looked_after: dict[str, Callable[[], list[str]]] = {
        "containers": _containers,
        "jobs": _jobs,
        "checkpoints": lambda: old_work(store.work / "state", days * 24 * 3600),
        "partial files": lambda: old_partials(store.work),
        "dead starts": lambda: _starts(store.work),
    }
    removed: dict[str, list[str]] = {}
    cannot: dict[str, str] = {}
    for kind, clear in looked_after.items():
        try:
            removed[kind] = clear()
        except EngineError as error:
            cannot[kind] = str(error)
    return Cleared(removed=removed, cannot=cannot)


def old_work(folder: Path, seconds: float) -> list[str]:
    """Folders whose newest file is older; a checkpoint that is written keeps its item's."""
    gone = []
    for item in sorted(folder.glob("*")):
        if item.is_dir() and not item.is_symlink() and time.time() - _touched(item) > seconds:
            shutil.rmtree(item, ignore_errors=True)
            gone.append(item.name)
    return gone


def old_partials(folder: Path) -> list[str]:
    """Files that were being written when their process died."""
    gone = []
    for path in sorted(folder.glob("*.partial")):
        if path.is_file() and time.time() - path.lstat().st_mtime > PARTIAL_SECONDS:
            path.unlink(missing_ok=True)
            gone.append(path.name)
    return gone


def _touched(item: Path) -> float:
    return max(path.lstat().st_mtime for path in (item, *item.rglob("*")))


def _containers() -> list[str]:
    from infra.runners import sweep_containers

    return sweep_containers()


def _jobs() -> list[str]:
    from infra.runners.kubernetes_api import is_known
    from infra.runners.kubernetes_sweep import sweep_orphans

    return sweep_orphans() if is_known() else []


def _starts(work: Path) -> list[str]:
    folders = (work / "starts", work / "done")
    before = {path for folder in folders for path in folder.glob("*")}
    for folder in folders:
        sweep(folder)
    return sorted(path.name for path in before if not path.exists())
