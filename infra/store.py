"""The store: everything voicecast makes, under keys that read as a sentence.

A key is a POSIX path such as `series/kaze/episodes/s01e02/recording.flac`. What
is visible is whole: a write appears by rename, or not at all.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from containers.contract.codec import canonical


class StoreError(Exception):
    """The store cannot do what was asked; the message says what to do next."""


class Store(Protocol):
    """A folder or a bucket; the same code stands above both."""

    work: Path
    """A folder of this machine for what is under way; on the store's own disk where it has one."""

    def read(self, key: str) -> bytes:
        """The bytes under a key; StoreError if there are none."""

    def write(self, key: str, data: bytes) -> None:
        """Put bytes under a key, replacing what was there, visible only when whole."""

    def create(self, key: str, data: bytes) -> bool:
        """Put bytes under a key that must be new; False (and nothing written) if it was not."""

    def put(self, key: str, path: Path) -> None:
        """Take a finished file of this machine under a key; the file is gone afterwards."""

    def path(self, key: str) -> Path:
        """A file of this machine with the bytes under a key, for reading only."""

    def size(self, key: str) -> int | None:
        """Bytes under a key; None if there is nothing."""

    def keys(self, prefix: str) -> Iterator[str]:
        """All keys below a prefix (a folder), sorted."""

    def delete(self, key: str) -> None:
        """Remove a key; nothing happens if there is none."""

    def locked(self, name: str) -> Any:
        """A context manager: only one process at a time is inside, for this store and name."""


def open_store(address: str) -> Store:
    """The store at a folder; StoreError for an address that is none."""
    if address.startswith("s3://"):
        raise StoreError(f"{address}: buckets are not supported by this version; give a folder with --store")
    return LocalStore(Path(address))


class LocalStore:
    """A store in a folder of this machine (or of a shared disk)."""

    def __init__(self, root: Path) -> None:
        self.root = root.expanduser().resolve()
        self.work = self.root / ".work"
        try:
            self.work.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"the store {self.root} cannot be written ({error.strerror}); choose another with --store"
            ) from error

    def read(self, key: str) -> bytes:
        try:
            return self._at(key).read_bytes()
        except FileNotFoundError as error:
            raise StoreError(f"the store {self.root} has no {key}") from error

    def write(self, key: str, data: bytes) -> None:
        partial = self._partial(data)
        target = self._at(key)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(partial, target)

    def create(self, key: str, data: bytes) -> bool:
        partial = self._partial(data)
        target = self._at(key)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(partial, target)
        except FileExistsError:
            return False
        finally:
            partial.unlink()
        return True

    def put(self, key: str, path: Path) -> None:
        target = self._at(key)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.replace(path, target)
        except OSError:
            partial = self.work / f"{uuid.uuid4().hex}.partial"
            shutil.copyfile(path, partial)
            os.replace(partial, target)
            path.unlink()

    def path(self, key: str) -> Path:
        path = self._at(key)
        if not path.is_file():
            raise StoreError(f"the store {self.root} has no {key}")
        return path

    def size(self, key: str) -> int | None:
        try:
            return self._at(key).stat().st_size
        except (FileNotFoundError, NotADirectoryError):
            return None

    def keys(self, prefix: str) -> Iterator[str]:
        folder = self._at(prefix.rstrip("/"))
        found = [path for path in folder.rglob("*") if path.is_file()]
        return iter(sorted(path.relative_to(self.root).as_posix() for path in found))

    def delete(self, key: str) -> None:
        with suppress(FileNotFoundError):
            self._at(key).unlink()

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:
        path = self.work / "locks" / hashlib.sha256(name.encode()).hexdigest()[:32]
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "w") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield

    def _at(self, key: str) -> Path:
        parts = PurePosixPath(key).parts
        if not parts or key.startswith("/") or ".." in parts:
            raise StoreError(f"{key!r} is no key of the store")
        return self.root.joinpath(*parts)

    def _partial(self, data: bytes) -> Path:
        partial = self.work / f"{uuid.uuid4().hex}.partial"
        with open(partial, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        return partial


def read_json(store: Store, key: str) -> Any:
    """The JSON value under a key."""
    return json.loads(store.read(key))


def write_json(store: Store, key: str, value: Any) -> None:
    """Put a value under a key as canonical JSON."""
    store.write(key, canonical(value).encode())
