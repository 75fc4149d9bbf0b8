"""What is derived from a character's voice, as it lies in the store: what revoking it would erase; it only looks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tasks import orders
from tasks.labelling import labels
from tasks.series import SeriesError
from tasks.speakers import casting
from tasks.speakers.references import references_of
from tasks.studio import Studio
from tasks.trust.rights import NoVoice

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
