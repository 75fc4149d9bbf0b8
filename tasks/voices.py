"""Voices: the registry of trained models, each with a card, and the rights they stand on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from containers.contract.codec import decode
from containers.contract.stages import TrainResult
from infra.store import find_json, write_json
from tasks import orders
from tasks.data_sets import DataSet, clips_to_train
from tasks.series import Character, Series
from tasks.studio import Made, Stored, Studio


class RightsError(PermissionError):
    """Nobody has recorded why this voice may be used; nothing is trained or spoken."""


class NoVoice(LookupError):
    """There is no trained voice of that name; the message says how to get one."""


@dataclass(frozen=True, kw_only=True)
class Card:
    """What a voice is: made of what, by what, on whose right, and what was measured.

    `version` is the hash of what made it: engine, options, clips. Times stand in `train.run.json`.
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
    note: str = "Speech made with this voice is synthetic and has to be marked as such."


def check_rights(series: Series, character: str) -> Character:
    """The character, if it may be trained and spoken; RightsError or NoVoice with the way out."""
    found = series.characters.get(character)
    if found is None:
        known = ", ".join(series.characters)
        raise NoVoice(f"{series.series} has no character {character!r}; its characters are: {known}")
    if found.rights is None:
        raise RightsError(
            f"{character}: no rights are recorded, so this voice is neither trained nor spoken. Add to the series "
            f"file, under characters: {character}: `rights: {{basis: ..., by: ..., date: ...}}`"
        )
    return found


def find_voice(studio: Studio, character: str) -> Card | None:
    """The voice that the character's present clips and the chosen engine would give, if it is trained."""
    clips = clips_to_train(studio, character)
    made = studio.find(orders.train(studio, character, clips)) if clips else None
    current = current_voice(studio, character)
    return current if made and current and current.version == made.identity[:12] else None


def register(studio: Studio, character: str, data: DataSet, made: Made[TrainResult]) -> Card:
    """Write the card of a trained voice and make it the character's current one."""
    about = check_rights(studio.series, character)
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
        rights=about.rights.model_dump(mode="json", exclude_none=True) if about.rights else {},
    )
    home = f"{studio.home}/voices/{character}"
    write_json(studio.store, f"{home}/{version}/card.json", card)
    write_json(studio.store, f"{home}/current.json", {"version": version})
    return card


def current_voice(studio: Studio, character: str) -> Card | None:
    """The card of the voice that speaks for a character now."""
    home = f"{studio.home}/voices/{character}"
    current = find_json(studio.store, f"{home}/current.json")
    if current is None:
        return None
    key = f"{home}/{current['version']}/card.json"
    said = find_json(studio.store, key)
    return None if said is None else decode(Card, said, key)


def voice_to_speak(studio: Studio, character: str) -> Card:
    """The current voice, if rights are recorded; RightsError or NoVoice with the way out."""
    check_rights(studio.series, character)
    card = current_voice(studio, character)
    if card is None:
        raise NoVoice(f"{character} has no trained voice yet; run: voicecast season (or voicecast train)")
    return card
