"""Pruning: what of a prepared episode the series file does not keep (`keep:`) goes, and its records say so.

Only what can be made again as it was goes: of an episode whose clips are there and whose video is at hand, made by the
engines of the studio. `again` brings it back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra.store import Damaged, find_json, write_json
from tasks import orders
from tasks.domain import Episode
from tasks.episodes import again, separating
from tasks.series import Series
from tasks.studio import Made, Stored, Studio

PATHS = {"recordings": "out/recording.flac", "vocals": "out/vocals.flac", "background": "out/background.flac"}
"""Kinds of `keep:` that are files of an episode, by their path in what a stage made."""


@dataclass(frozen=True, kw_only=True)
class Prunable:
    """What can go: `episodes`, kind -> bytes of each; `previews`, key -> bytes; `stay`: why something does not."""

    episodes: Mapping[Episode, Mapping[str, int]]
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


def find_prunable(studio: Studio, at_hand: Sequence[Episode], *, asked: bool = False) -> Prunable:
    """Looks only. `at_hand`: episodes whose videos are; `asked`: people are asked for labels at the moment, and may be
    listening to previews."""
    episodes = {each.key: each for each in at_hand}
    found: dict[Episode, dict[str, int]] = {}
    away, other = [], []
    for key in _prepared(studio) if kinds_of(studio.series) else ():
        if key not in episodes:
            away.append(key)
            continue
        going = _going(studio, episodes[key])
        if going is None:
            other.append(key)
        elif there := {kind: size for kind, file in going.items() if (size := studio.store.size(file.key))}:
            found[episodes[key]] = there
    stay = [f"{', '.join(away)}: the video is not at hand, from which it could be made again"] if away else []
    if other:
        stay.append(
            f"{', '.join(other)}: was not made from this video by the engines that the series file names; name those "
            "that made it (--engine), or run voicecast prepare"
        )
    previews = {} if studio.series.keep.keeps("previews") else studio.store.sizes(f"{studio.home}/previews")
    if previews and asked:
        stay.append("previews: people are asked for labels, and hear them")
        previews = {}
    return Prunable(episodes=found, previews=previews, stay=tuple(stay))


def prune(studio: Studio, found: Prunable) -> None:
    """Take it away."""
    for episode in found.episodes:
        prune_episode(studio, episode)
    for key in sorted(found.previews, key=lambda each: "/stages/" not in each):  # what says that a page is there first
        studio.store.delete(key)


def prune_episode(studio: Studio, episode: Episode) -> None:
    """Take away what is not kept of an episode, if it is prepared; waits while something reads it."""
    if not kinds_of(studio.series):
        return
    folder = orders.folder_of(studio, episode)
    with studio.in_use(episode.key):
        try:
            prepared = find_json(studio.store, f"{folder}/prepared.json")
            going = _going(studio, episode) if prepared else None
            if prepared is None or not going:
                return
            gone = {each.key: each.size for each in going.values() if each.key in prepared["files"]}
            if gone:
                files = {key: size for key, size in prepared["files"].items() if key not in gone}
                released = prepared.get("released", {}) | gone
                write_json(studio.store, f"{folder}/prepared.json", {**prepared, "files": files, "released": released})
            for kind in going:
                record = f"{folder}/stages/extract.json" if kind == "recordings" else again.stems_record(studio, folder)
                studio.release(record, {PATHS[kind]})
        except Damaged:
            return  # verify names it, with the way out


def kinds_of(series: Series) -> tuple[str, ...]:
    """The kinds of files that a series file lets go of an episode."""
    return tuple(kind for kind in series.keep.goes if kind in PATHS)


def _prepared(studio: Studio) -> list[str]:
    keys = studio.store.keys(f"{studio.home}/episodes")
    return sorted(key.split("/")[-2] for key in keys if key.endswith("/prepared.json"))


def _going(studio: Studio, episode: Episode) -> dict[str, Stored] | None:
    """Kind -> file that is not kept; None where it was made from another video or by other engines."""
    extracted = studio.known(orders.extract(studio, episode))
    stems = separating.find_stems(studio, episode, extracted) if extracted else None
    if extracted is None or stems is None:
        return None
    of: dict[str, Made[Any]] = {"recordings": extracted, "vocals": stems, "background": stems}
    return {kind: of[kind].files[PATHS[kind]] for kind in kinds_of(studio.series)}
