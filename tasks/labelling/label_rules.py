"""What is said about speakers, before it becomes a decision: by references, in a file, by a person.

Rules over values; nothing is read or written here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from tasks.domain import NOBODY, Suggestion
from tasks.labelling.decisions import Decision, Labels, decide, undone
from tasks.labelling.labels import LabelsError


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


def outdated(said: Mapping[str, str], written: datetime, labels: Labels, history: Iterable[Decision]) -> dict[str, str]:
    """What a file says that people have overtaken since -> why: it was written before they decided, or it said the
    same before they did."""
    known = tuple(history)
    gone = undone(known)
    filed: dict[str, set[str]] = {}
    for each in known:
        if each.how == "file" and each.id not in gone:
            for speaker, character in each.labels.items():
                filed.setdefault(speaker, set()).add(character)
    old = {}
    for speaker, character in said.items():
        label = labels.speakers.get(speaker)
        if label is None or label.how == "auto" or label.character == character:
            continue
        if datetime.fromisoformat(label.when) > written or character in filed.get(speaker, ()):
            old[speaker] = f"this says {character}, but {label.who} said {label.character} on {label.when[:10]}"
    return old


def seen(labels: Labels, speakers: Iterable[str]) -> dict[str, str | None]:
    """The decision that counts for each speaker, as somebody sees it before deciding (see `record`)."""
    return {each: labels.speakers[each].decision if each in labels.speakers else None for each in speakers}


def newcomers(labels: Labels, characters: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Characters that people named and the series file lacks: id -> their speakers."""
    unknown = {each.character for each in labels.speakers.values()} - {*characters, NOBODY}
    return {
        character: tuple(speaker for speaker, each in labels.speakers.items() if each.character == character)
        for character in sorted(unknown)
    }


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
