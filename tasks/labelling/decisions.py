"""Decisions: what people (or good references) said about who a speaker is, and the labels that follow.

Pure: decisions in, the labels that count out. Where they are kept is `labels`; what may be said is in `label_rules`.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from containers.contract.codec import canonical
from tasks.domain import Suggestion

How = Literal["cli", "auto", "file", "form", "sheet"]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What stood beside a label when it was decided: nearest reference's score and margin."""

    score: float
    margin: float


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Something said once about some speakers; never changed, only followed by newer ones.

    `time`: UTC, ISO 8601 with microseconds. `labels`: speaker -> character or "nobody". `rejected`:
    clips that are to be used for nobody. `undoes`: the id of a decision that no longer counts. `split`:
    speaker -> clips of it that are somebody else; who, the voice says (see `linking`).
    """

    id: str
    time: str
    who: str
    how: How
    labels: dict[str, str] = field(default_factory=dict)
    rejected: tuple[str, ...] = ()
    undoes: str | None = None
    evidence: dict[str, Evidence] = field(default_factory=dict)
    split: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if datetime.fromisoformat(self.time).utcoffset() is None:
            raise ValueError(f"a decision's time needs its time zone, got {self.time!r}")


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
    """All labels that count; `version` changes with every decision they are derived from.

    `split`: speaker -> clips that people said are somebody else.
    """

    version: str
    speakers: dict[str, Label]
    rejected: tuple[str, ...] = ()
    split: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def character(self, speaker: str) -> str | None:
        """The character (or "nobody") of a speaker; None while nobody has said."""
        label = self.speakers.get(speaker)
        return label.character if label else None


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
    """A new decision, with its id; suggestions that say the same stand as its evidence."""
    said = dict(labels or {})
    evidence = {
        each.speaker: Evidence(score=each.score, margin=each.margin)
        for each in suggestions
        if each.character is not None and said.get(each.speaker) == each.character
    }
    return Decision(
        id=uuid.uuid4().hex[:12],
        time=(now or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="microseconds"),
        who=who,
        how=how,
        labels=said,
        rejected=tuple(sorted(set(rejected))),
        undoes=undoes,
        evidence=evidence,
    )


def derive(decisions: Iterable[Decision]) -> Labels:
    """The labels that count, whatever order the decisions come in.

    The newest wins, but auto never over a human's, and only the newest auto counts at all. An
    undone decision is as if never made, and an undo can be undone.
    """
    newest_first = _newest_first(decisions)
    gone = undone(newest_first)
    standing = [each for each in newest_first if each.id not in gone]
    human = [each for each in standing if each.how != "auto"]
    auto = [each for each in standing if each.how == "auto"][:1]
    speakers: dict[str, Label] = {}
    for each in human + auto:
        for speaker in sorted(each.labels.keys() - speakers.keys()):
            speakers[speaker] = _label(each, speaker)
    return Labels(
        version=hashlib.sha256(canonical(newest_first).encode()).hexdigest()[:16],
        speakers=dict(sorted(speakers.items())),
        rejected=tuple(sorted({clip for each in standing for clip in each.rejected})),
        split=_split(standing),
    )


def _split(standing: Iterable[Decision]) -> dict[str, tuple[str, ...]]:
    clips: dict[str, set[str]] = {}
    for each in standing:
        for speaker, marked in each.split.items():
            clips.setdefault(speaker, set()).update(marked)
    return {speaker: tuple(sorted(marked)) for speaker, marked in sorted(clips.items()) if marked}


def undone(decisions: Iterable[Decision]) -> dict[str, Decision]:
    """What no longer counts: id of a decision -> the decision that took it back."""
    gone: dict[str, Decision] = {}
    for each in _newest_first(decisions):
        if each.undoes and each.id not in gone:
            gone[each.undoes] = each
    return gone


def _newest_first(decisions: Iterable[Decision]) -> list[Decision]:
    return sorted(decisions, key=lambda each: (each.time, each.id), reverse=True)


def _label(decision: Decision, speaker: str) -> Label:
    evidence = decision.evidence.get(speaker)
    return Label(
        character=decision.labels[speaker],
        who=decision.who,
        how=decision.how,
        when=decision.time,
        decision=decision.id,
        score=evidence.score if evidence else None,
        margin=evidence.margin if evidence else None,
    )
