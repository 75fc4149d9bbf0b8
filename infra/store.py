"""The store: everything voicecast makes, under keys that read as a sentence.

A key is a POSIX path such as `series/kaze/episodes/s01e02/recording.flac`. What
is visible is whole: a write appears by rename, or not at all.
"""

from __future__ import annotations

import errno
import fcntl
import filecmp
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from containers.contract.codec import canonical
from containers.contract.item import sha256_of
from infra.seals import Unreadable, opened, sealed

AT_ONCE = 16
"""Requests to a bucket under way at the same time, where many things are asked for."""
SCRATCH = "scratch"
"""Prefix of what nobody needs when its run is over; a bucket's lifecycle rule may expire it."""


class StoreError(Exception):
    """The store cannot do what was asked; the message says what to do next."""


class Missing(StoreError):
    """There is nothing under a key."""


class Damaged(StoreError):
    """What lies under a key is not what was written there."""


class StoreBusy(StoreError):
    """The store did not answer, or not whole; trying again later can help."""


@dataclass(frozen=True, kw_only=True)
class Digest:
    """The bytes under a key in brief: SHA-256, how many, and the first 16."""

    sha256: str
    size: int
    head: bytes


class Store(Protocol):
    """A folder or a bucket; the same code stands above both."""

    work: Path
    """A folder of this machine for what is under way; on the store's own disk where it has one."""

    address: str
    """Where it is, for people: file:///... or s3://..., without a slash at the end."""

    def read(self, key: str) -> bytes:
        """The bytes under a key; StoreError if there are none."""

    def write(self, key: str, data: bytes) -> None:
        """Put bytes under a key, replacing what was there, visible only when whole."""

    def create(self, key: str, data: bytes) -> bool:
        """Put bytes under a key that must be new; False (and nothing written) if it was not."""

    def put(self, key: str, path: Path) -> None:
        """Take a finished file of this machine under a key; the file is gone afterwards."""

    def put_all(self, files: Mapping[str, Path]) -> None:
        """Take many files, by their keys, as `put` takes one; in no order, several at a time where that is faster."""

    def path(self, key: str, sha256: str | None = None) -> Path:
        """A file of this machine with the bytes under a key, for reading only, now.

        `sha256`: of these bytes where it is known, which saves asking the store for what is here already.
        """

    def using(self, key: str, sha256: str | None = None) -> AbstractContextManager[Path]:
        """The same file for longer: it stays as long as the context does."""

    def size(self, key: str) -> int | None:
        """Bytes under a key; None if there is nothing."""

    def digest(self, key: str) -> Digest:
        """What lies under a key now, read whole from where it lies; Missing if there is nothing."""

    def sizes(self, prefix: str) -> dict[str, int]:
        """Bytes under every key below a prefix (a folder), sorted by key."""

    def holds(self, files: Mapping[str, int]) -> bool:
        """Whether each of these keys is there with just so many bytes."""

    def keys(self, prefix: str) -> Iterator[str]:
        """All keys below a prefix (a folder), sorted."""

    def delete(self, key: str) -> None:
        """Remove a key; nothing happens if there is none."""

    def clear(self, prefix: str) -> None:
        """Remove all keys below a prefix (a folder)."""

    def locked(self, name: str) -> AbstractContextManager[None]:
        """Only one process at a time is inside, for this store and name."""

    def link_get(self, key: str, seconds: int) -> str:
        """A web address that gives the bytes under a key for so long, to anybody who has it. Never to be logged."""

    def link_put(self, key: str, seconds: int) -> str:
        """A web address that takes bytes for a key by PUT with the header Content-Type: application/octet-stream.

        For so long, from anybody who has it. Never to be logged.
        """


def key_parts(key: str) -> tuple[str, ...]:
    """The names that a key is made of; StoreError for one that is empty or leads outside."""
    parts = PurePosixPath(key).parts
    if not parts or key.startswith("/") or ".." in parts:
        raise StoreError(f"{key!r} is no key of the store")
    return parts


def scratch_of(start: str) -> str:
    """The prefix for what travels to and from one start of an engine elsewhere; whoever made it clears it."""
    return f"{SCRATCH}/starts/{start}"


def open_store(address: str) -> Store:
    """The store at a folder or at s3://bucket/prefix; StoreError for an address that is none."""
    if address.startswith("s3://"):
        from infra.bucket import BucketStore  # boto3 takes a quarter of a second to import

        return BucketStore(address)
    return LocalStore(Path(address))


