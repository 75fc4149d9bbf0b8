"""What engines work on at this moment, for whoever asks from another terminal.

Each process that may start engines keeps one small file below the store's work
folder, beside a lock that goes with it: what a process that is gone has left
is not read.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import threading
import time
import uuid
import weakref
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from infra.items import Alive, sweep
from infra.stage import Listener, Progress

FOLDER, FILE = "underway", "now.json"
WRITE_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class Item:
    """An item that an engine works on: `done` of 1, `since` in seconds since 1970."""

    name: str
    stage: str
    engine: str
    done: float
    since: float


@dataclass(frozen=True, kw_only=True)
class Underway:
    """A process of this machine that may start engines, `began` in seconds since 1970, and its items."""

    host: str
    pid: int
    began: float
    items: tuple[Item, ...]


class Notice:
    """A listener that tells another one, and keeps the file."""

    def __init__(self, work: Path, listener: Listener) -> None:
        self._listener, self._mutex = listener, threading.Lock()
        self._items: dict[str, Item] = {}
        self._began, self._written = time.time(), 0.0
        self._folder = work / FOLDER / uuid.uuid4().hex[:12]
        with suppress(OSError):  # a folder that cannot be written is told by those whose work it stops
            sweep(work / FOLDER)
            alive = Alive(self._folder)
            alive.__enter__()
            weakref.finalize(self, alive.__exit__)
        self._write()

    def __call__(self, said: Progress) -> None:
        self._listener(said)
        with self._mutex:
            before = self._items.pop(said.name, None)
            if said.done < 1:
                since = before.since if before else time.time()
                self._items[said.name] = Item(
                    name=said.name, stage=said.stage, engine=said.engine, done=said.done, since=since
                )
            if (before is None) != (said.done >= 1) or time.monotonic() - self._written > WRITE_SECONDS:
                self._write()

    def _write(self) -> None:
        said = Underway(
            host=socket.gethostname(), pid=os.getpid(), began=self._began, items=tuple(self._items.values())
        )
        half = self._folder / f"{FILE}.half"
        with suppress(OSError):
            half.write_text(json.dumps(asdict(said)), "utf-8")
            half.replace(self._folder / FILE)
            self._written = time.monotonic()


def underway(work: Path) -> tuple[Underway, ...]:
    """What processes of this machine that live do with the store of this work folder, the oldest first."""
    found = []
    for folder in sorted((work / FOLDER).glob("*")):
        with suppress(OSError, ValueError, TypeError):
            if _lives(folder):
                said = json.loads((folder / FILE).read_text("utf-8"))
                found.append(Underway(**{**said, "items": tuple(Item(**each) for each in said["items"])}))
    return tuple(sorted(found, key=lambda each: each.began))


def _lives(folder: Path) -> bool:
    with open(folder / "alive") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False
