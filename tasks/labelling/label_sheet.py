"""The label sheet: what a person sees and hears to say who is who, as values.

Gathered from the cast, what was heard, and the labels that count. Making
sounds is in `sheet_media`, HTML in `sheet_page`, taking answers in
`sheet_answer`.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from tasks.domain import NOBODY, Speaker, Suggestion
from tasks.episodes.prepared import heard_episode
from tasks.labelling.decisions import Labels
from tasks.labelling.label_rules import newcomers
from tasks.labelling.sheet_voices import Chosen, Near, Voice, further, nearest, representative, voices_of
from tasks.series import SeriesError
from tasks.speakers import casting
from tasks.speakers.cast import galleries_of
from tasks.speakers.casting import Cast
from tasks.speakers.embedding_models import one_model
from tasks.speakers.questions import open_questions
from tasks.speakers.references import known_references
from tasks.studio import Studio

log = logging.getLogger("voicecast.sheet")

Status = Literal["asked", "labelled", "left_out"]
ALIKE = 3
"""Other speakers that are named as easily confused."""


@dataclass(frozen=True, kw_only=True)
class Said:
    """The label that counts for a speaker; `decision`: what a person who decides anew has seen."""

    character: str
    who: str
    how: str
    when: str
    decision: str


@dataclass(frozen=True, kw_only=True)
class SheetClip:
    """A clip to hear; `odd`: the one least like the speaker's others."""

    id: str
    episode: str
    start: float
    duration: float
    odd: bool = False


@dataclass(frozen=True, kw_only=True)
class SheetSpeaker:
    """A speaker. `suggestion`: the character a person would be offered, if any; `likely`: the nearest
    characters by their references; `alike`: the nearest other speakers; seconds of speech in `count` clips; `apart`:
    the accepted speaker it was set apart from; `beside`: the character's main speaker, which it is too little like."""

    id: str
    seconds: float
    count: int
    episodes: tuple[str, ...]
    status: Status
    suggestion: str | None
    margin: float
    likely: tuple[Near, ...]
    alike: tuple[Near, ...]
    clips: tuple[SheetClip, ...]
    apart: str | None = None
    beside: str | None = None


@dataclass(frozen=True, kw_only=True)
class SheetCharacter:
    """Somebody who can be chosen."""

    id: str
    name: str


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """All of it; `version`: of the labels it was made from."""

    series: str
    title: str
    language: str
    version: str
    characters: tuple[SheetCharacter, ...]
    speakers: tuple[SheetSpeaker, ...]
    said: dict[str, Said]
    rejected: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What does not change with a label, by speaker: the voice, the clips that stand for it, the nearest
    characters and the nearest other speakers."""

    cast: Cast
    voices: dict[str, Voice]
    clips: dict[str, tuple[SheetClip, ...]]
    likely: dict[str, tuple[Near, ...]]
    alike: dict[str, tuple[Near, ...]]


def heard_by(studio: Studio) -> Heard:
    """What the sheet is about; LookupError, with the way out, before a preparation. Needs no video."""
    cast = casting.cast_of(studio)
    episodes = sorted({episode for speaker in cast.speakers for episode in speaker.episodes})
    heard = tuple(heard_episode(studio.store, studio.home, each) for each in episodes)
    try:
        references = known_references(studio)
    except SeriesError as error:
        log.warning("the sheet is without scores of characters: %s", error)
        references = ()
    one_model([each.model for each in heard if each.clips] + [each.model for each in references])
    voices, galleries = voices_of(cast.speakers, heard), galleries_of(references)
    return Heard(
        cast=cast,
        voices=voices,
        clips={name: tuple(_clip(each) for each in representative(voice)) for name, voice in voices.items()},
        likely=nearest(voices, galleries, len(galleries)),
        alike=nearest(voices, {name: voice.core for name, voice in voices.items()}, ALIKE),
    )


def make_sheet(studio: Studio, heard: Heard, labels: Labels) -> Sheet:
    """The sheet as of these labels: speakers in doubt first, the longest of them first."""
    series = studio.series
    asked = {each.speaker for each in open_questions(studio, heard.cast, labels)}
    suggestions = {each.speaker: each for each in heard.cast.suggestions}
    speakers = [
        _speaker(each, heard, suggestions.get(each.id), labels, asked)
        for each in heard.cast.speakers
        if each.id in heard.voices
    ]
    order: dict[Status, int] = {"asked": 0, "labelled": 1, "left_out": 2}
    characters = [SheetCharacter(id=slug, name=each.name) for slug, each in series.characters.items()]
    characters += [SheetCharacter(id=slug, name=slug) for slug in newcomers(labels, series.characters)]
    return Sheet(
        series=series.series,
        title=series.title or series.series,
        language=series.language,
        version=labels.version,
        characters=tuple(characters),
        speakers=tuple(sorted(speakers, key=lambda each: (order[each.status], -each.seconds))),
        said=said_now(labels),
        rejected=labels.rejected,
    )


def more_clips(heard: Heard, speaker: str) -> tuple[SheetClip, ...]:
    """Clips of a speaker beyond those on the sheet, the least alike first."""
    shown = {each.id for each in heard.clips[speaker]}
    return tuple(_clip(Chosen(clip=each)) for each in further(heard.voices[speaker], shown))


def said_now(labels: Labels) -> dict[str, Said]:
    """The labels that count, as the sheet shows them."""
    return {
        speaker: Said(character=each.character, who=each.who, how=each.how, when=each.when, decision=each.decision)
        for speaker, each in labels.speakers.items()
    }


def _speaker(
    speaker: Speaker, heard: Heard, found: Suggestion | None, labels: Labels, asked: Collection[str]
) -> SheetSpeaker:
    return SheetSpeaker(
        id=speaker.id,
        seconds=round(speaker.seconds, 1),
        count=len(heard.voices[speaker.id].clips),
        episodes=speaker.episodes,
        status="labelled" if speaker.id in labels.speakers else "asked" if speaker.id in asked else "left_out",
        suggestion=_suggested(found),
        margin=found.margin if found else 0.0,
        likely=heard.likely[speaker.id] or _near(found),
        alike=heard.alike[speaker.id],
        clips=heard.clips[speaker.id],
        apart=speaker.apart,
        beside=found.beside if found else None,
    )


def _near(found: Suggestion | None) -> tuple[Near, ...]:
    """What the cast remembers, where the references are not at hand."""
    return (Near(who=found.character, score=found.score),) if found and found.character else ()


def _suggested(found: Suggestion | None) -> str | None:
    if found is None or found.character is None:
        return None
    return NOBODY if found.band == "leave_out" else found.character


def _clip(chosen: Chosen) -> SheetClip:
    clip = chosen.clip
    return SheetClip(
        id=clip.id, episode=clip.episode, start=clip.start, duration=round(clip.duration, 3), odd=chosen.odd
    )