class LocalStore:
    """A store in a folder of this machine (or of a shared disk)."""

    def __init__(self, root: Path) -> None:
        self.root = root.expanduser().resolve()
        self.work = self.root / ".work"
        self.address = self.root.as_uri()
        try:
            self.work.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._unwritable(error) from error

    def read(self, key: str) -> bytes:
        try:
            return self._at(key).read_bytes()
        except FileNotFoundError as error:
            raise Missing(f"the store {self.root} has no {key}") from error

    def write(self, key: str, data: bytes) -> None:
        with self._place_for(key) as (target, partial):
            if self.size(key) == len(data) and target.read_bytes() == data:
                return  # what is there already keeps its time
            _fill(partial, data)
            os.replace(partial, target)

    def create(self, key: str, data: bytes) -> bool:
        with self._place_for(key) as (target, partial):
            _fill(partial, data)
            try:
                os.link(partial, target)
            except FileExistsError:
                return False
            return True

    def put(self, key: str, path: Path) -> None:
        with self._place_for(key) as (target, partial):
            if self.size(key) == path.stat().st_size and filecmp.cmp(path, target, shallow=False):
                path.unlink()
                return
            try:
                os.replace(path, target)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                shutil.copyfile(path, partial)
                os.replace(partial, target)
                path.unlink()

    def put_all(self, files: Mapping[str, Path]) -> None:
        for key, path in files.items():
            self.put(key, path)

    def path(self, key: str, sha256: str | None = None) -> Path:  # noqa: ARG002 (the file is here in any case)
        path = self._at(key)
        if not path.is_file():
            raise Missing(f"the store {self.root} has no {key}")
        return path

    @contextmanager
    def using(self, key: str, sha256: str | None = None) -> Iterator[Path]:
        yield self.path(key, sha256)

    def size(self, key: str) -> int | None:
        try:
            return self._at(key).stat().st_size
        except (FileNotFoundError, NotADirectoryError):
            return None

    def digest(self, key: str) -> Digest:
        path = self.path(key)
        with open(path, "rb") as stream:
            head = stream.read(16)
        return Digest(sha256=sha256_of(path), size=path.stat().st_size, head=head)

    def sizes(self, prefix: str) -> dict[str, int]:
        return {key: size for key in self.keys(prefix) if (size := self.size(key)) is not None}

    def holds(self, files: Mapping[str, int]) -> bool:
        return all(self.size(key) == size for key, size in files.items())

    def keys(self, prefix: str) -> Iterator[str]:
        folder = self._at(prefix.rstrip("/"))
        found = [path for path in folder.rglob("*") if path.is_file()]
        return iter(sorted(path.relative_to(self.root).as_posix() for path in found))

    def delete(self, key: str) -> None:
        with suppress(FileNotFoundError):
            self._at(key).unlink()

    def clear(self, prefix: str) -> None:
        with suppress(FileNotFoundError):
            shutil.rmtree(self._at(prefix.rstrip("/")))

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:
        path = self.work / "locks" / hashlib.sha256(name.encode()).hexdigest()[:32]
        with ExitStack() as held:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                stream = held.enter_context(open(path, "w"))
            except OSError as error:
                raise self._unwritable(error) from error
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield

    def link_get(self, key: str, seconds: int) -> str:  # noqa: ARG002 (a folder has no links)
        raise self._unlinked(key)

    def link_put(self, key: str, seconds: int) -> str:  # noqa: ARG002
        raise self._unlinked(key)

    def _unlinked(self, key: str) -> StoreError:
        return StoreError(
            f"{key} of the store {self.root} cannot be reached from other machines; "
            "engines that run elsewhere need a bucket: --store s3://bucket/prefix (docs/store.md)"
        )

    def _at(self, key: str) -> Path:
        return self.root.joinpath(*key_parts(key))

    @contextmanager
    def _place_for(self, key: str) -> Iterator[tuple[Path, Path]]:
        """Where a key's file goes, and a free name beside it to write to first."""
        target = self._at(key)
        partial = self.work / f"{uuid.uuid4().hex}.partial"
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            yield target, partial
        except OSError as error:
            raise self._unwritable(error) from error
        finally:
            partial.unlink(missing_ok=True)

    def _unwritable(self, error: OSError) -> StoreError:
        return StoreError(f"the store {self.root} cannot be written ({error.strerror}); choose another with --store")


def _fill(path: Path, data: bytes) -> None:
    with open(path, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def find_json(store: Store, key: str) -> Any | None:
    """The JSON value under a key; None if there is nothing."""
    try:
        return read_json(store, key)
    except Missing:
        return None


def read_many(store: Store, keys: Iterable[str]) -> list[bytes]:
    """The bytes under each of many keys, several at a time; StoreError if there are none under one."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(store.read, keys))


def read_json(store: Store, key: str) -> Any:
    """The JSON value under a key; Damaged if it is not what was written."""
    return parsed(store.read(key), key)


def parsed(data: bytes, key: str) -> Any:
    """The JSON value of a document that was read under a key."""
    try:
        return opened(data)
    except Unreadable as error:
        raise Damaged(f"{key} in the store is damaged ({error}); run: voicecast repair") from error


def write_json(store: Store, key: str, value: Any) -> None:
    """Put a value under a key as canonical JSON, an object with its seal."""
    store.write(key, document(value, seal=not key.startswith(f"{SCRATCH}/")))


def document(value: Any, *, seal: bool = True) -> bytes:
    """A value as canonical JSON; bytes of file names that are no UTF-8 as JSON escapes them."""
    text = canonical(value).encode("utf-8", "backslashreplace")
    return sealed(text) if seal and text.startswith(b"{") else text
