"""Cast: which character a speaker of the series may be, judged by references.

Three bands: accept (needs no question), ask (a person decides), leave_out (a
stranger). A stranger must not become a character: what is near to nobody, or
as near to two, is asked or left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tasks.domain import HeardEpisode, Reference, Speaker, Suggestion, Vectors

Band = Literal["accept", "ask", "leave_out"]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Thresholds of one embedding model, as cosines.

    `accept`: score at least, and `margin`: lead over the second best at least, to need no question.
    `ask`: below this score nobody is asked about that character.
    """

    accept: float
    ask: float
    margin: float


@dataclass(frozen=True, kw_only=True)
class Match:
    """One clip's nearest character; as Suggestion says it."""

    character: str | None
    score: float
    margin: float
    band: Band


def rule_for(model: str) -> Rule:
    """The rule of an embedding model by its name; a model nobody calibrated asks about everybody."""
    raise NotImplementedError


def galleries_of(references: Sequence[Reference]) -> dict[str, Vectors]:
    """All reference vectors of each character. Raises ModelsDiffer."""
    raise NotImplementedError


def identify(vectors: Vectors, galleries: Mapping[str, Vectors], rule: Rule) -> tuple[Match, ...]:
    """The nearest character of each vector (a row, a clip)."""
    raise NotImplementedError


def suggest(
    speakers: Sequence[Speaker],
    episodes: Sequence[HeardEpisode],
    references: Sequence[Reference],
    rule: Rule | None = None,
) -> tuple[Suggestion, ...]:
    """One suggestion a speaker, in their order. Without `rule`, the one of the vectors' model.

    Raises ModelsDiffer.
    """
    raise NotImplementedError
