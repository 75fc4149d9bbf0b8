"""Repair: what `verify` finds broken is removed and made again, and nothing beside it.

What cannot be made again stays where it is, with the way out: a person's answer, an episode whose video is not at
hand, a line that was spoken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from containers.contract.errors import StageError
from infra.store import Damaged, Missing, Store, StoreError, find_json, write_json
from tasks.domain import Episode
from tasks.episodes.prepared import Prepared, find_all_prepared, write_episodes
from tasks.keeping import rebuild
from tasks.keeping.artifacts import Unit
from tasks.keeping.verify import Broken, Verified, verify
from tasks.labelling.labels import load, refresh
from tasks.speakers import casting
from tasks.speakers.references import hear_references, references_of
from tasks.studio import Studio

MADE_LATER = {
    "speech": "was removed; say the line again: voicecast speak",
    "song": "was removed; sing it again: voicecast speak --song",
    "dub": "was removed; dub the episode again: voicecast dub",
    "audition": "was removed; voicecast audition makes it again",
    "assets": "was removed; run: voicecast assets",
    "preview": "was removed; voicecast report makes it again",
    "series": "was removed; the next command with --config writes it again",
}
"""What is made again when somebody asks for it."""


@dataclass(frozen=True, kw_only=True)
class Repaired:
    """`found`: what was broken; `made`: what was made again; `later`: what was removed, and how it comes back; `left`:
    what is still broken, by key, and the way out."""

    found: tuple[Broken, ...]
    made: tuple[Unit, ...]
    later: dict[str, str]
    left: dict[str, str]


def repair(
    studio: Studio, episodes: Sequence[Episode], *, quick: bool = False, told: Callable[[str], None] = lambda _: None
) -> Repaired:
    """Remove what is broken and make it again by the engines of the studio."""
    store, at_hand = studio.store, {each.key: each for each in episodes}
    before = verify(store, studio.home, quick=quick)
    left: dict[str, str] = {}
    units: set[Unit] = set()
    later: dict[str, str] = {}
    for each in before.broken:
        why = _not_to_be_made(store, studio.home, each, at_hand)
        if why:
            left[each.key] = f"{each.why}; {why}"
            continue
        _remove(store, studio.home, each)
        units.add(each.unit)
        if each.unit.kind in MADE_LATER:
            later[each.key] = MADE_LATER[each.unit.kind]
    made = []
    for unit in sorted(units, key=lambda unit: (ORDER.index(unit.kind), unit.of)):
        if unit.kind in MADE_LATER:
            continue
        told(str(unit))
        try:
            _make(studio, unit, episodes)
            made.append(unit)
        except (StageError, StoreError, OSError, LookupError) as error:
            left[str(unit)] = f"could not be made again: {error}"
    if units:
        write_episodes(studio, tuple(episodes), find_all_prepared(studio, episodes))
    after = verify(store, studio.home, quick=True) if units else _nothing(before)
    left |= {each.key: each.why for each in after.broken if each.key not in left}
    return Repaired(found=before.broken, made=tuple(made), later=later, left=left)


ORDER = (
    "references",
    "labels",
    "episode",
    "cast",
    "data set",
    "voice",
    "speech",
    "song",
    "dub",
    "audition",
    "assets",
    "preview",
    "series",
    "people",
)


def _nothing(before: Verified) -> Verified:
    return Verified(documents=before.documents, files=before.files, read_bytes=0, unsealed=before.unsealed, broken=())


def _not_to_be_made(store: Store, home: str, each: Broken, at_hand: dict[str, Episode]) -> str:
    """Why something broken has to stay as it is; "" if it can be made again."""
    if each.unit.kind == "people":
        return "nothing makes again what people said (labels, rights, the audit log): bring it back from a backup"
    if each.unit.kind == "episode" and each.unit.of not in at_hand:
        return f"the video of {each.unit.of} is not at hand: bring it back, and run voicecast repair again"
    speakers, copy = _speakers(home)
    if each.key == speakers and _whole(store, copy) is None:
        return "its copy is damaged too, and labels speak of its speakers: bring one of them back from a backup"
    return ""


def _remove(store: Store, home: str, each: Broken) -> None:
    speakers, copy = _speakers(home)
    if each.key in (speakers, copy):
        whole = _whole(store, copy if each.key == speakers else speakers)
        if whole is not None:
            write_json(store, each.key, whole)
        return
    for key in each.drop:
        store.delete(key)
    folder = f"{home}/episodes/{each.unit.of}"
    if each.unit.kind == "episode":
        store.delete(f"{folder}/prepared.json")
    if each.unit.kind == "data set":
        store.delete(f"{home}/characters/{each.unit.of}/dataset.json")


def _speakers(home: str) -> tuple[str, str]:
    return f"{home}/cast/speakers.json", f"{home}/cast/speakers.copy.json"


def _whole(store: Store, key: str) -> object | None:
    try:
        found: object | None = find_json(store, key)
    except (Damaged, Missing):
        return None
    return found


def _make(studio: Studio, unit: Unit, episodes: Sequence[Episode]) -> None:
    series = studio.series.series
    if unit.kind == "references":
        hear_references(studio, references_of(studio))
    elif unit.kind == "labels":
        refresh(studio.store, series)
    elif unit.kind == "episode":
        rebuild.prepare_episode(studio, next(each for each in episodes if each.key == unit.of))
    elif unit.kind == "cast":
        rebuild.make_cast(studio, episodes, _finished(studio, episodes))
    elif unit.kind == "data set":
        cast, labels = casting.cast_of(studio), load(studio.store, series)
        rebuild.make_data_sets(studio, cast, labels, _finished(studio, episodes), [unit.of])
    elif unit.kind == "voice":
        rebuild.make_voice(studio, unit.of)


def _finished(studio: Studio, episodes: Sequence[Episode]) -> list[Prepared]:
    found = find_all_prepared(studio, episodes)
    return [found[each.key] for each in episodes if each.key in found]
