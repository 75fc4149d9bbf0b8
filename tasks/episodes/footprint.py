"""What prepared episodes take in the store, by kind, from what they say of themselves; nothing is listed or read
beyond `prepared.json`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from infra.store import Damaged, find_json
from tasks.planning import KINDS
from tasks.studio import Studio


@dataclass(frozen=True, kw_only=True)
class Footprint:
    """Bytes by kind of so many episodes and minutes, as they were when all of it was there."""

    episodes: int
    minutes: float
    bytes: Mapping[str, int]

    @property
    def mb_per_minute(self) -> dict[str, float]:
        """10^6 bytes for a minute, by kind."""
        return {kind: size / 1e6 / self.minutes for kind, size in self.bytes.items()}


def kind_of(key: str) -> str:
    """The kind of an episode's file, by its key.

    >>> kind_of("series/kaze/episodes/s01e02/stems/vocals.flac")
    'vocals'
    """
    if key.endswith("/recording.flac"):
        return "recordings"
    if "/clips/" in key:
        return "clips"
    stems = {"/stems/vocals.flac": "vocals", "/stems/background.flac": "background"}
    return next((kind for ending, kind in stems.items() if key.endswith(ending)), "tables")


def footprint(studio: Studio, episodes: Iterable[str]) -> Footprint | None:
    """Of these episodes, as far as they are prepared; None if none is."""
    found, minutes, count = dict.fromkeys(KINDS, 0), 0.0, 0
    for key in episodes:
        try:
            said = find_json(studio.store, f"{studio.home}/episodes/{key}/prepared.json")
        except Damaged:
            continue
        if said is None:
            continue
        count, minutes = count + 1, minutes + said["prepared"]["duration"] / 60
        for name, size in {**said.get("released", {}), **said["files"]}.items():
            found[kind_of(name)] += size
    return Footprint(episodes=count, minutes=minutes, bytes=found) if minutes else None
