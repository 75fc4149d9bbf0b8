"""What a person sees in the terminal: bars with time left, tables, and errors of one paragraph."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.text import Text

from infra.interruption import INTERRUPTION
from infra.settings import settings
from infra.stage import FOLLOWER, WATCHER, Listener, Progress

console = Console()
errors = Console(stderr=True)


def say(text: str, style: str | None = None) -> None:
    """A line as it is: no markup, since file names hold brackets, and no breaks, since paths are copied."""
    console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)


def say_problems(problems: Mapping[str, Sequence[str]]) -> None:
    """What is wrong with episodes that were used all the same: a line a text, however many have it."""
    for text, keys in problems.items():
        more = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
        say(f"Problem of {', '.join(keys[:3])}{more}: {text}", style="yellow")


def cell(text: str, style: str = "") -> Text:
    """A cell of a table, as it is."""
    return Text(text, style=style)


def at_terminal() -> bool:
    """Whether a person is there to be asked."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def plain_streams() -> None:
    """What the terminal's encoding cannot show is written as an escape, and is no failure."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def end_in_order() -> None:
    """On SIGTERM or SIGHUP leave as on an error, so that what was started (engines, a temporary server) ends too."""
    if threading.current_thread() is threading.main_thread():
        sys.unraisablehook = _strike_again
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) == signal.SIG_DFL:
                signal.signal(number, _leave)


def say_interrupted() -> None:
    errors.print("Interrupted. What is finished is kept: the same command goes on where this one was.", style="yellow")


@contextmanager
def interruption_said() -> Iterator[None]:
    """Inside, Ctrl-C is answered at once, and ends the engines here: flows wait for their episodes under way."""
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler or threading.current_thread() is not threading.main_thread():
        yield
        return

    def strike(number: int, frame: FrameType | None) -> None:
        INTERRUPTION.strike()
        os.write(2, b"\nInterrupted: engines end; what runs in a cluster is waited for ...\n")
        signal.default_int_handler(number, frame)

    signal.signal(signal.SIGINT, strike)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _leave(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001 (as Python calls it)
    INTERRUPTION.strike()
    sys.exit(128 + number)


def _strike_again(lost: sys.UnraisableHookArgs) -> None:
    """Python drops what is raised in a `__del__` or a weak reference's callback; an interruption that struck there
    strikes again a moment later."""
    error = lost.exc_value
    if isinstance(error, KeyboardInterrupt):
        number = int(signal.SIGINT)
    elif isinstance(error, SystemExit) and isinstance(error.code, int) and error.code > 128:
        number = error.code - 128
    else:
        sys.__unraisablehook__(lost)
        return
    again = threading.Timer(0.1, os.kill, (os.getpid(), number))
    again.daemon = True
    again.start()


STARTING = "Prefect starts; where no server of yours runs, a temporary one takes half a minute"
BETWEEN = "working out what comes next"


class StageBars:
    """One bar for each item that an engine works on; a line that says so while there is none."""

    def __init__(self, bars: Bars, first: str) -> None:
        self._bars, self._shown = bars, dict[str, TaskID]()
        self._mutex = threading.Lock()
        self._idle = bars.add_task(first, total=None)

    def __call__(self, said: Progress) -> None:
        with self._mutex:
            if said.name not in self._shown:
                self._shown[said.name] = self._bars.add_task(f"{said.name} ({said.engine})", total=1.0)
            bar = self._shown[said.name]
            self._bars.update(bar, completed=said.done)
            if said.done >= 1:
                self._bars.remove_task(bar)
                del self._shown[said.name]
            self._bars.update(self._idle, visible=not self._shown, description=BETWEEN)


LINE_SECONDS = 120.0
"""Where there is no terminal: after so long without a line, one says what is under way."""


class StageLines:
    """Lines for a log in place of bars: what has ended, and now and then what engines work on."""

    def __init__(self, write: Callable[[str], None], every_seconds: float = LINE_SECONDS) -> None:
        self._write, self._every, self._said = write, every_seconds, time.monotonic()
        self._under_way = dict[str, str]()
        self._mutex = threading.Lock()

    def __call__(self, said: Progress) -> None:
        with self._mutex:
            self._under_way[said.name] = f"{said.name} ({said.engine}) {said.done:.0%}"
            if time.monotonic() - self._said >= self._every:
                self._line(f"under way: {', '.join(self._under_way.values())}")
            if said.done >= 1:
                del self._under_way[said.name]

    def say(self, text: str) -> None:
        with self._mutex:
            self._line(text)

    def _line(self, text: str) -> None:
        self._write(f"{time.strftime('%H:%M:%S')} {text}")
        self._said = time.monotonic()


@contextmanager
def stage_bars(first: str = BETWEEN) -> Iterator[Listener]:
    """Show what engines do meanwhile: bars, and until they do anything `first`; lines where there is no terminal."""
    watching = _bars(first) if sys.stderr.isatty() else _lines()
    with watching as watcher:
        token = WATCHER.set(watcher)
        try:
            yield watcher
        finally:
            WATCHER.reset(token)


@contextmanager
def _lines() -> Iterator[Listener]:
    """On stderr; nothing where that is for programs, which hear the same as JSON."""

    def write(text: str) -> None:
        if settings().log == "text":
            errors.print(text, markup=False, highlight=False, soft_wrap=True)

    lines = StageLines(write)
    token = FOLLOWER.set(lines.say)
    try:
        yield lines
    finally:
        FOLLOWER.reset(token)


@contextmanager
def _bars(first: str) -> Iterator[Listener]:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=errors, transient=True) as bars:
        yield StageBars(bars, first)
