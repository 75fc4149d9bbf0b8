"""A studio whose engines are stub, without Prefect, and an episode for it."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from containers.contract.item import sha256_of
from containers.contract.stages import STAGES
from infra.dispatch import Dispatcher
from infra.runners.process import ProcessRunner
from infra.store import LocalStore
from tasks.domain import Episode
from tasks.series import Series
from tasks.studio import Studio

RIGHTS = {"basis": "a stub's voice", "by": "the tests", "date": "2026-11-22"}


def studio_at(folder: Path, **said: Any) -> Studio:
    """A studio over a store in `folder`; `said`: fields of the series file."""
    fields = {
        "series": "toy",
        "episodes": "*.mkv",
        "language": "ja",
        "characters": {"anna": {"name": "アンナ", "rights": RIGHTS}, "ben": {"name": "Ben"}},
        "engines": dict.fromkeys(STAGES, "stub"),
    }
    store = LocalStore(folder / "store")
    runners = {"process": ProcessRunner(store.work)}
    dispatcher = Dispatcher(store.work, runners, lambda _: nullcontext(()), lambda _: None)
    series = Series.model_validate({**fields, **said, "folder": folder})
    return Studio(series=series, store=store, dispatcher=dispatcher)


def looking(studio: Studio) -> Studio:
    """The same studio, which starts nothing."""
    return Studio(series=studio.series, store=studio.store)


def episode_at(folder: Path, key: str = "s01e01", **script: Any) -> Episode:
    """A scripted episode."""
    path = folder / f"{key}.mkv"
    path.write_text(json.dumps({"stub": {"title": key, "duration": 10, "cast": ["A", "B"], **script}}))
    return Episode(key=key, file=str(path), sha256=sha256_of(path))
