"""The gate: what has to be said about speakers before anything is trained.

Plain functions for a flow's body. `settle` adds what references and files say
and asks nobody; `ask_labels` also waits for people, where a form can be shown.
"""

from __future__ import annotations

import getpass
import hashlib
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from tasks.domain import Suggestion
from tasks.labelling import labels_file, sheet_inbox
from tasks.labelling.decisions import Labels, decide
from tasks.labelling.label_rules import auto_decision, news, outdated, seen
from tasks.labelling.labels import history, load, record, refresh
from tasks.labelling.sheet_answer import Taken, take_what_stands
from tasks.speakers import casting
from tasks.speakers.casting import Cast
from tasks.speakers.questions import open_questions
from tasks.studio import Studio

log = logging.getLogger("voicecast.labels")


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """The labels that count, and the speakers somebody has to be asked about first."""

    labels: Labels
    waiting: tuple[Suggestion, ...] = ()


def ask_labels(studio: Studio, cast: Cast, policy: str) -> Labelled:
    """Settle what needs no question, and wait for people to answer the others; for the body of a top-level flow.

    `policy`: ask, auto (nobody is asked: accepted suggestions count, everybody else is left out), or the path of
    a labels file. `waiting` is not empty where nobody can be asked, or nobody answered in time. Speakers that a
    person leaves for another day are asked about in the next run.
    """
    from flows import forms  # Prefect, which `voicecast label` does without

    run = forms.asker() if policy != "auto" else None
    labelled = settle(studio, cast, policy, once=str(run.id) if run else None)
    while run:
        taken = forms.take_in(studio, cast, run)
        cast = casting.load_cast(studio) or cast  # somebody may have taken clips out of a speaker meanwhile
        labels = settle(studio, cast, "ask").labels
        cast = casting.current(studio, cast, labels)
        waiting = tuple(each for each in open_questions(studio, cast, labels) if each.speaker not in taken.later)
        labelled = Labelled(labels=labels, waiting=waiting)
        asked = _asked(cast, waiting, taken.again)
        if not asked or not forms.ask(studio, cast, run, asked, taken.again):
            break
    return labelled


def _asked(cast: Cast, waiting: Collection[Suggestion], again: Mapping[str, str]) -> tuple[Suggestion, ...]:
    """Who is asked about: first those whose answer could not be used."""
    speakers = {each.speaker for each in waiting}
    repeated = [each for each in cast.suggestions if each.speaker in again]
    return (*repeated, *(each for each in waiting if each.speaker in speakers - again.keys()))


def settle(studio: Studio, cast: Cast, policy: str, once: str | None = None) -> Labelled:
    """Add what uploaded answers and a labels file say, and what references then need no question about.

    References are the given ones and what people have approved by now. `once`: the run a file is taken for, one time.
    """
    series = studio.series.series
    sheet_inbox.take_in(studio, cast)
    labels = refresh(studio.store, series)
    if policy not in ("ask", "auto"):
        taken = take_file(studio, cast, Path(policy), once)
        labels = taken.labels
        for what, why in taken.conflicts.items():
            log.warning("of %s, %s was not recorded: %s", policy, what, why)
    cast = casting.current(studio, casting.load_cast(studio) or cast, labels)
    accepted = auto_decision(cast.suggestions, labels)
    if accepted:
        labels = record(studio.store, series, accepted)
    waiting = () if policy == "auto" else open_questions(studio, cast, labels)
    return Labelled(labels=labels, waiting=waiting)


def take_file(studio: Studio, cast: Cast, path: Path, once: str | None = None, who: str | None = None) -> Taken:
    """Add the labels of a user's file, or the answers an exported sheet saved; nothing, if this run took it before.

    What people decided since the file was written is not overwritten: it is among the `conflicts`.
    """
    store, series = studio.store, studio.series.series
    answer = labels_file.read_sheet_answer(path)
    if answer:
        return take_what_stands(studio, cast, answer)
    labels, known = load(store, series), history(store, series)
    names = {each.name: slug for slug, each in studio.series.characters.items()}
    speakers = [each.id for each in cast.speakers]
    said = news(labels_file.read_labels_file(path, speakers, tuple(studio.series.characters), names), labels)
    id = hashlib.sha256(f"{once} {path}".encode()).hexdigest()[:12] if once else None
    if not said or id in {each.id for each in known}:
        return Taken(labels=labels, cast=cast)
    written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    conflicts = outdated(said, written, labels, known)
    said = {speaker: each for speaker, each in said.items() if speaker not in conflicts}
    if said:
        decision = decide(who or person(), "file", said, suggestions=cast.suggestions)
        decision = replace(decision, id=id) if id else decision
        labels = record(store, series, decision, seen=seen(labels, said))
    return Taken(labels=labels, cast=cast, conflicts=conflicts)


def person() -> str:
    """Who is at the keyboard, for the record of a decision."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
