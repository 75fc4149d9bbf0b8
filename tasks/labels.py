"""Labels: what people (or good references) said about who a speaker is.

The truth is a row of decisions, each one immutable object in the store.
`labels.json` is derived from them and can be made again at any time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from infra.store import Store
from tasks.domain import Suggestion

How = Literal["cli", "auto", "file", "form", "sheet"]


class LabelsError(ValueError):
    """The labels somebody gave cannot be used; the message says which line and what would be right."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What stood beside a label when it was decided: nearest reference's score and margin."""

    score: float
    margin: float


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Something said once about some speakers; never changed, only followed by newer ones.

    `time`: ISO 8601 in UTC with microseconds. `labels`: speaker -> character or "nobody". `rejected`: clips
    that are to be used for nobody. `undoes`: the id of a decision that no longer counts.
    """

    id: str
    time: str
    who: str
    how: How
    labels: dict[str, str] = field(default_factory=dict)
    rejected: tuple[str, ...] = ()
    undoes: str | None = None
    evidence: dict[str, Evidence] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Label:
    """The label that counts for a speaker, and where it came from."""

    character: str
    who: str
    how: How
    when: str
    decision: str
    score: float | None = None
    margin: float | None = None


@dataclass(frozen=True, kw_only=True)
class Labels:
    """All labels that count; `version` names the decisions they came from."""

    version: str
    speakers: dict[str, Label]
    rejected: tuple[str, ...] = ()


def decide(
    who: str,
    how: How,
    labels: Mapping[str, str] | None = None,
    *,
    rejected: Iterable[str] = (),
    undoes: str | None = None,
    suggestions: Sequence[Suggestion] = (),
    now: datetime | None = None,
) -> Decision:
    """A new decision, with its id and the suggestions' scores as evidence."""
    raise NotImplementedError


def auto_decision(suggestions: Sequence[Suggestion], labels: Labels, now: datetime | None = None) -> Decision | None:
    """Accept the suggestions of band accept, for speakers without a human's label; None if nothing is new."""
    raise NotImplementedError


def derive(decisions: Iterable[Decision]) -> Labels:
    """The labels that count: the newest decision wins, but auto never over a human's; undone ones do not count."""
    raise NotImplementedError


def read_labels_file(path: Path, speakers: Collection[str], characters: Collection[str]) -> dict[str, str]:
    """A user's labels, YAML, JSON or CSV (speaker,character). Raises LabelsError."""
    raise NotImplementedError


def record(store: Store, series: str, decision: Decision) -> Labels:
    """Keep a decision for ever and write `labels.json` anew; gives the labels that now count."""
    raise NotImplementedError


def history(store: Store, series: str) -> tuple[Decision, ...]:
    """All decisions of a series, oldest first."""
    raise NotImplementedError


def undo(store: Store, series: str, decision: str, who: str, how: How = "cli") -> Labels:
    """Take a decision back, by a new one. Raises LabelsError if there is none of that id."""
    raise NotImplementedError


def load(store: Store, series: str) -> Labels:
    """The labels that count now, derived from the decisions."""
    raise NotImplementedError


def as_json(labels: Labels) -> dict[str, Any]:
    """The form of `cast/labels.json`: version, labels by speaker, rejected clips."""
    raise NotImplementedError
