"""Revoking a voice: everything derived from it is found (`rights_derived`), erased, and looked for again.

First the tombstone, so that nothing new is made; then the erasing, which may be interrupted and is run again; last
the proof, written beside the tombstone. Caches that do not say whose they are go whole: they are made again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from infra.leftovers import erase_leftovers
from infra.store import find_json, read_many, write_json
from tasks.studio import Studio
from tasks.trust import audit, rights_episodes
from tasks.trust.provenance import now
from tasks.trust.rights import Revoked, bury, recorded, revoked
from tasks.trust.rights_derived import Plan, plan


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What came of it: how much was erased, what is still there (nothing, if all is well), what people have to do."""

    character: str
    by: str
    reason: str
    time: str
    erased: tuple[str, ...]
    still_there: tuple[str, ...]
    named_still: tuple[str, ...]
    outside: tuple[str, ...]


def revoke(studio: Studio, character: str, by: str, reason: str) -> Proof:
    """Refuse the character from now on, erase what was derived from its voice, and prove it. Nothing else may run."""
    found, before = plan(studio, character), revoked(studio, character)
    about = studio.series.characters.get(character)
    gone = before or Revoked(
        character=character, by=by, reason=reason, time=now(), rights=recorded(about.rights if about else None)
    )
    spans = _spans(studio, found)
    series = studio.series.series
    audit.append(studio.store, series, "revoke", character=character, by=by, reason=reason, keys=len(found.keys))
    bury(
        studio,
        replace(gone, spans={each: spans.get(each, ()) + gone.spans.get(each, ()) for each in {*spans, *gone.spans}}),
    )
    hashes = _hashes(studio, found)
    for episode, ids in found.clips.items():
        rights_episodes.forget(studio, episode, set(ids))
    for key in found.keys:
        studio.store.delete(key)
    _forget_in_cast(studio, {each for ids in found.clips.values() for each in ids})
    studio.store.clear("scratch")
    erase_leftovers(studio.store, (f"train {character}", f"convert to {character}"))
    proof = Proof(
        character=character,
        by=gone.by,
        reason=gone.reason,
        time=now(),
        erased=found.keys,
        still_there=tuple(key for key in found.keys if studio.store.size(key) is not None),
        named_still=tuple(_naming(studio, {*hashes, *found.keys})),
        outside=found.outside,
    )
    write_json(studio.store, f"{studio.home}/revocations/{character}-{proof.time.replace(':', '')}.json", proof)
    return proof


def _spans(studio: Studio, found: Plan) -> dict[str, tuple[tuple[float, float], ...]]:
    spans = {}
    for episode, ids in found.clips.items():
        lines = studio.store.read(f"{studio.home}/episodes/{episode}/clips.jsonl").splitlines()
        clips = [json.loads(line) for line in lines]
        spans[episode] = tuple((each["start"], each["end"]) for each in clips if each["id"] in ids)
    return spans


def _hashes(studio: Studio, found: Plan) -> set[str]:
    """Hashes of what is erased, as its own records name them."""
    records = [key for key in found.keys if "/stages/" in key and not key.endswith(".run.json")]
    known = {
        each["sha256"]
        for data in read_many(studio.store, records)
        for each in json.loads(data).get("files", {}).values()
        if each["key"] in found.keys
    }
    for episode, ids in found.clips.items():
        lines = studio.store.read(f"{studio.home}/episodes/{episode}/clips.jsonl").splitlines()
        known |= {each["sha256"] for line in lines if (each := json.loads(line))["id"] in ids}
    return known


def _naming(studio: Studio, gone: set[str]) -> Iterator[str]:
    """Keys of records that still name erased files, by key or by hash."""
    places = (f"{studio.home}/revoked/", f"{studio.home}/revocations/", f"{studio.home}/audit/")
    for key in studio.store.keys(studio.home):
        if key.endswith((".json", ".jsonl")) and not key.startswith(places):
            texts = set(_texts([json.loads(line) for line in studio.store.read(key).splitlines() if line.strip()]))
            if texts & gone:
                yield key


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def _forget_in_cast(studio: Studio, clips: set[str]) -> None:
    """The cast without these clips: it remembers where they lay, as of an episode that is away, and nothing of them."""
    key = f"{studio.home}/cast/speakers.json"
    with studio.store.locked(f"{studio.home}/cast"):
        said = find_json(studio.store, key)
        if said is None:
            return
        for each in said["speakers"]:
            away = clips & set(each["clips"])
            each["absent"] = sorted({*each["absent"], *away})
            each["clips"] = [clip for clip in each["clips"] if clip not in away]
            each["episodes"] = sorted({clip.partition("/")[0] for clip in each["clips"]})
            each["seconds"] = each["seconds"] if each["clips"] else 0.0
        empty = {each["id"] for each in said["speakers"] if not each["clips"]}
        said["suggestions"] = [each for each in said["suggestions"] if each["speaker"] not in empty]
        write_json(studio.store, f"{studio.home}/cast/speakers.copy.json", said)
        write_json(studio.store, key, said)
