"""The longest time an engine may say nothing: after it, somebody ends the engine."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Silence:
    """Calls `end` once, from a thread of its own, when nothing was heard for `seconds`; `expired` tells so."""

    def __init__(self, seconds: float, end: Callable[[], object]) -> None:
        self._seconds, self._end = seconds, end
        self._last = time.monotonic()
        self._over = threading.Event()
        self.expired = False

    def __enter__(self) -> Silence:
        threading.Thread(target=self._watch, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def heard(self) -> None:
        self._last = time.monotonic()

    def _watch(self) -> None:
        while not self._over.wait(min(1.0, self._seconds / 4)):
            if time.monotonic() - self._last > self._seconds:
                self.expired = True
                self._end()
                return
