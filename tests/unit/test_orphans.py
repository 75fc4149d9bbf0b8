"""What a command started ends with it, or at the next command's start."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.orphans import sweep_servers

HERE = Path(__file__).parents[2]
PARENT = """
import os, subprocess, sys, time
from infra.orphans import mark
mark()
server = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"],
                          env={**os.environ, "PREFECT__SERVER_EPHEMERAL": "1"})
print(server.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def parent() -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A command that has started a server, and the server's process id."""
    started = subprocess.Popen([sys.executable, "-c", PARENT], cwd=HERE, stdout=subprocess.PIPE, text=True)
    assert started.stdout
    yield started, int(started.stdout.readline())
    started.kill()
    started.wait()
    sweep_servers()


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_the_server_of_a_killed_command_is_ended_by_the_next_one(parent: tuple[subprocess.Popen[str], int]) -> None:
    command, server = parent
    assert server not in sweep_servers(), "its command lives"
    command.kill()
    command.wait()
    assert server in sweep_servers()
    until = time.monotonic() + 10
    while alive(server):
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_command_that_is_told_to_end_ends_what_it_started(number: signal.Signals) -> None:
    program = (
        "import atexit, signal, time; signal.signal(signal.SIGHUP, signal.SIG_DFL); "  # ignored under nohup
        "from flows.cli.terminal import end_in_order; end_in_order(); "
        "atexit.register(lambda: print('in order', flush=True)); print('here', flush=True); time.sleep(60)"
    )
    command = subprocess.Popen([sys.executable, "-c", program], cwd=HERE, stdout=subprocess.PIPE, text=True)
    assert command.stdout
    assert command.stdout.readline() == "here\n"
    os.kill(command.pid, number)
    assert command.stdout.read() == "in order\n"
    assert command.wait() == 128 + number
