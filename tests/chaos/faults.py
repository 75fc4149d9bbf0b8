"""What strikes a season: each fault arms itself in the child, or strikes from outside, by a seeded random source."""

from __future__ import annotations

import contextlib
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

from infra.store import LocalStore, StoreBusy
from infra.store import folder as stores

Strike = Callable[[int], bool]
"""Called in the parent with the process id of the season; says whether it hit anything."""


def kill_house(chance: random.Random, seconds: float) -> Strike:
    """The season's process, at an instant within the time an undisturbed season takes."""
    instant = chance.uniform(0, seconds)

    def strike(process: int) -> bool:
        time.sleep(instant)
        alive = runs(process)
        kill(process)
        return alive

    return strike


def kill_engines(chance: random.Random, seconds: float, folder: Path) -> Strike:
    """The engine that runs at an instant, or the next that starts, once or twice."""
    instants = [chance.uniform(0, seconds / 2) for _ in range(chance.choice((1, 2)))]

    def strike(process: int) -> bool:
        hit = False
        for instant in instants:
            time.sleep(instant)
            while not (engines := processes_of(folder)) and runs(process):
                time.sleep(0.005)
            for engine in engines:
                kill(engine)
            hit = hit or bool(engines)
        return hit

    return strike


def kill(process: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


def runs(process: int) -> bool:
    """Whether a child is neither gone nor a zombie."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    return False


def die_in_a_write(chance: random.Random) -> None:
    """In the child: the process ends within its n-th write: half written, before it shows, or after."""
    number, moment = chance.randrange(1, 60), chance.choice(("half", "before", "after"))
    count = 0

    def end() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    fill, replace, link = stores._fill, os.replace, os.link

    def struck() -> bool:
        nonlocal count
        count += 1
        return count >= number

    def half(path: Path, data: bytes) -> None:
        if moment == "half" and struck():
            path.write_bytes(data[: len(data) // 2])
            end()
        fill(path, data)

    def shown(call: Callable[..., None]) -> Callable[..., None]:
        def act(*arguments: Any, **named: Any) -> None:
            now = moment != "half" and struck()
            if now and moment == "before":
                end()
            call(*arguments, **named)
            if now:
                end()

        return act

    stores._fill = half
    os.replace, os.link = shown(replace), shown(link)  # type: ignore[assignment]


def skew_the_clock(chance: random.Random) -> float:
    """In the child: wall clocks are up to two years wrong, and jump in between; gives seconds."""
    skews = [chance.uniform(-63e6, 63e6) for _ in range(2)]
    now, began = time.time, time.monotonic()
    turn = chance.uniform(0, 5)

    def skewed() -> float:
        return now() + skews[time.monotonic() - began > turn]

    class Skewed(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Skewed:
            real = datetime.fromtimestamp(now(), tz) + timedelta(seconds=skewed() - now())
            return cls.fromisoformat(real.isoformat())

    time.time = skewed
    from tasks.labelling import decisions

    decisions.datetime = Skewed  # type: ignore[misc]
    return skews[0]


def season_at_another_time(chance: random.Random, folder: Path, root: Path) -> int:
    """A season in a process whose clock libfaketime sets wrong by up to two years, and lets run up to three times as
    fast; its engines keep to the true one. Gives its id."""
    told = {
        "LD_PRELOAD": faketime(),
        "FAKETIME": f"{chance.choice('+-')}{chance.randrange(1, 730)}d x{chance.uniform(0.5, 3):.2f}",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": chance.choice(("0", "1")),
    }
    said = (os.POSIX_SPAWN_OPEN, 1, str(folder / "log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    command = [sys.executable, "-m", "tests.chaos.season", str(folder), str(root)]
    environment = {**os.environ, **told, "PYTHONPATH": str(Path(__file__).parents[2])}
    return os.posix_spawn(sys.executable, command, environment, file_actions=[said, (os.POSIX_SPAWN_DUP2, 1, 2)])


def faketime() -> str:
    """Where libfaketime is (Debian: apt-get install faketime); "" if it is not."""
    return next((str(path) for path in Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")), "")


def limit_files(kilobytes: int) -> None:
    """In the child: no file grows beyond so much, for it and its engines, as under a quota."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (max(1, kilobytes) * 1024,) * 2)


class UnwillingStore(LocalStore):
    """A store that is slow, and does not answer one request in some."""

    def __init__(self, root: Path, chance: random.Random, fails: float, slow_s: float) -> None:
        super().__init__(root)
        self._chance, self._fails, self._slow = chance, fails, slow_s

    def _strained(self, what: str) -> None:
        time.sleep(self._chance.uniform(0, self._slow))
        if self._chance.random() < self._fails:
            raise StoreBusy(f"the store did not answer ({what}); try again")

    def read(self, key: str) -> bytes:
        self._strained(f"read {key}")
        return super().read(key)

    def write(self, key: str, data: bytes) -> None:
        self._strained(f"write {key}")
        super().write(key, data)

    def put(self, key: str, path: Path) -> None:
        self._strained(f"put {key}")
        super().put(key, path)


def processes_of(folder: Path) -> list[int]:
    """Engines that work below a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            command = path.read_bytes()
            if b"containers.contract" in command and os.fsencode(folder) in command:
                found.append(int(path.parent.name))
    return found


@contextlib.contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[Callable[[str], None]]:
    """A disk of its own at a folder; what it gives changes its options (`size=...`, `ro`). Needs root."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "chaos", folder], check=True)

    def change(how: str) -> None:
        """Tried for a while: what dies there now may still hold a file open."""
        until = time.monotonic() + 20
        command = ["mount", "-o", f"remount,{how}", str(folder)]
        while subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode:
            if time.monotonic() > until:
                raise OSError(f"{folder} could not be remounted: {how}")
            time.sleep(0.1)

    try:
        yield change
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
