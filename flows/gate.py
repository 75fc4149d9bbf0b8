"""The gate: what has to be said about speakers before anything is trained.

A plain function for a flow's body. Deciding adds to the labels in the store;
the gate only says whether enough has been decided.
"""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from pathlib import Path

from tasks import casting, labels_file
from tasks.casting import Cast
from tasks.domain import Suggestion
from tasks.labels import How, Labels, auto_decision, check, decide, load, news, record
from tasks.studio import Studio


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """The labels that count, and the speakers somebody has to be asked about first."""

    labels: Labels
    waiting: tuple[Suggestion, ...] = ()


def ask_labels(studio: Studio, cast: Cast, policy: str) -> Labelled:
    """Add what references and files say; `policy`: ask, auto, or the path of a labels file.

    auto asks nothing: accepted suggestions count, everybody else is left out.
    """
    series = studio.series.series
    labels = load(studio.store, series)
    accepted = auto_decision(cast.suggestions, labels)
    if accepted:
        labels = record(studio.store, series, accepted)
    if policy not in ("ask", "auto"):
        labels = take_file(studio, cast, labels, Path(policy))
    waiting = () if policy == "auto" else casting.questions(studio, cast, labels)
    return Labelled(labels=labels, waiting=waiting)


def take_file(studio: Studio, cast: Cast, labels: Labels, path: Path) -> Labels:
    """Add the labels of a user's file; nothing is added when it says nothing new."""
    speakers = [each.id for each in cast.speakers]
    names = {each.name: slug for slug, each in studio.series.characters.items()}
    said = news(labels_file.read_labels_file(path, speakers, tuple(studio.series.characters), names), labels)
    return add(studio, cast, said, how="file") if said else labels


def add(studio: Studio, cast: Cast, said: dict[str, str], *, how: How, rejected: tuple[str, ...] = ()) -> Labels:
    """Record what a person said."""
    check(said, [each.id for each in cast.speakers], tuple(studio.series.characters))
    decision = decide(person(), how, said, rejected=rejected, suggestions=cast.suggestions)
    return record(studio.store, studio.series.series, decision)


def person() -> str:
    """Who is at the keyboard, for the record of a decision."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
