"""The check of every night: all documents and sizes of a store, and of its files a share, so that each is read in turn.

Looks only, as `verify`; what it finds, people repair.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace

from infra.store import Store
from tasks.keeping.verify import Broken, Verified, verify

PAUSE_SECONDS = 60.0
"""What is being written looks broken for a moment: a finding counts if it is there after this time as well."""


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A series that was looked at, and the command that repairs it."""

    series: str
    verified: Verified
    command: str


def check(store: Store, day: int, nights: int, pause: Callable[[float], None] = time.sleep) -> tuple[Checked, ...]:
    """Every series of a store; each file is read once in so many nights. `day`: a number that grows by one a night."""
    names = sorted({key.split("/")[1] for key in store.keys("series")})
    return tuple(
        Checked(
            series=name,
            verified=_lasting(store, f"series/{name}", lambda key: turn_of(key, nights) == day % nights, pause),
            command=f"voicecast repair --series {name} --store {_address(store)}",
        )
        for name in names
    )


def turn_of(key: str, nights: int) -> int:
    """The night, counted from 0, on which a file is read."""
    return zlib.crc32(key.encode("utf-8", "surrogateescape")) % nights


def _lasting(store: Store, home: str, chosen: Callable[[str], bool], pause: Callable[[float], None]) -> Verified:
    first = verify(store, home, chosen=chosen)
    if not first.broken:
        return first
    pause(PAUSE_SECONDS)
    suspects = {each.key for each in first.broken}
    again = verify(store, home, chosen=lambda key: key in suspects)
    return replace(first, broken=_both(first.broken, again.broken))


def _both(first: tuple[Broken, ...], again: tuple[Broken, ...]) -> tuple[Broken, ...]:
    before = {each.key for each in first}
    return tuple(each for each in again if each.key in before)


def _address(store: Store) -> str:
    return store.address.removeprefix("file://")
