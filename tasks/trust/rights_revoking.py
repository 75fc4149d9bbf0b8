"""Revoking a voice: everything derived from it is found, erased, and looked for again.

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
from tasks import orders
from tasks.labelling import labels
from tasks.series import SeriesError
from tasks.speakers import casting
from tasks.speakers.references import references_of
from tasks.studio import Studio
from tasks.trust import audit, rights_episodes
from tasks.trust.provenance import now
from tasks.trust.rights import NoVoice, Revoked, bury, recorded, revoked

CACHES = ("previews", "speech/converted", "speech/retimed", "speech/scripts", "dubs")
"""Folders of the series that hold many characters' sound and do not say whose; what is needed again is made again."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a revocation erases: `keys` of the store, `clips` by episode, and `outside`: copies it cannot reach."""

    character: str
    keys: tuple[str, ...]
    clips: dict[str, tuple[str, ...]]
    speakers: tuple[str, ...]
    outside: tuple[str, ...]

    @property
    def clips_count(self) -> int:
        return sum(len(each) for each in self.clips.values())


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


def plan(studio: Studio, character: str) -> Plan:
    """What would go; nothing is changed. NoVoice for a character that neither series file nor store know."""
    home = studio.home
    own = [
        key
        for name in ("characters", "voices", "speech", "songs", "auditions")
        for key in studio.store.keys(f"{home}/{name}/{character}")
    ]
    if character not in studio.series.characters and not own:
        raise NoVoice(f"{studio.series.series} knows no character {character!r}, and the store has nothing of one")
    caches = [key for name in CACHES for key in studio.store.keys(f"{home}/{name}")]
    speakers = _speakers(studio, character)
    clips = _clips(studio, character, speakers)
    cut = [f"{home}/episodes/{each.replace('/', '/clips/')}.flac" for ids in clips.values() for each in ids]
    return Plan(
        character=character,
        keys=tuple(sorted({*own, *caches, *_given(studio, character), *cut})),
        clips=clips,
        speakers=tuple(sorted(speakers)),
        outside=_outside(studio, character),
    )


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


def _speakers(studio: Studio, character: str) -> set[str]:
    """Speakers of the series who are the character by people's word, or by the references' where nobody spoke."""
    said = labels.load(studio.store, studio.series.series).speakers
    cast = casting.load_cast(studio)
    guessed = {
        each.speaker
        for each in (cast.suggestions if cast else ())
        if each.character == character and each.band == "accept" and each.speaker not in said
    }
    return {speaker for speaker, each in said.items() if each.character == character} | guessed


def _clips(studio: Studio, character: str, speakers: set[str]) -> dict[str, tuple[str, ...]]:
    """Episode -> ids of clips that are there and are the character's; not those another character's data set keeps."""
    cast = casting.load_cast(studio)
    ids = {clip for each in (cast.speakers if cast else ()) if each.id in speakers for clip in each.clips}
    for slug in studio.series.characters:
        kept = {row["clip"] for row in _rows(studio, slug) if row["verdict"] == "kept"}
        ids = ids | kept if slug == character else ids - kept
    found: dict[str, list[str]] = {}
    for clip in sorted(ids):
        episode = clip.partition("/")[0]
        if studio.store.size(f"{studio.home}/episodes/{episode}/clips.jsonl") is not None:
            found.setdefault(episode, []).append(clip)
    return {episode: tuple(each) for episode, each in found.items()}


def _rows(studio: Studio, character: str) -> list[dict[str, Any]]:
    key = f"{studio.home}/characters/{character}/manifest.jsonl"
    return [json.loads(line) for line in studio.store.read(key).splitlines()] if studio.store.size(key) else []


def _given(studio: Studio, character: str) -> Iterator[str]:
    """Recordings people gave, and vectors of references: all but what other characters' lines and references need."""
    lines = [
        json.loads(studio.store.read(key))
        for key in studio.store.keys(f"{studio.home}/speech")
        if key.endswith(".json") and key.count("/") == 4 and f"/speech/{character}/" not in key
    ]
    needed = {_folder_given(str(each["source"].get("key", ""))) for each in lines if "source" in each}
    own, others, vectors = _references(studio, character)
    for key in studio.store.keys(f"{studio.home}/given"):
        folder = _folder_given(key)
        if folder in own or folder not in needed | others:
            yield key
    for key in studio.store.keys(f"{studio.home}/cast/references"):
        if key.rpartition("/")[2].partition(".")[0] not in vectors:
            yield key


def _folder_given(key: str) -> str:
    """`series/<series>/given/<hash>`, whatever lies below it."""
    return "/".join(key.split("/")[:4])


def _references(studio: Studio, character: str) -> tuple[set[str], set[str], set[str]]:
    """Folders of the character's references, of others' references, and names of the others' vectors.

    Where the series file's patterns match nothing no reference is known, and all of them go: they are heard again.
    """
    own: set[str] = set()
    others: set[str] = set()
    vectors: set[str] = set()
    try:
        references = references_of(studio)
    except SeriesError:
        return own, others, vectors
    for slug, source in references:
        order = orders.extract_given(studio, slug, source)
        (own if slug == character else others).add(order.folder)
        heard = studio.find(order)
        if slug != character and heard is not None:
            vectors.add(heard.stored(heard.result.recording).sha256[:16])
    return own, others, vectors


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


def _outside(studio: Studio, character: str) -> tuple[str, ...]:
    """What lies outside the store, for people to erase."""
    exports = [json.loads(studio.store.read(key)) for key in studio.store.keys(f"{studio.home}/exports/{character}")]
    about = studio.series.characters.get(character)
    return (
        *(f"export {each['format']} of {each['time'][:10]}: {each['folder']}" for each in exports),
        *(f"references: {each}" for each in (about.references if about else ())),
        "reports (voicecast report writes them anew), exported label sheets, copies of lines (speak --output)",
        "caches of other machines, backups, old versions of a bucket",
    )
