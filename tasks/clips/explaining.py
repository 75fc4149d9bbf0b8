"""Explaining: what deciding anew would change, against the data sets as they stand. Nothing is written.

From measurements and vectors alone, so that a threshold can be tried in seconds.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tasks.clips.verdicts import Row
from tasks.studio import Studio


@dataclass(frozen=True, kw_only=True)
class Change:
    """A character's data set as it stands and as it would be, in minutes of clips as cut; why clips come and go.

    `added`, `removed`: reason -> clips: for what added clips were left out, for what removed ones would be.
    """

    character: str
    minutes_now: float
    minutes_then: float
    clips_now: int
    clips_then: int
    added: dict[str, int]
    removed: dict[str, int]
    reasons_then: dict[str, int]


def explain(studio: Studio, character: str, rows: Sequence[Row]) -> Change:
    """`rows`: what was decided anew for the character."""
    key = f"{studio.home}/characters/{character}/manifest.jsonl"
    lines = studio.store.read(key).splitlines() if studio.store.size(key) is not None else []
    before = {line["clip"]: line for line in map(json.loads, lines)}
    was = {clip for clip, line in before.items() if line["verdict"] == "kept"}
    now = {row.clip: row for row in rows}
    kept = {clip for clip, row in now.items() if row.verdict == "kept"}
    return Change(
        character=character,
        minutes_now=sum(before[clip]["end"] - before[clip]["start"] for clip in was) / 60,
        minutes_then=sum(now[clip].duration for clip in kept) / 60,
        clips_now=len(was),
        clips_then=len(kept),
        added=_counted(str(before[clip]["reason"]) if clip in before else "new" for clip in kept - was),
        removed=_counted(now[clip].reason if clip in now else "gone" for clip in was - kept),
        reasons_then=_counted(row.reason for row in rows if row.verdict != "kept"),
    )


def _counted(reasons: Iterable[str]) -> dict[str, int]:
    return dict(Counter(reasons).most_common())
