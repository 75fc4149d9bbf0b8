"""What a program used, with all that it started: seconds, CPU-seconds and memory."""

from __future__ import annotations

import ctypes
import os
import resource
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER of <linux/prctl.h>
_LOOK_SECONDS = 0.5
_PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024


@dataclass(frozen=True, kw_only=True)
class Cost:
    """`peak_memory_mb` of the program itself, `peak_together_mb` of all its processes, looked at twice a second.

    `load`: of the machine (mean over a minute), before and after. Shared pages count once a process in both.
    """

    seconds: float
    cpu_seconds: float
    peak_memory_mb: float
    peak_together_mb: float
    load: tuple[float, float]


def measured(command: Sequence[str], *, log: Path, **more: str) -> Cost:
    """Run a program to its end, `more` in its environment; RuntimeError, with its last words, if it fails.

    Only one at a time: what processes used is told by what this process's children have used since.
    """
    ctypes.CDLL(None, use_errno=True).prctl(_SUBREAPER, 1, 0, 0, 0)  # whom it leaves behind is counted too
    load, before, began = os.getloadavg()[0], _used(), time.monotonic()
    with log.open("w") as out:
        child = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **more}, stdout=out, stderr=subprocess.STDOUT)
        watch = _Watch(child.pid)
        code = child.wait()
    seconds = time.monotonic() - began
    watch.end()
    _reap()
    if code:
        raise RuntimeError(f"{' '.join(command)} ended with {code}: {log.read_text('utf-8', 'replace')[-2000:]}")
    return Cost(
        seconds=round(seconds, 2),
        cpu_seconds=round(_used() - before, 2),
        peak_memory_mb=round(watch.own / 1024, 1),
        peak_together_mb=round(watch.together / 1024, 1),
        load=(round(load, 2), round(os.getloadavg()[0], 2)),
    )


def _used() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _reap() -> None:
    """Wait for those whom the program left behind (Prefect's server ends a moment after its flow)."""
    until = time.monotonic() + 15
    while time.monotonic() < until:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.05)
        except ChildProcessError:
            return


class _Watch:
    """Memory in KiB of a process, and of it with its descendants, at their highest."""

    def __init__(self, pid: int) -> None:
        self.own = self.together = 0
        self._pid, self._ended = pid, threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(_LOOK_SECONDS):
            self.own = max(self.own, _resident(self._pid))
            self.together = max(self.together, sum(_resident(pid) for pid in _family(self._pid)))


def _family(pid: int) -> list[int]:
    """A process and its descendants."""
    found, waiting = [], [pid]
    while waiting:
        found.append(waiting.pop())
        for children in Path(f"/proc/{found[-1]}/task").glob("*/children"):
            try:
                waiting += [int(child) for child in children.read_text().split()]
            except OSError:  # it has ended
                continue
    return found


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_KIB
    except (OSError, IndexError):
        return 0
