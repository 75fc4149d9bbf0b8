"""How long items take, as far as any were seen, so that a start of one engine among several is not too long.

Items of a start go one after another. Where another start could take some of them, what has been given out stays with
the one that has it, and the other may run out of work meanwhile.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterable

START_SECONDS = 60.0
"""Items of about so many seconds go into a start that has others beside it; one item always does."""


class Pace:
    """Mean seconds of items by kind; a kind that was never seen takes no time."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._seen: dict[Hashable, tuple[int, float]] = {}

    def note(self, kind: Hashable, seconds: float) -> None:
        """An item of this kind took so long."""
        with self._mutex:
            count, total = self._seen.get(kind, (0, 0.0))
            self._seen[kind] = count + 1, total + seconds

    def fitting(self, kinds: Iterable[Hashable]) -> int:
        """How many items, from the first on, make a start of START_SECONDS; at least one.

        >>> pace = Pace()
        >>> pace.note("separate", 25.0)
        >>> pace.fitting(["separate"] * 9), pace.fitting(["embed"] * 9), pace.fitting([])
        (2, 9, 1)
        """
        together, count = 0.0, 0
        for kind in kinds:
            with self._mutex:
                seen, total = self._seen.get(kind, (1, 0.0))
            together += total / seen
            if count and together > START_SECONDS:
                break
            count += 1
        return max(1, count)
