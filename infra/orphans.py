"""Temporary Prefect servers whose voicecast is gone: Prefect ends them at exit, which a killed process never reaches.

Each command marks its environment with itself, its temporary server inherits the mark, and a later command ends
those whose mark names nobody. Linux only; elsewhere nothing is found.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

MARK = "VOICECAST_STARTED_BY"
SERVER = b"PREFECT__SERVER_EPHEMERAL=1"


def mark() -> None:
    """Say in the environment, for whatever this process starts, who started it."""
    os.environ[MARK] = f"{os.getpid()}:{_began(os.getpid())}"


def sweep_servers() -> list[int]:
    """End temporary servers of this user's commands that are gone; their process ids."""
    ended = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # another user's, or just gone
            said = (folder / "environ").read_bytes().split(b"\0")
            marks = [each.partition(b"=")[2].decode() for each in said if each.startswith(f"{MARK}=".encode())]
            if SERVER in said and marks and not _lives(marks[0]):
                os.kill(int(folder.name), signal.SIGTERM)
                ended.append(int(folder.name))
    return ended


def _lives(named: str) -> bool:
    pid, _, began = named.partition(":")
    return pid.isdigit() and _began(int(pid)) == began


def _began(pid: int) -> str:
    """When a process began, in ticks since the machine did (proc(5)); empty for one that is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
