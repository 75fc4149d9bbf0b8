"""An audition: the same lines by each version of a character's voice, beside the character, as values.

Choosing lines is in `audition_lines`, saying and measuring them in `audition_samples`, votes in `audition_votes`,
the page in `audition_page`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import mean, median
from typing import Literal

from containers.contract.codec import canonical
from containers.contract.stages import Following

REAL = "real"
"""The contestant that is the character's own recording."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """Something that all contestants say. `own`: the character said it, and the recording is a contestant too;
    `text`: a machine's voice said it, and it is converted. `words`: where they are known. `of`: where it is from.

    `held_out`: no version here has learnt from it.
    """

    id: str
    kind: Literal["own", "text"]
    of: str
    words: str | None = None
    held_out: bool = True


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """A version of the voice, or the character (`id` REAL)."""

    id: str
    name: str
    engine: str
    minutes: float | None = None
    current: bool = False


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A line as a contestant says it: files below the audition's folder, and figures.

    `similarity`: cosine to the mean of the character's other recordings. `following`: of its pitch to the source's.
    `longer_seconds`: than its source. `heard`: by the recogniser, and how much of it is wrong (`characters_wrong`).
    `missing`: why there is no such sample, and nothing else then.
    """

    line: str
    contestant: str
    player: str = ""
    picture: str = ""
    seconds: float = 0.0
    loudness_lufs: float | None = None
    clipped_share: float = 0.0
    similarity: float | None = None
    following: Following | None = None
    longer_seconds: float | None = None
    heard: str | None = None
    characters_wrong: float | None = None
    missing: str | None = None


@dataclass(frozen=True, kw_only=True)
class Audition:
    """All of it. `model` made the vectors; `recogniser` wrote down what is said, or `no_recogniser` says why none did.

    `identity` changes with contestants, lines and sounds; `salt` keeps the names of trials from being guessed.
    """

    series: str
    title: str
    character: str
    name: str
    language: str
    identity: str
    salt: str
    model: str | None
    recogniser: str | None
    no_recogniser: str | None
    lines: tuple[Line, ...]
    contestants: tuple[Contestant, ...]
    samples: tuple[Sample, ...]

    def sample(self, line: str, contestant: str) -> Sample | None:
        """The sample, if it could be made."""
        found = (each for each in self.samples if (each.line, each.contestant) == (line, contestant))
        return next((each for each in found if each.missing is None), None)


@dataclass(frozen=True, kw_only=True)
class Trial:
    """Two samples of a line that a person compares without knowing whose they are; `id` tells nothing."""

    id: str
    line: str
    a: str
    b: str


@dataclass(frozen=True, kw_only=True)
class Score:
    """A contestant's figures over its lines: means, but a median of pitch errors; None where nothing was measured."""

    contestant: str
    lines: int
    similarity: float | None
    f0_error_cents: float | None
    octave_errors: float | None
    voicing_errors: float | None
    characters_wrong: float | None
    clipped_share: float | None
    longer_seconds: float | None


def trials_of(audition: Audition) -> tuple[Trial, ...]:
    """Every pair of contestants on every line that both say, in an order and with sides that the salt decides."""
    found = []
    for line in audition.lines:
        able = [each.id for each in audition.contestants if audition.sample(line.id, each.id)]
        for pair in combinations(sorted(able), 2):
            digest = hashlib.sha256(canonical([audition.salt, line.id, *pair]).encode()).hexdigest()
            a, b = pair if int(digest[-1], 16) % 2 else pair[::-1]
            found.append(Trial(id=digest[:16], line=line.id, a=a, b=b))
    return tuple(sorted(found, key=lambda each: each.id))


def reference_for(audition: Audition, line: str) -> Sample | None:
    """A recording of the character to compare with: another line than the one that is judged, if there is one."""
    real = [each for each in audition.samples if each.contestant == REAL and each.missing is None]
    others = [each for each in real if each.line != line]
    return next(iter(others or real), None)


def scores_of(audition: Audition) -> tuple[Score, ...]:
    return tuple(_score(audition, each.id) for each in audition.contestants)


def _score(audition: Audition, contestant: str) -> Score:
    said = [each for each in audition.samples if each.contestant == contestant and each.missing is None]
    follows = [each.following for each in said if each.following]
    return Score(
        contestant=contestant,
        lines=len(said),
        similarity=_mean(each.similarity for each in said),
        f0_error_cents=_median([each.f0_error_cents for each in follows if each.f0_error_cents is not None]),
        octave_errors=_mean(each.octave_errors for each in follows),
        voicing_errors=_mean(each.voicing_errors for each in follows),
        characters_wrong=_mean(each.characters_wrong for each in said),
        clipped_share=_mean(each.clipped_share for each in said),
        longer_seconds=_mean(each.longer_seconds for each in said),
    )


def _mean(values: Iterator[float | None]) -> float | None:
    known = [each for each in values if each is not None]
    return round(mean(known), 4) if known else None


def _median(values: Sequence[float]) -> float | None:
    return round(median(values), 2) if values else None
