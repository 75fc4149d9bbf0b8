"""Labels in the store: a row of decisions, each one immutable object, is the truth.

`labels.json` is derived from them (`decisions`) and can be made again at any time. How people are asked is in
`label_form` and `label_sheet`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from containers.contract.codec import decode
from infra.store import Store, document, find_json, parsed, read_many, write_json
from tasks.labelling.decisions import Decision, How, Label, Labels, decide, derive, undone
from tasks.trust import audit


class LabelsError(ValueError):
    """The labels somebody gave cannot be used; the message says which, and what would be right."""


class Overtaken(LabelsError):
    """Somebody else decided about the same speakers meanwhile; the message says who and what. Nothing was recorded.

    `news`: speaker -> the label that counts for it by now.
    """

    def __init__(self, message: str, news: Mapping[str, Label] | None = None) -> None:
        super().__init__(message)
        self.news = dict(news or {})


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
