"""A few programs kept running together: started in order, started again when they die, ended together.

A child that dies is started again after a pause that doubles, up to a minute; one
that has run for a while begins with a short pause again. Each has a log of its own,
and each ends with the supervisor: by SIGINT or SIGTERM, and, on Linux, when the
supervisor itself is killed.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

log = logging.getLogger("voicecast.up")

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
STEADY_SECONDS = 120.0
"""A child that ran for so long was well; its next death is not counted with the last."""
GRACE_SECONDS = 30.0
"""How long children have to end before they are killed."""
LOG_BYTES = 10 * 2**20
"""A log that is longer when its child is started is kept as .1, and begun anew."""
PR_SET_PDEATHSIG = 1


@dataclass(kw_only=True)
class Child:
    """A program; `before`: what is done before its first start, `wanted`: whether it has anything to do yet,
    `ready`: whether the next one may start."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    ready: Callable[[], bool] = lambda: True
    wanted: Callable[[], bool] = lambda: True
    before: Callable[[], None] = lambda: None
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause: float = FIRST_PAUSE
    due: float = field(default=0.0)

    def start(self, logs: Path) -> None:
        path = logs / f"{self.name}.log"
        if path.exists() and path.stat().st_size > LOG_BYTES:
            path.replace(path.with_suffix(".log.1"))
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "ab") as stream:
            self.process = subprocess.Popen(
                self.command, env=self.environment, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=stream,
                stderr=subprocess.STDOUT, start_new_session=True,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 (the supervisor has no threads)
            )  # fmt: skip
        self.started = time.monotonic()

    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def signal(self, number: int) -> None:
        """To the child and to what it has started."""
        if self.process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)


class Supervisor:
    """Keeps children running until it is told to end."""

    def __init__(self, children: Sequence[Child], logs: Path) -> None:
        self._children, self._logs = children, logs
        self.ending = threading.Event()

    def run(self, ready: Callable[[], None]) -> None:
        """Start each child once the one before it is there, then call `ready`; returns when told to end."""
        previous = {each: signal.signal(each, self._told) for each in (signal.SIGINT, signal.SIGTERM)}
        try:
            for child in self._children:
                if self.ending.is_set():
                    return
                child.before()
                self._look_after(child)
                while not self.ending.is_set() and not child.ready():
                    self._look_after(child)
                    self.ending.wait(0.3)
            if not self.ending.is_set():
                ready()
            while not self.ending.wait(0.5):
                for child in self._children:
                    self._look_after(child)
        finally:
            self.end()
            for number, handler in previous.items():
                signal.signal(number, handler)

    def end(self) -> None:
        """The last one first, since it uses those before it."""
        self.ending.set()
        for child in reversed(self._children):
            child.signal(signal.SIGINT)
            deadline = time.monotonic() + GRACE_SECONDS
            while child.alive() and time.monotonic() < deadline:
                time.sleep(0.1)
            if child.alive():
                log.warning("%s did not end in %.0f s and is killed", child.name, GRACE_SECONDS)
            child.signal(signal.SIGKILL)
            if child.process:
                child.process.wait()

    def _look_after(self, child: Child) -> None:
        now = time.monotonic()
        if child.alive() or (child.process is None and (now < child.due or not child.wanted())):
            return
        if child.process is not None:
            code, child.process = child.process.returncode, None
            child.pause = FIRST_PAUSE if now - child.started > STEADY_SECONDS else min(child.pause * 2, LONGEST_PAUSE)
            child.due = now + child.pause
            log.warning("%s ended with code %s; started again in %.0f s. Its log: %s",
                        child.name, code, child.pause, self._logs / f"{child.name}.log")  # fmt: skip
            return
        child.start(self._logs)

    def _told(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 (as Python calls it)
        self.ending.set()


def _die_with_parent() -> None:
    """In the child, before its program: Linux tells it when the supervisor dies. Elsewhere nothing does."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
