"""Files of buckets on this machine: each once, by the hash of its bytes, up to a limit.

Many processes share the folder. What somebody uses is held by a second (hard)
link to it, which eviction sees and leaves alone.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import threading
import time
import uuid
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from containers.contract.item import sha256_of
from infra.items import Alive, sweep
from infra.settings import settings
from infra.store.port import StoreBusy, StoreError

GRACE_SECONDS = 600.0
"""A file that was just asked for is not removed, so that whoever got its path can still open it."""
ATTEMPTS = 3


class FileCache:
    """A folder of files named by their SHA-256; those not used for longest make room for new ones."""

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self._folder, self._limit = folder.expanduser().absolute(), limit_bytes
        self._added = 0
        self._checked: set[str] = set()
        self._mutex = threading.Lock()
        self._pins = self._folder / "pins" / uuid.uuid4().hex[:12]
        try:
            for each in ("files", "locks", "partial", "pins"):
                (self._folder / each).mkdir(parents=True, exist_ok=True)
            sweep(self._folder / "pins")
            alive = Alive(self._pins)
            alive.__enter__()
        except OSError as error:
            raise StoreError(
                f"the cache {self._folder} cannot be written ({error.strerror}); set VOICECAST_CACHE_DIR"
            ) from error
        weakref.finalize(self, alive.__exit__)

    def find(self, sha256: str) -> Path | None:
        """The file with these bytes, if it is here; it stays for at least GRACE_SECONDS.

        Read once by each process, since disks and people change files; what is not what its name says is removed.
        """
        path = self._at(sha256)
        try:
            os.utime(path)
            if sha256 not in self._checked and sha256_of(path) != sha256:
                path.unlink()
                return None
        except FileNotFoundError:
            return None
        self._checked.add(sha256)
        return path

    def fetch(self, sha256: str, download: Callable[[Path], None]) -> Path:
        """The file with these bytes; where it is not here, downloaded once, by whichever process comes first.

        `download` writes to the path it is given. What does not have the hash is not taken; after
        three times StoreError.
        """
        with self._one_at_a_time(sha256):
            found = self.find(sha256)
            if found:
                return found
            for attempt in range(ATTEMPTS):
                with self.partial() as partial:
                    download(partial)
                    if sha256_of(partial) == sha256:
                        return self.add(sha256, partial)
                time.sleep(attempt / 4)
        raise StoreBusy(f"a file did not arrive whole {ATTEMPTS} times (its SHA-256 should be {sha256}); try again")

    def add(self, sha256: str, path: Path) -> Path:
        """Take a finished file, whose hash is known; it is gone from where it was."""
        size, target = path.stat().st_size, self._at(sha256)
        self._make_room(size)
        target.parent.mkdir(exist_ok=True)
        path.chmod(0o444)
        try:
            os.replace(path, target)
        except OSError:
            with self.partial() as partial:
                shutil.copyfile(path, partial)
                partial.chmod(0o444)
                os.replace(partial, target)
            path.unlink()
        os.utime(target)
        self._checked.add(sha256)
        return target

    @contextmanager
    def held(self, path: Path) -> Iterator[Path]:
        """A file of the cache that is not removed as long as this lasts."""
        pin = self._pins / uuid.uuid4().hex
        try:
            os.link(path, pin)
        except OSError:  # another user's file, where the kernel protects links, or a disk without them
            shutil.copyfile(path, pin)
        try:
            yield pin
        finally:
            pin.unlink(missing_ok=True)

    @contextmanager
    def partial(self) -> Iterator[Path]:
        """A free name on the cache's disk; what is left there is removed."""
        path = self._folder / "partial" / uuid.uuid4().hex
        try:
            yield path
        except OSError as error:
            raise StoreError(
                f"the cache {self._folder} cannot be written ({error.strerror}); make room, or set VOICECAST_CACHE_DIR"
            ) from error
        finally:
            path.unlink(missing_ok=True)

    def clear(self) -> None:
        """Remove every file that nobody holds."""
        for path in (self._folder / "files").glob("??/*"):
            about = _stat(path)
            if about and about.st_nlink == 1:
                path.unlink(missing_ok=True)

    def _at(self, sha256: str) -> Path:
        return self._folder / "files" / sha256[:2] / sha256

    @contextmanager
    def _one_at_a_time(self, name: str) -> Iterator[None]:
        with open(self._folder / "locks" / name[:3], "w") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield

    def _make_room(self, wanted: int) -> None:
        """Remove what was not used for longest; looked at whenever a hundredth of the limit has come in."""
        with self._mutex:
            self._added += wanted
            if self._added < self._limit / 100:
                return
            self._added = 0
        with self._one_at_a_time("evict"):
            self._evict(wanted)

    def _evict(self, wanted: int) -> None:
        now = time.time()
        found = [(path, about) for path in (self._folder / "files").glob("??/*") if (about := _stat(path))]
        excess = sum(about.st_size for _, about in found) + wanted - self._limit
        for path, about in sorted(found, key=lambda each: each[1].st_mtime):
            if excess <= 0 or now - about.st_mtime < GRACE_SECONDS:
                break
            if about.st_nlink == 1:
                path.unlink(missing_ok=True)
                excess -= about.st_size
        for path in (self._folder / "partial").iterdir():
            left = _stat(path)
            if left and now - left.st_mtime > 24 * 3600:
                path.unlink(missing_ok=True)


def _stat(path: Path) -> os.stat_result | None:
    with suppress(FileNotFoundError):
        return path.stat()
    return None


@cache
def file_cache() -> FileCache:
    """The cache of this machine, as the settings say."""
    return FileCache(settings().cache_dir, int(settings().cache_gb * 2**30))
