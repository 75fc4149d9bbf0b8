"""Labels: what people (or good references) said about who a speaker is.

The truth is a row of decisions, each one immutable object in the store.
`labels.json` is derived from them and can be made again at any time. What a
user's labels file says is read in `labels_file`.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from containers.contract.codec import canonical, decode
from infra.store import Store, read_json, write_json
from tasks.domain import NOBODY, Suggestion

How = Literal["cli", "auto", "file", "form", "sheet"]


class LabelsError(ValueError):
    """The labels somebody gave cannot be used; the message says which, and what would be right."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What stood beside a label when it was decided: nearest reference's score and margin."""

    score: float
    margin: float


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Something said once about some speakers; never changed, only followed by newer ones.

    `time`: UTC, ISO 8601 with microseconds. `labels`: speaker -> character or "nobody". `rejected`:
    clips that are to be used for nobody. `undoes`: the id of a decision that no longer counts.
    """

    id: str
    time: str
    who: str
    how: How
    labels: dict[str, str] = field(default_factory=dict)
    rejected: tuple[str, ...] = ()
    undoes: str | None = None
    evidence: dict[str, Evidence] = field(default_factory=dict)

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
    """All labels that count; `version` changes with every decision they are derived from."""

    version: str
    speakers: dict[str, Label]
    rejected: tuple[str, ...] = ()

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


def auto_decision(suggestions: Sequence[Suggestion], labels: Labels, now: datetime | None = None) -> Decision | None:
    """Accept all suggestions of band accept, but for speakers a human labelled; None if nothing is new.

    An auto decision is the machine's whole opinion: an older one stops counting, so that what the
    references no longer support falls away.
    """
    human = {speaker for speaker, label in labels.speakers.items() if label.how != "auto"}
    before = {speaker: label.character for speaker, label in labels.speakers.items() if label.how == "auto"}
    accepted = {
        each.speaker: each.character
        for each in suggestions
        if each.band == "accept" and each.character is not None and each.speaker not in human
    }
    if accepted == before:
        return None
    return decide("references", "auto", accepted, suggestions=suggestions, now=now)


def news(said: Mapping[str, str], labels: Labels) -> dict[str, str]:
    """What a human says now and has not said before, so that the same file read twice decides once."""
    known = {speaker: label.character for speaker, label in labels.speakers.items() if label.how != "auto"}
    return {speaker: character for speaker, character in said.items() if known.get(speaker) != character}


def derive(decisions: Iterable[Decision]) -> Labels:
    """The labels that count, whatever order the decisions come in.

    The newest wins, but auto never over a human's, and only the newest auto counts at all. An
    undone decision is as if never made, and an undo can be undone.
    """
    newest_first = sorted(decisions, key=lambda each: (each.time, each.id), reverse=True)
    undone: set[str] = set()
    standing: list[Decision] = []
    for each in newest_first:
        if each.id not in undone:
            standing.append(each)
            undone.update({each.undoes} if each.undoes else ())
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
    )


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


def check(said: Mapping[str, str], speakers: Iterable[str], characters: Iterable[str]) -> None:
    """LabelsError if a label names a speaker or a character that the series does not have."""
    known, cast = set(speakers), {*characters, NOBODY}
    for speaker, character in said.items():
        if speaker not in known:
            raise LabelsError(f"there is no speaker {speaker!r} in this series; it has {_some(known)}")
        if character not in cast:
            raise LabelsError(
                f"{speaker}: there is no character {character!r} in the series file; it has {_some(cast)}"
            )


def _some(names: Iterable[str]) -> str:
    listed = sorted(names)
    return ", ".join(listed[:12]) + (f" ... ({len(listed)} in all)" if len(listed) > 12 else "")


# ---------------------------------------------------------------- in the store


def record(store: Store, series: str, decision: Decision) -> Labels:
    """Keep a decision for ever and write `labels.json` anew; gives the labels that now count."""
    stamp = datetime.fromisoformat(decision.time).astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    key = f"series/{series}/cast/labels/{stamp}-{decision.id}.json"
    with store.locked(f"series/{series}/cast/labels"):
        if not store.create(key, canonical(decision).encode()):
            raise LabelsError(f"{key} is there already; a decision is never written twice")
        labels = load(store, series)
        write_json(store, f"series/{series}/cast/labels.json", labels)
    return labels


def history(store: Store, series: str) -> tuple[Decision, ...]:
    """All decisions of a series, oldest first, undone ones too."""
    keys = store.keys(f"series/{series}/cast/labels/")
    found = [decode(Decision, read_json(store, key), key) for key in keys]
    return tuple(sorted(found, key=lambda each: (each.time, each.id)))


def undo(store: Store, series: str, decision: str, who: str, how: How = "cli") -> Labels:
    """Take a decision back, by a new one; LabelsError if there is none of that id."""
    known = [each.id for each in history(store, series)]
    if decision not in known:
        raise LabelsError(
            f"there is no decision {decision!r} to undo; the newest are {', '.join(known[-5:]) or 'none'}"
        )
    return record(store, series, decide(who, how, undoes=decision))


def load(store: Store, series: str) -> Labels:
    """The labels that count now, from the decisions themselves."""
    return derive(history(store, series))
