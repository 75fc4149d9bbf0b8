"""Seasons in forked processes, which a round may kill, and how they ended."""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from containers.contract.errors import StageError
from infra.stage import Runner
from infra.store import Store, StoreError
from tests.chaos import season

DONE, REFUSED = 0, 3
PATIENCE_S = 600.0


class Loss(AssertionError):
    """Something was lost, half, left over or done twice."""


def child(act: Callable[[], None], log: Path) -> int:
    """Run in a forked process; gives its id. Errors that a person would be told end it with REFUSED."""
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        with open(log, "a") as stream:
            os.dup2(stream.fileno(), 1)
            os.dup2(stream.fileno(), 2)
        act()
        code = DONE
    except (StoreError, StageError) as error:
        print(f"refused: {error}", file=sys.stderr)
        code = REFUSED
    except BaseException:  # noqa: BLE001 (a forked process must not go on as its parent)
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def ended(process: int) -> int:
    """The exit code of a child, negative for a signal; Loss if it hangs."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        done, status = os.waitpid(process, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    os.kill(process, 9)
    os.waitpid(process, 0)
    raise Loss(f"a season hangs: no end after {PATIENCE_S:.0f} s")


def whole_season(
    folder: Path,
    store: Callable[[], Store],
    runner: Callable[[Store], dict[str, Runner]] = season.beside,
    before: Callable[[], object] = lambda: None,
    engine: str = "stub",
) -> int:
    """A season from its episodes to its voice, in a child: its id."""

    def act() -> None:
        before()
        there = store()
        season.run(season.studio_of(folder, there, runner(there), engine), folder)

    return child(act, folder / "log")
