"""An engine that stays after a start, so that the next one finds its libraries and model loaded.

Standard input names further work folders, a line each; a line of output says that a start is over. When standard
input closes, the parent is gone or wants nothing more.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

OVER = '{"over": true}'
"""Said on a line of its own when all items of a start have their answers."""


def starts(first: Path) -> Iterator[Path]:
    """The first work folder, then those that standard input names; whoever draws the next one has ended the last."""
    named: queue.SimpleQueue[Path] = queue.SimpleQueue()
    threading.Thread(target=leave_with_parent, args=(named,), daemon=True).start()
    return _drawn(first, named)


def _drawn(first: Path, named: queue.SimpleQueue[Path]) -> Iterator[Path]:
    yield first
    while True:
        os.write(1, f"\n{OVER}\n".encode())
        workdir = named.get()
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5", "ascii")  # the peak of memory is of this start: proc(5)
        yield workdir


def leave_with_parent(named: queue.SimpleQueue[Path] | None = None) -> None:
    """Leave when standard input closes, and take along the programs that the engine has started."""
    rest = b""
    with contextlib.suppress(OSError):
        while block := os.read(0, 4096):
            *lines, rest = (rest + block).split(b"\n")
            if named is not None:
                for line in lines:
                    named.put(Path(os.fsdecode(line)))
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(130)
