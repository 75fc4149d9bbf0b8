"""The audit log: what was done with voices, in order, each entry with the hash of the one before it.

An entry is one object (`audit/00000001.json`), written once and never changed; a writer who finds its number taken
takes the next. Whoever changes, removes or slips in an entry breaks the chain. What a chain alone cannot show is that
its end was cut off: note the last hash (`voicecast audit` says it), and ask for it when you verify.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from containers.contract.codec import canonical, decode
from containers.contract.errors import RequestError
from infra.store import Missing, Store, read_many
from tasks.trust.provenance import now

Action = Literal["rights", "train", "speak", "dub", "export", "revoke", "grant", "label"]
START = "0" * 64
"""What stands for the entry before the first one."""
_LAST: dict[str, int] = {}
"""Number of the last entry that this process knows of, by the log's address, to begin from."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Something done: `about` says with what (ids, versions, hashes; names only where somebody gave one)."""

    number: int
    time: str
    action: Action
    about: dict[str, Any]
    before: str


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What a verification found: `problem` None if the chain is whole; `head`: hash of the last entry."""

    entries: int
    head: str
    problem: str | None = None


def append(store: Store, series: str, action: Action, **about: Any) -> Entry:
    """Write down what is about to be done; safe with other writers on other machines."""
    home = _home(series)
    place = f"{store.address}/{home}"
    number, before = _end(store, home, _LAST.get(place, 0))
    while True:
        entry = Entry(number=number + 1, time=now(), action=action, about=about, before=before)
        if store.create(_key(home, entry.number), canonical(entry).encode()):
            _LAST[place] = entry.number
            return entry
        number, before = _end(store, home, number + 1)


def rights_seen(store: Store, series: str, character: str, rights: dict[str, Any]) -> None:
    """Write down rights when they are first used as they are."""
    name = hashlib.sha256(canonical(rights).encode()).hexdigest()[:16]
    if store.create(f"series/{series}/rights/{character}/{name}.json", canonical(rights).encode()):
        append(store, series, "rights", character=character, rights=rights)


def entries(store: Store, series: str) -> Iterator[Entry]:
    """All entries in order, as they are written; RequestError for one that is no entry."""
    keys = list(store.keys(_home(series)))
    for key, data in zip(keys, read_many(store, keys), strict=True):
        yield decode(Entry, json.loads(data), key)


def verify(store: Store, series: str, head: str | None = None) -> Checked:
    """Whether the log is whole and unchanged; `head`: a hash noted earlier, which must be in it."""
    home = _home(series)
    keys = list(store.keys(home))
    before, seen = START, {START}
    for number, (key, data) in enumerate(zip(keys, read_many(store, keys), strict=True), start=1):
        problem = _wrong(home, key, data, number, before)
        if problem:
            return Checked(entries=len(keys), head=before, problem=problem)
        before = hashlib.sha256(data).hexdigest()
        seen.add(before)
    if head is not None and head not in seen:
        return Checked(entries=len(keys), head=before, problem=f"no entry has the hash {head}: the end was cut off")
    return Checked(entries=len(keys), head=before)


def _wrong(home: str, key: str, data: bytes, number: int, before: str) -> str | None:
    if key != _key(home, number):
        return f"{_key(home, number)} is missing, or {key} does not belong here"
    try:
        entry = decode(Entry, json.loads(data), key)
    except (ValueError, RequestError):
        return f"{key} is no entry of the log"
    if entry.number != number:
        return f"{key} says that it is number {entry.number}"
    if entry.before != before:
        return f"{key} does not follow the entry before it: one of the two was changed"
    return None


def _end(store: Store, home: str, known: int) -> tuple[int, str]:
    """Number and hash of the last entry; `known`: a number that is likely to be the last one."""
    number = known
    if known == 0 or store.size(_key(home, known + 1)) is not None:
        last = [key for key in store.keys(home)][-1:]
        number = int(last[0].rpartition("/")[2].removesuffix(".json")) if last else 0
    if number == 0:
        return 0, START
    try:
        return number, hashlib.sha256(store.read(_key(home, number))).hexdigest()
    except Missing:
        return _end(store, home, 0)


def _home(series: str) -> str:
    return f"series/{series}/audit"


def _key(home: str, number: int) -> str:
    return f"{home}/{number:08d}.json"
