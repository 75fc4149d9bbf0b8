"""Selection: the best minutes of a character, when there are more than are wanted."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from tasks.clips.verdicts import Row

VARIETY = 0.08
"""What each earlier clip of the same episode and pitch costs, in quality, for each doubling of their number."""
COVERAGE = 0.1
"""What a clip's words bring, in quality, whose every pair of letters is new; nothing where no text is known."""


def select(
    rows: Sequence[Row], target_minutes: float = 25.0, texts: Mapping[str, str] | None = None
) -> tuple[Row, ...]:
    """The same rows in the same order; where a character has more than `target_minutes` kept, the rest becomes
    dropped: enough.

    Clips are taken by quality, less for each one already taken from the same episode at the same
    pitch, so that a calm scene of one episode does not fill the voice, and more for sounds that no
    clip taken has: pairs of neighbouring letters or kana of `texts` (by clip), which stand for phones.
    """
    left_out: set[tuple[str, str]] = set()
    for character in sorted({row.character for row in rows}):
        kept = [row for row in rows if row.character == character and row.verdict == "kept"]
        seconds, chosen = 0.0, set[str]()
        for row in _in_order(kept, texts or {}):
            if seconds >= target_minutes * 60:
                break
            seconds += row.duration
            chosen.add(row.clip)
        left_out |= {(character, row.clip) for row in kept if row.clip not in chosen}
    detail = f"there are {target_minutes:g} better or more varied minutes"
    return tuple(
        replace(row, verdict="dropped", reason="enough", detail=detail)
        if (row.character, row.clip) in left_out
        else row
        for row in rows
    )


def _in_order(kept: Sequence[Row], texts: Mapping[str, str]) -> Iterator[Row]:
    """Best first, variety counted.

    What a clip is worth only falls as others are taken: the first of a queue is looked at anew, and taken if
    it is still the first. A queue for each episode and pitch, and one of these queues.
    """
    pitches = [row.measurements.f0_median_hz for row in kept if row.measurements.f0_median_hz]
    edges = np.quantile(pitches, [0.25, 0.75]) if pitches else np.zeros(2)
    pairs = [letter_pairs(texts.get(row.clip, "")) for row in kept]
    good, covered = [quality(row) for row in kept], set[str]()
    groups: dict[tuple[str, int], list[tuple[float, str, int]]] = {}
    for index, row in enumerate(kept):
        group = (row.episode, int(np.searchsorted(edges, row.measurements.f0_median_hz or 0.0)))
        groups.setdefault(group, []).append((-good[index] - COVERAGE, row.clip, index))
    taken = dict.fromkeys(groups, 0)

    def first(group: tuple[str, int]) -> tuple[float, str, tuple[str, int]]:
        queue = groups[group]
        while True:
            cost, clip, index = queue[0]
            new = len(pairs[index] - covered) / len(pairs[index]) if pairs[index] else 0.0
            now = -good[index] - COVERAGE * new
            if now <= cost:
                return cost + VARIETY * math.log2(1 + taken[group]), clip, group
            heapq.heapreplace(queue, (now, clip, index))

    for queue in groups.values():
        heapq.heapify(queue)
    waiting = [first(group) for group in groups]
    heapq.heapify(waiting)
    while waiting:
        _, _, group = heapq.heappop(waiting)
        now = first(group)
        if not waiting or now <= waiting[0]:
            index = heapq.heappop(groups[group])[2]
            taken[group] += 1
            covered |= pairs[index]
            yield kept[index]
            if not groups[group]:
                continue
            now = first(group)
        heapq.heappush(waiting, now)


def letter_pairs(text: str) -> frozenset[str]:
    """Pairs of neighbouring letters of a text.

    >>> sorted(letter_pairs("No, no!"))
    ['no']
    """
    letters = [each if each.isalpha() else " " for each in text.casefold()]
    return frozenset(a + b for a, b in pairwise(letters) if " " not in (a, b))


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
