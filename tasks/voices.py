"""Voices: the registry of trained models, each with a card, and the rights they stand on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from containers.contract.codec import decode
from containers.contract.item import sha256_of
from containers.contract.stages import TrainResult
from infra.store import find_json, write_json
from tasks import orders
from tasks.clips.clean_ledger import clips_to_train
from tasks.clips.data_sets import DataSet
from tasks.studio import Made, Source, Stored, Studio
from tasks.trust import audit
from tasks.trust.rights import NoVoice, check_rights, recorded


@dataclass(frozen=True, kw_only=True)
class Card:
    """What a voice is: made of what, by what, on whose right, and what was measured.

    `version` is the hash of what made it: engine, options, clips. Times stand in `train.run.json`. `history`: the
    voices it was trained on from, oldest first; each names its `files` by hash, and one of this series also version,
    engine, minutes, clips and scores. `learnt_from`: names of all clips that it or one of those has heard, as far as
    they are known; () of cards that were written before this was kept. `page_sha256`: of the card for people, "" in
    cards of older versions.
    """

    series: str
    character: str
    name: str
    version: str
    engine: str
    format: str
    sample_rate_hz: int
    files: dict[str, Stored]
    minutes: float
    clips: int
    f0_median_hz: float | None
    scores: dict[str, float]
    rights: dict[str, Any]
    history: tuple[dict[str, Any], ...] = ()
    learnt_from: tuple[str, ...] = ()
    note: str = "Speech made with this voice is synthetic and has to be marked as such."
    page_sha256: str = ""


@dataclass(frozen=True, kw_only=True)
class Before:
    """The voice that a training goes on from: its files by name, and the history that the new one's card takes over.

    Empty: a voice is begun anew. `named`: somebody chose these files, so a voice that began otherwise is none.
    """

    files: dict[str, Stored | Source]
    history: tuple[dict[str, Any], ...]
    named: bool = False


ANEW = Before(files={}, history=())


def find_voice(studio: Studio, character: str, before: Before = ANEW) -> Card | None:
    """The current voice, if the character's present clips and the chosen engine would give it from `before`, or, unless
    its files were named, anew or from the voice that it was trained on from."""
    current, clips = current_voice(studio, character), clips_to_train(studio, character)
    if current is None or not clips:
        return None
    ways = [before.files] if before.named else [{}, before.files, _began_from(current)]
    orders_of = (orders.train(studio, character, clips, way) for way in ways)
    fits = (order for order in orders_of if studio.identity(order)[:12] == current.version)
    return current if any(studio.find(order) for order in fits) else None


def _began_from(card: Card) -> dict[str, Stored | Source]:
    """Files of the last voice in a card's history; hashes alone, which is enough to know an order again."""
    files = card.history[-1]["files"] if card.history else {}
    return {name: Stored(key="", sha256=sha256, size=0) for name, sha256 in files.items()}


def voice_before(studio: Studio, character: str) -> Before:
    """The current voice to go on from; ANEW if there is none. NoVoice if another engine made it."""
    card = current_voice(studio, character)
    if card is None:
        return ANEW
    engine = studio.series.engine("train")
    if card.engine.split()[0] != engine:
        raise NoVoice(
            f"{character}: its voice is {card.engine}'s, and {engine} cannot go on from it; train it anew (without "
            f"--go-on), or with --engine train={card.engine.split()[0]}"
        )
    past = {name: getattr(card, name) for name in ("version", "engine", "minutes", "clips", "scores")}
    files = {name: each.sha256 for name, each in card.files.items()}
    return Before(files=dict(card.files), history=(*card.history, {**past, "files": files}))


def given_before(paths: Sequence[Path]) -> Before:
    """A voice of the user's own files to go on from, such as one of the RVC community."""
    files: dict[str, Stored | Source] = {path.name: Source(path=path, sha256=sha256_of(path)) for path in paths}
    history = {"files": {name: each.sha256 for name, each in sorted(files.items())}}
    return Before(files=files, history=(history,), named=True)


