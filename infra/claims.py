"""Claims: who runs an item, and what to take up again if its flow dies.

A claim is an object `claims/<identity>.json` of the store. It is live while it
is renewed, by the store's own clock, and outlives the process that took it: a
flow that comes back finds the job its forerunner started, and attaches to it.
That two flows never work on one item at once is the lock's (Store.locked);
the claim says to the next holder what is already under way.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from containers.contract.codec import decode, encode
from infra.store import Store, find_json, write_json

LIVE_SECONDS = 120.0
"""A claim that was not renewed for so long is nobody's; renew it four times in that time."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """Who runs an item. `attach`: what a next owner needs to go on with it, such as {"job": name of a Job};
    `attempt`: owners this item has had."""

    item: str
    owner: str
    attempt: int = 1
    attach: dict[str, str] = field(default_factory=dict)


def take(store: Store, item: str, owner: str) -> Claim:
    """Claim an item; the answer's owner says whose it is. A claim taken over from a dead owner keeps `attach`."""
    with _alone(store, item):
        known = _known(store, item)
        if known and known.owner != owner and _live(store, item):
            return known
        if known is None:
            claim = Claim(item=item, owner=owner)
        else:
            claim = replace(known, owner=owner, attempt=known.attempt + (known.owner != owner))
        write_json(store, _key(item), encode(claim))
        return claim


def renew(store: Store, claim: Claim) -> bool:
    """Keep a claim live, and its `attach` with it; False, and nothing written, if it is another's by now."""
    with _alone(store, claim.item):
        known = _known(store, claim.item)
        if known is None or known.owner != claim.owner:
            return False
        write_json(store, _key(claim.item), encode(claim))
        return True


def release(store: Store, claim: Claim) -> None:
    """Give a claim up; nothing happens if it is another's by now."""
    with _alone(store, claim.item):
        known = _known(store, claim.item)
        if known and known.owner == claim.owner:
            store.delete(_key(claim.item))


def find(store: Store, item: str) -> Claim | None:
    """The claim on an item if it is live."""
    known = _known(store, item)
    return known if known and _live(store, item) else None


def _known(store: Store, item: str) -> Claim | None:
    said = find_json(store, _key(item))
    return None if said is None else decode(Claim, said, _key(item))


def _live(store: Store, item: str) -> bool:
    age = store.age(_key(item))
    return age is not None and age < LIVE_SECONDS


@contextmanager
def _alone(store: Store, item: str) -> Iterator[None]:
    with store.locked(f"claim {item}"):
        yield


def _key(item: str) -> str:
    return f"claims/{item}.json"
