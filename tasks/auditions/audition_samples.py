"""Lines of an audition as contestants say them: said, measured and played, one by one.

What cannot be made is a sample that says why, and takes nothing else along. Players are kept below the audition,
marked where they are generated; their names tell nobody whose they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

import numpy as np

from containers.contract.codec import canonical
from containers.contract.errors import StageError
from infra.engines import UnknownEngine
from tasks import orders
from tasks.auditions.audition import REAL, Line, Sample
from tasks.auditions.audition_lines import Recorded
from tasks.domain import Vectors
from tasks.orders import Shown
from tasks.speech import judging
from tasks.speech.judging import Measured, folder_of
from tasks.studio import Stored, Studio
from tasks.trust import audit
from tasks.trust.provenance import Provenance, marked, now
from tasks.voices import Card


@dataclass(frozen=True, kw_only=True)
class Take:
    """A line as somebody says it: the sound, what it was made from, how far its pitch was to be moved, and how it is
    marked (None: a recording of the character)."""

    character: str
    line: Line
    contestant: str
    file: Stored
    source: Stored | None = None
    shift_semitones: float = 0.0
    stated: Provenance | None = None


def recorded(character: str, each: Recorded) -> Take:
    """The character's own."""
    return Take(character=character, line=each.line, contestant=REAL, file=each.file)


def said(studio: Studio, card: Card, each: Recorded) -> Take | Sample:
    """The line in a version of the voice; a sample that is missing where its engine cannot.

    The character's own lines stay at their pitch, so that nothing but the voice differs.
    """
    try:
        made = judging.converted(studio, card, each.file, 0.0 if each.line.kind == "own" else None)
    except (StageError, UnknownEngine) as error:
        return Sample(line=each.line.id, contestant=card.version, missing=str(error))
    source = (
        {"text_sha256": hashlib.sha256((each.line.words or "").encode()).hexdigest()}
        if each.line.kind == "text"
        else {"recording_sha256": each.file.sha256}
    )
    return Take(
        character=card.character,
        line=each.line,
        contestant=card.version,
        file=made.stored(made.result.speech),
        source=each.file,
        shift_semitones=made.result.pitch_shift_semitones,
        stated=Provenance(
            series=card.series,
            character=card.character,
            name=card.name,
            voice=card.version,
            engine=made.engine,
            source=source,
            time="",
        ),
    )


def measured(studio: Studio, take: Take) -> Measured | Sample:
    """Its figures; a sample that is missing where it cannot be measured."""
    try:
        made = judging.measure(studio, take.character, take.file, take.source, take.shift_semitones)
        model, vectors = judging.voice_in(studio, take.character, take.file)
    except StageError as error:
        return Sample(line=take.line.id, contestant=take.contestant, missing=str(error))
    return Measured(figures=made.result, model=model, vectors=vectors)


def sample(studio: Studio, take: Take, measured: Measured, known: Mapping[str, Measured], heard: str | None) -> Sample:
    """`known`: what was measured of the character's own recordings, by line; its own line is not compared with."""
    try:
        player, picture = _shown(studio, take)
    except StageError as error:
        return Sample(line=take.line.id, contestant=take.contestant, missing=str(error))
    found = measured.figures
    others = [each.vectors for line, each in known.items() if line != take.line.id and each.model == measured.model]
    theirs: Vectors = np.concatenate(others) if others else np.zeros((0, 1), np.float32)
    longer = None if found.source_seconds is None else round(found.seconds - found.source_seconds, 4)
    return Sample(
        line=take.line.id,
        contestant=take.contestant,
        player=player,
        picture=picture,
        seconds=round(found.seconds, 3),
        loudness_lufs=found.loudness_lufs,
        clipped_share=found.clipped_share,
        similarity=judging.similarity(measured.vectors, theirs),
        following=found.following,
        longer_seconds=longer,
        heard=heard,
    )


def with_errors(samples: list[Sample], lines: Mapping[str, Line]) -> list[Sample]:
    """How much of each is understood wrongly: against the words of its line, or what is heard of the recording."""
    real = {each.line: each.heard for each in samples if each.contestant == REAL}

    def judged(each: Sample) -> Sample:
        words = lines[each.line].words or (real.get(each.line) if each.contestant != REAL else None)
        if each.heard is None or not words:
            return each
        return replace(each, characters_wrong=judging.characters_wrong(words, each.heard))

    return [judged(each) for each in samples]


def _shown(studio: Studio, take: Take) -> tuple[str, str]:
    """The take's player and picture, as keys below the audition's folder."""
    made = studio.make(orders.preview(studio, f"a line of {take.character}", (Shown(file=take.file),)))
    (preview,) = made.result.previews
    return _player(studio, take, made.stored(preview.player)), _picture(studio, take, made.stored(preview.picture))


def _player(studio: Studio, take: Take, file: Stored) -> str:
    """A recording as it is; generated speech marked, once, and entered in the audit log before."""
    stated = take.stated
    name = hashlib.sha256(canonical([file.sha256, stated.stated() if stated else None]).encode()).hexdigest()[:24]
    place = f"media/{name}{PurePosixPath(file.key).suffix}"
    key = f"{folder_of(studio, take.character)}/{place}"
    if studio.store.size(key) is None:
        data = studio.store.read(file.key)
        if stated:
            data = marked(data, replace(stated, time=now()))
            about = {"character": take.character, "voice": stated.voice, **stated.source, "key": key}
            sha256 = hashlib.sha256(data).hexdigest()
            audit.append(studio.store, studio.series.series, "speak", **about, sha256=sha256)
        studio.store.write(key, data)
    return place


def _picture(studio: Studio, take: Take, file: Stored) -> str:
    place = f"media/{file.sha256[:24]}{PurePosixPath(file.key).suffix}"
    key = f"{folder_of(studio, take.character)}/{place}"
    if studio.store.size(key) is None:
        studio.store.write(key, studio.store.read(file.key))
    return place
