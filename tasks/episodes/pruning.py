"""Pruning: what of a prepared episode the series file does not keep (`keep:`) goes, and its record says so.

Only what can be made again goes: of an episode whose video is at hand, once its clips are there. `again` brings it
back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from infra.store import Damaged, find_json, write_json
from tasks.episodes import again
from tasks.series import Series
from tasks.studio import Studio

PATHS = {"recordings": "out/recording.flac", "vocals": "out/vocals.flac", "background": "out/background.flac"}
"""Kinds of `keep:` that are files of an episode, by their path in what a stage made."""


@dataclass(frozen=True, kw_only=True)
class Prunable:
    """What can go: `episodes`, kind -> bytes of each; `previews`, key -> bytes; `stay`: why something does not."""

    episodes: Mapping[str, Mapping[str, int]]
    previews: Mapping[str, int]
    stay: tuple[str, ...] = ()

    @property
    def by_kind(self) -> dict[str, int]:
        """Bytes of each kind, over all episodes."""
        found = {"previews": sum(self.previews.values())} if self.previews else {}
        for each in self.episodes.values():
            for kind, size in each.items():
                found[kind] = found.get(kind, 0) + size
        return dict(sorted(found.items()))

    @property
    def bytes(self) -> int:
        return sum(self.by_kind.values())


def find_prunable(studio: Studio, at_hand: Collection[str], *, asked: bool = False) -> Prunable:
    """Looks only. `at_hand`: keys of episodes whose videos are; `asked`: people are asked for labels at the moment,
    and may be listening to previews."""
    going = kinds_of(studio.series)
    episodes: dict[str, dict[str, int]] = {}
    away = []
    for key in _prepared(studio) if going else ():
        there = {
            kind: size for kind, record in _records(studio, key, going) if (size := _size(studio, record, kind)) > 0
        }
        if there and key in at_hand:
            episodes[key] = there
        elif there:
            away.append(key)
    stay = [f"{', '.join(away)}: the video is not at hand, from which it could be made again"] if away else []
    previews = {} if studio.series.keep.keeps("previews") else studio.store.sizes(f"{studio.home}/previews")
    if previews and asked:
        stay.append("previews: people are asked for labels, and hear them")
        previews = {}
    return Prunable(episodes=episodes, previews=previews, stay=tuple(stay))


def prune(studio: Studio, found: Prunable) -> None:
    """Take it away."""
    for key in found.episodes:
        prune_episode(studio, key)
    for key in sorted(found.previews, key=lambda each: "/stages/" not in each):  # what says that a page is there first
        studio.store.delete(key)


def prune_episode(studio: Studio, key: str) -> None:
    """Take away what is not kept of a prepared episode whose video is at hand; waits while something reads it."""
    going = kinds_of(studio.series)
    if not going:
        return
    folder = f"{studio.home}/episodes/{key}"
    with again.in_use(studio, key):
        try:
            prepared = find_json(studio.store, f"{folder}/prepared.json")
            records = list(_records(studio, key, going))
        except Damaged:
            return  # verify names it
        if prepared is None:
            return
        gone = {
            each["key"]: each["size"]
            for kind, record in records
            for path, each in (find_json(studio.store, record) or {"files": {}})["files"].items()
            if path == PATHS[kind]
        }
        released = {each: size for each, size in gone.items() if each in prepared["files"]}
        if released:
            files = {each: size for each, size in prepared["files"].items() if each not in released}
            released |= prepared.get("released", {})
            write_json(studio.store, f"{folder}/prepared.json", {**prepared, "files": files, "released": released})
        for kind, record in records:
            studio.release(record, {PATHS[kind]})


def kinds_of(series: Series) -> tuple[str, ...]:
    """The kinds of files that a series file lets go of an episode."""
    return tuple(kind for kind in series.keep.goes if kind in PATHS)


def _prepared(studio: Studio) -> list[str]:
    keys = studio.store.keys(f"{studio.home}/episodes")
    return sorted(key.split("/")[-2] for key in keys if key.endswith("/prepared.json"))


def _records(studio: Studio, key: str, kinds: Collection[str]) -> Iterator[tuple[str, str]]:
    """Each kind with the key of the record that has it."""
    for kind in kinds:
        extract = f"{studio.home}/episodes/{key}/stages/extract.json"
        yield kind, extract if kind == "recordings" else again.stems_record(studio, key)


def _size(studio: Studio, record: str, kind: str) -> int:
    """Bytes of a kind that lie there, also where a kill left them behind."""
    try:
        said = find_json(studio.store, record)
    except Damaged:
        return 0
    every = {**said["files"], **said.get("released", {})} if said else {}
    return (studio.store.size(every[PATHS[kind]]["key"]) or 0) if PATHS[kind] in every else 0
