"""The port between those who want a stage run and where engines run: jobs, starts, runners.

Who collects jobs into starts is `dispatch`; where a start runs is in `runners`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from infra.engines import Engine
from infra.settings import settings


@dataclass(frozen=True, kw_only=True)
class Job:
    """One item to run: `inputs` maps paths inside the item to files of this machine, `keys` to files in the store."""

    name: str
    identity: str
    engine: Engine
    runner: str
    options: dict[str, Any]
    stage: str
    request: dict[str, Any]
    inputs: dict[str, Path]
    keys: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What an item left: `result` as the contract says, files below `folder`/out, facts of the run.

    The folder belongs to the caller, who takes the files and then calls `discard`.
    """

    engine: str
    result: dict[str, Any]
    folder: Path
    run: dict[str, Any]

    def discard(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


@dataclass(frozen=True, kw_only=True)
class Errand:
    """What a remote runner knows of an item besides its folder.

    `claim`: the one name of this request of this thing, under which its state is kept and a Job that plays it is
    found again. `keys`: inputs that lie in the store, by their path inside the item.
    """

    claim: str
    keys: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Start:
    """One start of an engine over the items below `workdir`; `gpus`: those it may use, as CUDA names them."""

    id: str
    engine: Engine
    workdir: Path
    cache: Path
    items: int
    gpus: tuple[str, ...] = ()
    errands: dict[str, Errand] = field(default_factory=dict)
    weights: Path = field(default_factory=lambda: settings().weights_dir.absolute())  # noqa: PLW0108 (settings at the start)


@dataclass(frozen=True, kw_only=True)
class Exit:
    """How a start ended. `finished`: every item has its answer or the engine refused to set up.

    `lost`: the machine under it went away (a node, an eviction), by no fault of its items. `deadline`: it took longer
    than a start may.
    """

    reason: Literal["finished", "out_of_memory", "killed", "stuck", "failed", "lost", "deadline"]
    message: str = ""


class Runner(Protocol):
    """Where engines run. State machine: run() -> items appear -> Exit; nothing outlives run().

    `remote`: on other machines, so a start takes no memory or GPU of this one, and inputs that lie in the store are
    not brought here. `in_place`: an item's folder is the engine's own until the item has its answer, and then nobody's,
    so that it may be taken while the start goes on.
    """

    remote: bool
    in_place: bool

    def run(self, start: Start, heard: Callable[[str], None]) -> Exit:
        """Run a start to its end; `heard` gets each line of output. Raises EngineError if it cannot start."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """An item is this far: 0 begun, 1 ended."""

    name: str
    stage: str
    engine: str
    done: float


Listener = Callable[[Progress], None]
WATCHER: ContextVar[Listener | None] = ContextVar("watcher", default=None)
"""Who wants to hear of every item: the command line sets it before it starts a flow."""
FOLLOWER: ContextVar[Callable[[str], None] | None] = ContextVar("follower", default=None)
"""Who wants a sentence whenever an episode, a data set or a voice is done: the command line, where it shows no bars."""


def listener_of_run() -> Listener:
    """The watcher of this run, or nobody."""
    return WATCHER.get() or _nobody


def _nobody(_: Progress) -> None:
    return None


Slots = Callable[[Engine], AbstractContextManager[tuple[str, ...]]]
"""Holds what a start of an engine takes, and gives the GPUs that are its own."""
