"""Selection: the best minutes of a character, when there are more than are wanted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tasks.verdicts import Row

VARIETY = 0.08
"""What each earlier clip of the same episode and pitch costs, in quality, for each doubling of their number."""


def select(rows: Sequence[Row], target_minutes: float = 25.0) -> tuple[Row, ...]:
    """The same rows in the same order; where a character has more than `target_minutes` kept, the rest becomes
    dropped: enough.

    Clips are taken by quality, less for each one already taken from the same episode at the same
    pitch, so that a calm scene of one episode does not fill the voice.
    """
    left_out: set[tuple[str, str]] = set()
    for character in sorted({row.character for row in rows}):
        kept = [row for row in rows if row.character == character and row.verdict == "kept"]
        seconds = 0.0
        for row in _in_order(kept):
            if seconds >= target_minutes * 60:
                left_out.add((character, row.clip))
            else:
                seconds += row.duration
    detail = f"there are {target_minutes:g} better or more varied minutes"
    return tuple(
        replace(row, verdict="dropped", reason="enough", detail=detail)
        if (row.character, row.clip) in left_out
        else row
        for row in rows
    )


def _in_order(kept: Sequence[Row]) -> list[Row]:
    """Best first, variety counted."""
    pitches = [row.measurements.f0_median_hz for row in kept if row.measurements.f0_median_hz]
    edges = np.quantile(pitches, [0.25, 0.75]) if pitches else np.zeros(2)
    taken: dict[tuple[str, int], int] = {}
    worth: list[tuple[float, str, Row]] = []
    for good, row in sorted(((quality(row), row) for row in kept), key=lambda each: (-each[0], each[1].clip)):
        group = (row.episode, int(np.searchsorted(edges, row.measurements.f0_median_hz or 0.0)))
        before = taken.get(group, 0)
        taken[group] = before + 1
        worth.append((good - VARIETY * math.log2(1 + before), row.clip, row))
    return [row for _, _, row in sorted(worth, key=lambda each: (-each[0], each[1]))]


def quality(row: Row) -> float:
    """How good a clip is to train on, 0 to 1: clean, surely the character's, speech all through, some seconds long."""
    seen = row.measurements
    parts = (
        (0.3, _share(seen.snr_db, 5, 40)),
        (0.2, _share(seen.background_db, 0, 30)),
        (0.2, _share(row.purity, 0.0, 0.3)),
        (0.15, _share(seen.speech_probability, 0.3, 0.95)),
        (0.15, _share(row.duration, 1.0, 4.0)),
    )
    return sum(weight * value for weight, value in parts)


def _share(figure: float | None, worst: float, best: float) -> float:
    """Where a figure lies between worst (0) and best (1); a half for one that was not measured."""
    return 0.5 if figure is None else min(max((figure - worst) / (best - worst), 0.0), 1.0)
