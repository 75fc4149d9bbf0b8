"""The state of an item on its way: packed whenever it has changed, so that another machine can go on from it."""

from __future__ import annotations

import os
import shutil
import threading
import time
from pathlib import Path

from .links import Links
from .parcel import pack, unpack

MOMENTS = 20
"""How often a folder that changes while it is looked at is looked at again."""


class State:
    """The state folder of one item; what was fetched or sent last is known."""

    def __init__(self, item: Path, links: Links, work: Path) -> None:
        self._folder, self._links, self._work = item / "state", links, work
        self._keys = ("items", item.name)
        self._known: object = _stamps(self._folder)
        self._sent = time.monotonic()
        self._mutex = threading.Lock()

    def fetch(self, limit: int) -> None:
        """What an earlier attempt has sent, if any; LinkError or ParcelError if it cannot be had whole."""
        if not self._links.look(*self._keys, "state"):
            return
        tar = self._work / "state.tar"
        try:
            self._links.get(tar, *self._keys, "state")
            with open(tar, "rb") as stream:
                unpack(stream, self._folder, lambda _: True, limit)
        except Exception:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        finally:
            tar.unlink(missing_ok=True)
            self._known = _stamps(self._folder)

    def send(self, every_s: float = 0.0) -> bool:
        """Send what has changed, at most every so many seconds; whether there was anything to send."""
        with self._mutex:
            return self._send(every_s)

    def _send(self, every_s: float) -> bool:
        stamps = _stamps(self._folder)
        if not stamps or stamps == self._known or time.monotonic() - self._sent < every_s:
            return False
        moment = self._work / "state"
        tar = self._work / "state.tar"
        try:
            stamps = _moment(self._folder, moment)
            pack(tar, ((name, moment / name) for name in sorted(stamps)))
            self._links.put(tar, *self._keys, "keep")
        finally:
            shutil.rmtree(moment, ignore_errors=True)
            tar.unlink(missing_ok=True)
        self._known, self._sent = stamps, time.monotonic()
        return True


def _stamps(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Name -> file number, size and time of change; files that are being written are left out."""
    found = {}
    for path in folder.rglob("*"):
        if path.name.endswith(".partial") or path.is_symlink():
            continue
        try:
            about = path.stat()
        except FileNotFoundError:
            continue
        if path.is_file():
            found[path.relative_to(folder).as_posix()] = (about.st_ino, about.st_size, about.st_mtime_ns)
    return found


def _moment(folder: Path, target: Path) -> dict[str, tuple[int, int, int]]:
    """The folder as it was at one moment, as hard links: files that belong together are sent together."""
    for _ in range(MOMENTS):
        shutil.rmtree(target, ignore_errors=True)
        before = _stamps(folder)
        try:
            for name in before:
                link = target / name
                link.parent.mkdir(parents=True, exist_ok=True)
                os.link(folder / name, link)
        except FileNotFoundError:
            continue
        if _stamps(folder) == before:
            break
        time.sleep(0.05)
    return before
