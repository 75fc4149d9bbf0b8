"""JSON in a store: values to documents with their seals, and back."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from containers.contract.codec import canonical
from infra.store.port import AT_ONCE, SCRATCH, Damaged, Missing, Store
from infra.store.seals import Unreadable, opened, sealed


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
