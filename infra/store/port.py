"""The port of every store: what a folder and a bucket can do alike, and the errors they have.

A key is a POSIX path such as `series/kaze/episodes/s01e02/recording.flac`. What
is visible is whole: a write appears by rename, or not at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

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
