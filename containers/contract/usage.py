"""What an item took, for its run.json: seconds, memory, GPUs."""

from __future__ import annotations

import os
import resource
import socket
import time
from pathlib import Path
from typing import NamedTuple

from .codec import canonical, write_atomically
from .item import Item


class Moment(NamedTuple):
    seconds: float
    cpu_seconds: float


def now() -> Moment:
    """CPU-seconds of this process and of the programs it has waited for."""
    used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return Moment(time.monotonic(), sum(each.ru_utime + each.ru_stime for each in used))


def write_run(item: Item, began: Moment) -> None:
    ended, used = now(), resource.getrusage(resource.RUSAGE_SELF)
    run = {
        "seconds": round(ended.seconds - began.seconds, 3),
        "host": socket.gethostname(),
        "peak_memory_mb": round(_peak_kib() / 1024, 1),
        "cpu_seconds": round(ended.cpu_seconds - began.cpu_seconds, 3),
        "process_cpu_seconds": round(used.ru_utime + used.ru_stime, 3),
        "gpus": _gpus(),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    write_atomically(item.path / "run.json", canonical(run))


def _peak_kib() -> int:
    """Peak memory of this process; getrusage would count the parent's from before it became this program."""
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            own = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)


def _gpus() -> int:
    """GPUs that this start may use: a runner says it as CUDA_VISIBLE_DEVICES, a container as NVIDIA_VISIBLE_DEVICES."""
    said = os.environ.get("CUDA_VISIBLE_DEVICES", os.environ.get("NVIDIA_VISIBLE_DEVICES", ""))
    named = [each for each in said.split(",") if each.strip() not in ("", "none", "void", "-1")]
    return len(list(Path("/dev").glob("nvidia[0-9]*"))) if named == ["all"] else len(named)
