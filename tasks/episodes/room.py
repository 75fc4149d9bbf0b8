"""Room for an episode: what the store may hold (`disk_budget_gb`), what its disk has left, and what is under way.

An episode waits while the others under way leave it no room, and begins when one of them has ended and was pruned.
If none is under way and there is no room either, it is refused before its disk is full. The runs of other processes
are seen by what they have written, not by what they will.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from threading import Condition

from containers.contract.errors import StageError
from infra.settings import settings
from infra.store import AT_ONCE, Damaged, StoreError, find_json
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

WAYS_OUT = (
    "make room with `keep: reusable` or `keep: least` in the series file and voicecast gc --prune --yes"
    " (docs/keeping.md), and run this again: what is finished is kept"
)

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
    each, usual = _figures(studio)
    twice = ("recordings", "vocals", "background") if studio.series.separate.some else ()  # condensed, on the way
    per_minute = sum(each.values()) + sum(each[kind] for kind in twice)
    return round(_minutes(studio, episode, usual) * per_minute * 1e6)


def too_little(studio: Studio, episodes: Sequence[Episode]) -> str:
    """What to tell people if budget or disk will not do for these episodes; "" if they will."""
    each, usual = _figures(studio)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        minutes = list(pool.map(lambda each: _minutes(studio, each, usual), episodes))
    kept = sum(mb for kind, mb in each.items() if studio.series.keep.keeps(kind)) / 1000
    on_the_way = sum(sorted(minutes)[-settings().episodes_at_once :]) * (sum(each.values()) / 1000 - kept)
    more = sum(minutes) * kept + on_the_way
    budget, held = studio.series.disk_budget_gb, _held(studio) / 1e9 if studio.series.disk_budget_gb else 0.0
    left = shutil.disk_usage(studio.store.work).free / 1e9
    if more <= min(left, budget - held if budget else left):
        return ""
    has = f"the store holds {_gb(held * 1e9)} of its {budget:g} GB (`disk_budget_gb`), and " if budget else ""
    wanted, stays = _gb(more * 1e9), _gb(sum(minutes) * kept * 1e9)
    return (
        f"the {len(episodes)} episodes to come take about {wanted} on the way, of which {stays} stay; {has}its"
        f" disk has {_gb(left * 1e9)} left: not all of them will be prepared; {WAYS_OUT}"
    )


def _figures(studio: Studio) -> tuple[dict[str, float], float]:
    """MB a minute by kind, and the minutes of an episode: of this series, or else as usual."""
    try:
        before = [row["key"] for row in find_json(studio.store, f"{studio.home}/episodes.json") or []]
    except Damaged:
        before = []
    done = [*before, *_ended.get((studio.store.address, studio.home), ())]
    known = footprint(studio, done[-LOOKED_AT:])
    if known:
        return known.mb_per_minute, known.minutes / known.episodes
    return {kind: each.value for kind, each in planning.of_kinds(planning.assumptions()).items()}, USUAL_MINUTES


def _minutes(studio: Studio, episode: Episode, usual: float) -> float:
    """An episode's length, for which a video is looked into where a budget is to be held."""
    order = orders.probe(studio, episode)
    probed = studio.find(order)
    if probed is None and studio.series.disk_budget_gb and studio.dispatcher:
        with suppress(StageError):  # what is wrong with it, its preparation says
            probed = studio.make(order)
    return probed.result.duration / 60 if probed and probed.result.duration else usual


def _why_not(studio: Studio, episode: Episode, need: int) -> str:
    """Why an episode cannot be begun now; "" if it can."""
    beside = sum(size for (address, _), size in _under_way.items() if address == studio.store.address)
    free, budget = shutil.disk_usage(studio.store.work).free, studio.series.disk_budget_gb
    if need + beside > free:
        return (
            f"{episode.key} takes about {_gb(need)} while it is prepared, and the disk of "
            f"{studio.store.work} has {_gb(free)} left; {WAYS_OUT}"
        )
    if budget is None:
        return ""
    held = _held(studio)
    if need + beside + held <= budget * 1e9:
        return ""
    return (
        f"{episode.key} takes about {_gb(need)} while it is prepared, and the store holds {_gb(held)} of "
        f"its {budget:g} GB (`disk_budget_gb`); {WAYS_OUT}, or allow more"
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


def _gb(size: float) -> str:
    """Bytes for people, with three figures; of less than 0.1 GB, with one."""
    return f"{size / 1e9:.3g} GB" if size >= 1e8 else f"{size / 1e9:.1g} GB"
