"""Labels: what people (or good references) said about who a speaker is.

The truth is a row of decisions, each one immutable object in the store.
`labels.json` is derived from them and can be made again at any time. What may
be said is in `label_rules`, how people are asked in `label_form`.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from containers.contract.codec import canonical, decode
from infra.store import Store, document, find_json, parsed, read_many, write_json
from tasks.domain import Suggestion
from tasks.trust import audit

How = Literal["cli", "auto", "file", "form", "sheet"]


class LabelsError(ValueError):
    """The labels somebody gave cannot be used; the message says which, and what would be right."""


class Overtaken(LabelsError):
    """Somebody else decided about the same speakers meanwhile; the message says who and what. Nothing was recorded.

    `news`: speaker -> the label that counts for it by now.
    """

    def __init__(self, message: str, news: Mapping[str, Label] | None = None) -> None:
        super().__init__(message)
        self.news = dict(news or {})


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


def record(store: Store, series: str, decision: Decision, seen: Mapping[str, str | None] | None = None) -> Labels:
    """Keep a decision for ever and write `labels.json` anew; gives the labels that now count.

    With `seen` (speaker -> the decision that its author saw), raises Overtaken and records nothing if another
    person's counts by now. A crash loses nothing: the decision is the first thing written, and whole.
    """
    with store.locked(f"series/{series}/cast/labels"):
        known = history(store, series)
        if any(each.id == decision.id for each in known):
            raise Overtaken(f"decision {decision.id} is there already; a decision is never written twice")
        if seen is not None:
            _check_seen(decision, derive(known), seen)
        decision = _after(known, decision)
        stamp = datetime.fromisoformat(decision.time).astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        store.create(f"series/{series}/cast/labels/{stamp}-{decision.id}.json", document(decision))
        audit.append(store, series, "label", decision=decision.id, who=decision.who, how=decision.how)
        labels = load(store, series)
        write_json(store, f"series/{series}/cast/labels.json", labels)
    return labels


def _check_seen(decision: Decision, labels: Labels, seen: Mapping[str, str | None]) -> None:
    said = {each: labels.speakers[each] for each in decision.labels if each in labels.speakers}
    newer = {each: label for each, label in said.items() if label.how != "auto" and label.decision != seen.get(each)}
    if newer:
        news = "; ".join(f"{label.who} said {each} is {label.character}" for each, label in newer.items())
        raise Overtaken(f"meanwhile {news}; say it again to change that", newer)


def _after(known: Sequence[Decision], decision: Decision) -> Decision:
    """The decision, not earlier than those it follows: the clocks of two machines may differ."""
    newest = max((datetime.fromisoformat(each.time) for each in known), default=None)
    if newest is None or datetime.fromisoformat(decision.time) > newest:
        return decision
    return replace(decision, time=(newest + timedelta(microseconds=1)).isoformat(timespec="microseconds"))


def history(store: Store, series: str) -> tuple[Decision, ...]:
    """All decisions of a series, oldest first, undone ones too."""
    keys = list(store.keys(f"series/{series}/cast/labels/"))
    found = [decode(Decision, parsed(said, key), key) for key, said in zip(keys, read_many(store, keys), strict=True)]
    return tuple(sorted(found, key=lambda each: (each.time, each.id)))


def undo(store: Store, series: str, decision: str, who: str, how: How = "cli") -> Labels:
    """Take a decision back, by a new one; LabelsError if there is none of that id, or it is taken back already."""
    known = history(store, series)
    if decision not in [each.id for each in known]:
        newest = ", ".join(each.id for each in known[-5:])
        raise LabelsError(f"there is no decision {decision!r} to undo; the newest are {newest or 'none'}")
    by = undone(known).get(decision)
    if by:
        raise LabelsError(f"{by.who} took {decision} back already; to make it count again, undo {by.id}")
    return record(store, series, decide(who, how, undoes=decision))


def load(store: Store, series: str) -> Labels:
    """The labels that count now, from the decisions themselves."""
    return derive(history(store, series))


def refresh(store: Store, series: str) -> Labels:
    """The labels that count now; `labels.json` is written anew where a crash left an older one."""
    with store.locked(f"series/{series}/cast/labels"):
        labels, key = load(store, series), f"series/{series}/cast/labels.json"
        written = find_json(store, key)
        if labels.speakers and (written is None or written["version"] != labels.version):
            write_json(store, key, labels)
    return labels
