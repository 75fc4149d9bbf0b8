"""Room for an episode: what the store may hold (`disk_budget_gb`), what its disk has left, and what is under way.

An episode waits while the others under way leave it no room, and begins when one of them has ended and was pruned.
If none is under way and there is no room either, it is refused before its disk is full. The runs of other processes
are seen by what they have written, not by what they will.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

from infra.store import StoreError, find_json
from tasks import orders, planning
from tasks.domain import Episode
from tasks.episodes.footprint import footprint
from tasks.studio import Studio

USUAL_MINUTES = 24.0
"""The length of an episode of which nothing is known."""
LOOKED_AT = 8
"""Prepared episodes from which it is learnt what one takes."""
PATIENCE = 30.0
"""Seconds after which an episode that waits looks again, since others free room too."""

_changed = Condition()
_under_way: dict[tuple[str, str], int] = {}
"""Bytes that episodes under way in this process will take at most, by store and folder."""
_ended: dict[tuple[str, str], list[str]] = {}
"""Episodes that this process has prepared, by store and series."""
_counted: dict[str, tuple[float, int]] = {}
"""When the bytes of a store were counted, and how many; nothing while something has ended since."""


class NoRoom(StoreError):
    """Neither the budget nor the disk has room for another episode; the message names the ways out."""


@contextmanager
def reserved(studio: Studio, episode: Episode) -> Iterator[None]:
    """Room for an episode while it is prepared; waits for it. NoRoom if there will be none."""
    mine = (studio.store.address, orders.folder_of(studio, episode))
    need = need_of(studio, episode)
    with _changed:
        while why := _why_not(studio, episode, need):
            if not any(address == studio.store.address for address, _ in _under_way):
                raise NoRoom(why)
            _changed.wait(PATIENCE)
        _under_way[mine] = need
    try:
        yield
        _ended.setdefault((studio.store.address, studio.home), []).append(episode.key)
    finally:
        with _changed:
            _under_way.pop(mine, None)
            _counted.pop(studio.store.address, None)
            _changed.notify_all()


def need_of(studio: Studio, episode: Episode) -> int:
    """Bytes that an episode takes at most while it is prepared: by its length, and by what others of the series
    took."""
    before = [row["key"] for row in find_json(studio.store, f"{studio.home}/episodes.json") or []]
    done = [*before, *_ended.get((studio.store.address, studio.home), ())]
    known = footprint(studio, done[-LOOKED_AT:])
    usual = {kind: figure.value for kind, figure in planning.of_kinds(planning.assumptions()).items()}
    each = known.mb_per_minute if known else usual
    twice = ("recordings", "vocals", "background") if studio.series.separate.some else ()  # condensed, on the way
    probed = studio.find(orders.probe(studio, episode))
    minutes = known.minutes / known.episodes if known else USUAL_MINUTES
    if probed and probed.result.duration:
        minutes = probed.result.duration / 60
    return round(minutes * (sum(each.values()) + sum(each[kind] for kind in twice)) * 1e6)


def _why_not(studio: Studio, episode: Episode, need: int) -> str:
    """Why an episode cannot be begun now; "" if it can."""
    beside = sum(size for (address, _), size in _under_way.items() if address == studio.store.address)
    free, budget = shutil.disk_usage(studio.store.work).free, studio.series.disk_budget_gb
    out = (
        "make room with `keep: reusable` or `keep: least` in the series file and voicecast gc --prune --yes"
        " (docs/keeping.md), and run this again: what is finished is kept"
    )
    if need + beside > free:
        return (
            f"{episode.key} takes about {need / 1e9:.2f} GB while it is prepared, and the disk of "
            f"{studio.store.work} has {free / 1e9:.2f} GB left; {out}"
        )
    if budget is None:
        return ""
    held = _held(studio)
    if need + beside + held <= budget * 1e9:
        return ""
    return (
        f"{episode.key} takes about {need / 1e9:.2f} GB while it is prepared, and the store holds {held / 1e9:.2f} of "
        f"its {budget:g} GB (`disk_budget_gb`); {out}, or allow more"
    )


def _held(studio: Studio) -> int:
    """Bytes in the store, all series, without the episodes under way, whose room is reserved."""
    when, held = _counted.get(studio.store.address, (-PATIENCE, 0))
    if time.monotonic() - when < PATIENCE:
        return held
    folders = tuple(f"{folder}/" for address, folder in _under_way if address == studio.store.address)
    sizes = studio.store.sizes("series")
    held = sum(size for key, size in sizes.items() if not folders or not key.startswith(folders))
    _counted[studio.store.address] = time.monotonic(), held
    return held