def register(
    studio: Studio, character: str, data: DataSet, made: Made[TrainResult], history: tuple[dict[str, Any], ...] = ()
) -> Card:
    """Write the card of a trained voice, for programs and for people, and make it the character's current one."""
    about = check_rights(studio, character, "train")
    version = made.identity[:12]
    card = Card(
        series=studio.series.series,
        character=character,
        name=about.name,
        version=version,
        engine=made.engine,
        format=made.result.format,
        sample_rate_hz=made.result.sample_rate_hz,
        files={PurePosixPath(each.key).name: each for each in made.files.values()},
        minutes=round(data.minutes, 3),
        clips=data.clips,
        f0_median_hz=made.result.f0_median_hz,
        scores=made.result.scores,
        rights=recorded(about.rights),
        history=history,
        learnt_from=_heard(studio, character, history),
    )
    audit.rights_seen(studio.store, studio.series.series, character, card.rights)
    said = {"character": character, "version": version, "engine": card.engine, "clips": card.clips}
    audit.append(studio.store, studio.series.series, "train", **said)
    home = f"{studio.home}/voices/{character}"
    page = in_markdown(card).encode()
    card = replace(card, page_sha256=hashlib.sha256(page).hexdigest())
    write_json(studio.store, f"{home}/{version}/card.json", card)
    studio.store.write(f"{home}/{version}/card.md", page)
    write_json(studio.store, f"{home}/current.json", {"version": version})
    return card


def _heard(studio: Studio, character: str, history: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    """Names of the clips that are trained on now, and of those that the voices before were trained on."""
    names = {PurePosixPath(each.key).stem for each in clips_to_train(studio, character)}
    cards = (card_of(studio, character, each["version"]) for each in history if "version" in each)
    return tuple(sorted(names.union(*(each.learnt_from for each in cards if each))))


def in_markdown(card: Card) -> str:
    """The card for people."""
    f0 = "" if card.f0_median_hz is None else f", median f0 {card.f0_median_hz:.0f} Hz"
    lines = [
        f"# {card.name} ({card.character}, {card.series})",
        "",
        card.note,
        "",
        f"- version {card.version}, made by {card.engine}; format {card.format}, {card.sample_rate_hz} Hz",
        f"- learnt from {card.minutes:.1f} minutes in {card.clips} clips{f0}",
        *(f"- trained on from {_in_words(each)}" for each in card.history),
        *(f"- rights, {name}: {value}" for name, value in card.rights.items()),
        f"- heard beside the character, with figures and votes: `voicecast audition --character {card.character}`, "
        f"which leaves ../../../auditions/{card.character}/index.html",
        "",
        "| score | value |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in sorted(card.scores.items())),
        "",
        "| file | bytes | SHA-256 |",
        "|---|---|---|",
        *(f"| {name} | {each.size} | {each.sha256} |" for name, each in sorted(card.files.items())),
    ]
    return "\n".join(lines) + "\n"


def _in_words(past: dict[str, Any]) -> str:
    if "version" not in past:
        return "files that were given: " + ", ".join(f"{name} ({sha256})" for name, sha256 in past["files"].items())
    return f"version {past['version']} by {past['engine']}: {past['minutes']:.1f} minutes in {past['clips']} clips"


def current_voice(studio: Studio, character: str) -> Card | None:
    """The card of the voice that speaks for a character now."""
    home = f"{studio.home}/voices/{character}"
    current = find_json(studio.store, f"{home}/current.json")
    return None if current is None else card_of(studio, character, current["version"])


def card_of(studio: Studio, character: str, version: str) -> Card | None:
    """The card of a version of a character's voice."""
    key = f"{studio.home}/voices/{character}/{version}/card.json"
    said = find_json(studio.store, key)
    return None if said is None else decode(Card, said, key)


def all_voices(studio: Studio, character: str) -> tuple[Card, ...]:
    """The cards of all versions, the current one first."""
    home = f"{studio.home}/voices/{character}"
    versions = {key.split("/")[-2] for key in studio.store.keys(home) if key.endswith("/card.json")}
    current = (find_json(studio.store, f"{home}/current.json") or {}).get("version")
    cards = (card_of(studio, character, each) for each in sorted(versions, key=lambda each: (each != current, each)))
    return tuple(each for each in cards if each)


def voice_to_speak(studio: Studio, character: str) -> Card:
    """The current voice, if rights are recorded; RightsError or NoVoice with the way out."""
    check_rights(studio, character, "speak")
    card = current_voice(studio, character)
    if card is None:
        raise NoVoice(f"{character} has no trained voice yet; run: voicecast season (or voicecast train)")
    return card
