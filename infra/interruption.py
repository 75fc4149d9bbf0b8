"""The end of this process before its work is done: it starts no engine any more, and those on this machine end.

What they had finished is in the store, and what they were at is done again, from its last checkpoint.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

INTERRUPTED = "interrupted; run the same command again to go on"


class Interrupted(RuntimeError):
    """Nobody's fault, and not tried again."""


class Interruption:
    """Whether this process is to end, and who has to know it."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._struck = False
        self._told: list[Callable[[], None]] = []

    def strike(self) -> None:
        """Once and for all; from a signal's handler too, whose thread may hold any lock."""
        threading.Thread(target=self._strike, daemon=True).start()

    def check(self) -> None:
        """Raises Interrupted where this process is to end."""
        if self._struck:
            raise Interrupted(INTERRUPTED)

    @contextmanager
    def told(self, end: Callable[[], None]) -> Iterator[None]:
        """Inside, `end` is called if the process is to end; raises Interrupted if that is known already."""
        with self._mutex:
            self.check()
            self._told.append(end)
        try:
            yield
        finally:
            with self._mutex:
                self._told.remove(end)

    def _strike(self) -> None:
        with self._mutex:
            self._struck = True
            told = list(self._told)
        for end in told:
            end()


INTERRUPTION = Interruption()
