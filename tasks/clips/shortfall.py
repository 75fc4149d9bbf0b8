"""Shortfall: what a character lacks to its target, and what a person could do about it.

Counts rows that were decided; asks nobody, decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tasks.clips.verdicts import Row
from tasks.domain import Suggestion

SHOWN = 5
"""Speakers, episodes and reasons that are named."""
ABOUT_THE_VOICE = ("rejected", "other_voice", "duplicate", "recurring", "enough")
"""Reasons that no threshold of quality changes."""


@dataclass(frozen=True, kw_only=True)
class Shortfall:
    """Minutes that are missing, and where more lie: by speaker and by episode what is in doubt (a person should
    listen), by speaker what waits for a label that may be this character, by reason what thresholds left out."""

    minutes: float
    doubt_by_speaker: dict[str, float]
    doubt_by_episode: dict[str, float]
    unlabelled: dict[str, float]
    dropped_by_reason: dict[str, float]
    unknown: bool = False
    """Whether the character has neither references nor a speaker that somebody named."""

    def said(self) -> str:
        """In one or two sentences, with what to do."""
        told = [f"{_span(self.minutes)} are missing."]
        if self.doubt_by_speaker:
            told.append(
                f"{_list(self.doubt_by_speaker)} are in doubt, most in {_list(self.doubt_by_episode)}: "
                "listen to them on the label sheet."
            )
        if self.unlabelled:
            told.append(f"{_list(self.unlabelled)} may be this character and have no label: voicecast label.")
        if self.dropped_by_reason:
            told.append(f"Left out by quality: {_list(self.dropped_by_reason)} (see `quality` in the series file).")
        if self.unknown:
            told.append("It has no references, and nobody has said which speaker it is: voicecast label.")
        if len(told) == 1:
            told.append("Nothing in doubt would bring them: more episodes or references are needed.")
        return " ".join(told)


def shortfall(
    rows: Sequence[Row], target_minutes: float, waiting: Iterable[tuple[Suggestion, float]] = (), unknown: bool = False
) -> Shortfall | None:
    """What one character lacks; None if nothing. `waiting`: suggestions of it without a label, and their seconds."""
    missing = target_minutes - sum(row.duration for row in rows if row.verdict == "kept") / 60
    if missing <= 0:
        return None
    doubt = [row for row in rows if row.verdict == "doubt"]
    by_quality = [row for row in rows if row.verdict == "dropped" and row.reason not in ABOUT_THE_VOICE]
    return Shortfall(
        minutes=round(missing, 2),
        doubt_by_speaker=_minutes((row.speaker, row.duration) for row in doubt),
        doubt_by_episode=_minutes((row.episode, row.duration) for row in doubt),
        unlabelled=_minutes((each.speaker, seconds) for each, seconds in waiting),
        dropped_by_reason=_minutes((row.reason, row.duration) for row in by_quality),
        unknown=unknown,
    )


def _minutes(seconds: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Minutes by name, the most first."""
    total: dict[str, float] = {}
    for name, each in seconds:
        total[name] = total.get(name, 0.0) + each
    most = sorted(total.items(), key=lambda each: (-each[1], each[0]))[:SHOWN]
    return {name: round(each / 60, 2) for name, each in most}


def _list(minutes: dict[str, float]) -> str:
    return ", ".join(f"{_span(each)} {name}" for name, each in minutes.items())


def _span(minutes: float) -> str:
    return f"{minutes:.1f} min" if minutes >= 0.95 else f"{max(round(minutes * 60), 1)} s"
