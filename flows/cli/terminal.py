"""What a person sees in the terminal: bars with time left, tables, and errors of one paragraph."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from infra.stage import WATCHER, Progress

console = Console()
errors = Console(stderr=True)


class StageBars:
    """One bar for each item that an engine works on."""

    def __init__(self, bars: Bars) -> None:
        self._bars, self._shown = bars, dict[str, TaskID]()
        self._mutex = threading.Lock()

    def __call__(self, said: Progress) -> None:
        with self._mutex:
            if said.name not in self._shown:
                self._shown[said.name] = self._bars.add_task(f"{said.name} ({said.engine})", total=1.0)
            bar = self._shown[said.name]
            self._bars.update(bar, completed=said.done)
            if said.done >= 1:
                self._bars.remove_task(bar)
                del self._shown[said.name]


@contextmanager
def stage_bars() -> Iterator[StageBars]:
    """Show bars, where there is a terminal, for whatever engines do meanwhile."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=errors, transient=True, disable=not sys.stderr.isatty()) as bars:
        watcher = StageBars(bars)
        token = WATCHER.set(watcher)
        try:
            yield watcher
        finally:
            WATCHER.reset(token)
