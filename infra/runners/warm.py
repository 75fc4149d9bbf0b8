"""Engines that stay for a moment after a start: the next one like it saves seconds of loading libraries.

Only what holds no GPU stays, since an idle engine is in no slot. One that died meanwhile is not given out.
"""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

Child = subprocess.Popen[str]


@dataclass(frozen=True, kw_only=True)
class _Idle:
    """`like`: program, environment and options, which the next start must share."""

    like: str
    child: Child
    leaves: threading.Timer


class Warm:
    """Idle engines of this process."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._idle: list[_Idle] = []

    def take(self, like: str, workdir: Path) -> Child | None:
        """An engine like that, at work on `workdir` now; None if none is here."""
        while each := self._pop(like):
            each.leaves.cancel()
            assert each.child.stdin
            with suppress(OSError):  # it has died, and the next one is asked
                each.child.stdin.write(f"{workdir}\n")
                each.child.stdin.flush()
                if each.child.poll() is None:
                    return each.child
            _end(each.child)
        return None

    def give(self, like: str, child: Child, seconds: float) -> None:
        """Keep an engine whose start is over, for so long."""
        leaves = threading.Timer(seconds, self._leave, [child])
        leaves.daemon = True
        with self._mutex:
            self._idle.append(_Idle(like=like, child=child, leaves=leaves))
        leaves.start()

    def end(self) -> None:
        """All idle ones leave now."""
        while each := self._pop(None):
            each.leaves.cancel()
            _end(each.child)

    def _pop(self, like: str | None) -> _Idle | None:
        """The one that was idle for the shortest time, so that what is not needed leaves."""
        with self._mutex:
            found = next((each for each in self._idle[::-1] if like in (None, each.like)), None)
            if found:
                self._idle.remove(found)
            return found

    def _leave(self, child: Child) -> None:
        with self._mutex:
            mine = next((each for each in self._idle if each.child is child), None)
            if mine:
                self._idle.remove(mine)
        if mine:
            _end(child)


def _end(child: Child) -> None:
    """It and the programs it has started."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    for stream in (child.stdin, child.stdout):
        if stream:
            with suppress(OSError):
                stream.close()


WARM = Warm()
atexit.register(WARM.end)
