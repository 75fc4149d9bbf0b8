"""What the stages are asked of a line that is to be judged, and the two figures that are arithmetic.

Kept by what is judged, below the character's own folder, so that nothing is measured twice and all of it goes with
the voice.
"""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from containers.contract import stages
from containers.contract.errors import RecordingError
from tasks import orders
from tasks.domain import Vectors
from tasks.episodes.prepared import read_vectors
from tasks.studio import Made, Order, Stored, Studio, sent
from tasks.voices import Card

R = TypeVar("R")
CONFIDENCE = 1.96
"""Standard deviations of a 95 % interval."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A line as measured: `model` made `vectors`, one a stretch of speech (none where nobody speaks)."""

    figures: stages.MeasureResult
    model: str
    vectors: Vectors


def folder_of(studio: Studio, character: str) -> str:
    return f"{studio.home}/auditions/{character}"


def converted(studio: Studio, card: Card, source: Stored, shift_semitones: float | None) -> Made[stages.ConvertResult]:
    """The source said by this version of a voice, by the engine that made it."""
    voice = tuple(each for _, each in sorted(card.files.items()))
    order = orders.convert(studio, card.character, source, voice, shift_semitones)
    order = replace(order, engine=card.engine.split()[0])
    return studio.make(replace(order, folder=f"{studio.home}/speech/converted/{studio.identity(order)[:12]}"))


def measure(
    studio: Studio, character: str, speech: Stored, source: Stored | None = None, shift_semitones: float = 0.0
) -> Made[stages.MeasureResult]:
    inputs = {"in/speech": speech} | ({"in/source": source} if source else {})
    request = stages.MeasureRequest(
        speech=sent("speech", speech),
        source=sent("source", source) if source else None,
        shift_semitones=shift_semitones,
    )
    order = Order(
        stage="measure",
        of=f"a line of {character}",
        request=request,
        result=stages.MeasureResult,
        inputs=inputs,
        folder="",
        keep={},
    )
    return studio.make(filed(studio, _figures(studio, character), order))


def embed(studio: Studio, character: str, speech: Stored) -> Made[stages.EmbedResult]:
    order = Order(
        stage="embed",
        of=f"a line of {character}",
        request=stages.EmbedRequest(vocals=sent("speech", speech)),
        result=stages.EmbedResult,
        inputs={"in/speech": speech},
        folder="",
        keep={"out/": ""},
    )
    return studio.make(filed(studio, _figures(studio, character), order))


def transcribe(studio: Studio, character: str, speech: Stored) -> Made[stages.TranscribeResult]:
    order = Order(
        stage="transcribe",
        of=f"a line of {character}",
        request=stages.TranscribeRequest(speech=sent("speech", speech), language=studio.series.language),
        result=stages.TranscribeResult,
        inputs={"in/speech": speech},
        folder="",
        keep={},
    )
    return studio.make(filed(studio, _figures(studio, character), order))


def filed(studio: Studio, folder: str, order: Order[R]) -> Order[R]:
    """The order, kept below a folder by what it is asked."""
    return replace(order, folder=f"{folder}/{studio.identity(order)[:16]}")


def _figures(studio: Studio, character: str) -> str:
    return f"{folder_of(studio, character)}/figures"


def voice_in(studio: Studio, character: str, speech: Stored) -> tuple[str, Vectors]:
    """Model and vectors of the voice in a line; none where nobody speaks, which is like no one."""
    try:
        made = embed(studio, character, speech)
    except RecordingError:
        return "", np.zeros((0, 1), np.float32)
    return read_vectors(studio.store.read(made.stored(made.result.vectors).key))


def similarity(vectors: Vectors, others: Vectors) -> float | None:
    """Cosine between the mean voices of two sets of vectors of one model; None where one is empty."""
    if not len(vectors) or not len(others):
        return None
    ours, theirs = (each.mean(axis=0, dtype=np.float64) for each in (vectors, others))
    return round(float(ours @ theirs / (np.linalg.norm(ours) * np.linalg.norm(theirs))), 4)


def characters_wrong(said: str, heard: str) -> float | None:
    """Character error rate: edits from what was said to what was heard, per character said; None for no character.

    Letters and digits count, in one form and case.

    >>> characters_wrong("It rains.", "it rain")
    0.1429
    """
    said, heard = _letters(said), _letters(heard)
    if not said:
        return None
    row = list(range(len(heard) + 1))
    for index, letter in enumerate(said, 1):
        before, row[0] = row[0], index
        for at, other in enumerate(heard, 1):
            before, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, before + (letter != other))
    return round(row[-1] / len(said), 4)


def _letters(text: str) -> str:
    return "".join(each for each in unicodedata.normalize("NFKC", text).casefold() if each.isalnum())


def interval(won: float, played: int) -> tuple[float, float]:
    """95 % interval of a win rate (Wilson 1927): what the rate may be, after so many votes.

    >>> [round(each, 2) for each in interval(8, 10)]
    [0.49, 0.94]
    """
    if not played:
        return 0.0, 1.0
    share, z2 = won / played, CONFIDENCE**2
    middle = (share + z2 / (2 * played)) / (1 + z2 / played)
    reach = CONFIDENCE / (1 + z2 / played) * math.sqrt(share * (1 - share) / played + z2 / (4 * played**2))
    return max(0.0, middle - reach), min(1.0, middle + reach)
