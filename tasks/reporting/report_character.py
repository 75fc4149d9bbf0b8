"""A character's own page, as values: where its material comes from, how it sounds, and which clips to listen to first.

Pure: rows of the data set in. The clips in it have no sound yet; who has the store makes that.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from tasks.clips.dataset import Row
from tasks.reporting.report import CharacterReport
from tasks.reporting.report_charts import Bars, Curves, by_episode, histogram

CLIPS_HEARD = 60
"""Clips of a character that can be played; of these at most 24 in doubt, 18 dropped, and the surest 6 of the kept."""
_IN_DOUBT, _DROPPED, _SUREST = 24, 18, 6


@dataclass(frozen=True, kw_only=True)
class Lost:
    """Why clips are not in the data set: `seconds` and number of them."""

    reason: str
    seconds: float
    clips: int


@dataclass(frozen=True, kw_only=True)
class CharacterPage:
    """All that the page says; the character's `clips` are in order of doubt."""

    series: str
    title: str
    made: datetime
    language: str
    character: CharacterReport
    synthetic_note: str | None = None
    kept_clips: int = 0
    in_doubt: float = 0.0
    lost: tuple[Lost, ...] = ()
    episodes: Bars | None = None
    histograms: tuple[Bars, ...] = ()
    curves: tuple[Curves, ...] = ()
    assets_page: str | None = None


def to_hear(rows: Sequence[Row], most: int = CLIPS_HEARD) -> list[Row]:
    """The clips worth a person's minutes: in doubt, then kept from the least certain, some of each reason to drop.

    Last come the surest of the kept, to compare with.
    """
    doubt = sorted((row for row in rows if row.verdict == "doubt"), key=_certainty)[:_IN_DOUBT]
    dropped = _of_each_reason([row for row in rows if row.verdict == "dropped"])[:_DROPPED]
    kept = sorted(
        (row for row in rows if row.verdict == "kept"), key=lambda row: (row.reason == "good", _certainty(row))
    )
    room = most - len(doubt) - len(dropped)
    surest = kept[-_SUREST:] if len(kept) > _SUREST else []
    return [*doubt, *kept[: len(kept) - len(surest)][: room - len(surest)], *dropped, *surest]


def _certainty(row: Row) -> float:
    """How far a clip is from another person's; the consistency where there is nobody to compare with."""
    return abs(row.purity) if row.purity is not None else row.consistency


def _of_each_reason(rows: Iterable[Row]) -> list[Row]:
    """One of each reason, then a second one of each, and so on; the most certain voices first."""
    reasons: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: -(row.purity if row.purity is not None else -math.inf)):
        reasons.setdefault(row.reason, []).append(row)
    longest = max(map(len, reasons.values()), default=0)
    return [group[turn] for turn in range(longest) for group in reasons.values() if turn < len(group)]


def lost_by_reason(rows: Iterable[Row]) -> tuple[Lost, ...]:
    """Reasons for which clips were not kept, the most seconds first."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        if row.verdict != "kept":
            groups.setdefault(row.reason, []).append(row)
    found = [Lost(reason=reason, seconds=_seconds(each), clips=len(each)) for reason, each in groups.items()]
    return tuple(sorted(found, key=lambda each: (-each.seconds, each.reason)))


def episode_bars(rows: Sequence[Row], episodes: Sequence[str]) -> Bars | None:
    """Minutes of each episode; None without any clip."""
    if not rows:
        return None
    kept: dict[str, float] = {}
    other: dict[str, float] = {}
    for row in rows:
        of = kept if row.verdict == "kept" else other
        of[row.episode] = of.get(row.episode, 0.0) + row.duration
    return by_episode(kept, other, episodes)


def histograms_of(rows: Sequence[Row]) -> tuple[Bars, ...]:
    """Seconds by SNR, voice over background, and pitch."""

    def of(title: str, unit: str, figure: str, step: float) -> Bars | None:
        values = ((getattr(row.measurements, figure), row.duration, row.verdict == "kept") for row in rows)
        return histogram(title, unit, values, step)

    found = (
        of("Signal over the clip's own pauses (SNR)", "dB", "snr_db", 3.0),
        of("Voice over the background", "dB", "background_db", 3.0),
        of("Pitch", "Hz", "f0_median_hz", 20.0),
    )
    return tuple(each for each in found if each)


def seconds_in_doubt(rows: Iterable[Row]) -> float:
    return _seconds(row for row in rows if row.verdict == "doubt")


def _seconds(rows: Iterable[Row]) -> float:
    return sum(row.duration for row in rows)
