"""What of an episode is an earlier one's recording again, so that its vocals are there already; decides, reads nothing.

Candidates come from fingerprints, certainty from the stage compare: the earlier recording laid under this one and
taken off. Another encode leaves noise; somebody who speaks over the music leaves speech, which a detector hears in what
is left long before it is as loud as that noise. What is in doubt is separated as if nothing were known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from containers.contract.stages import COMPARED, JOINT_SECONDS, Compared, Reused, Segment, Stretch
from tasks.episodes.recurrence import Search, Words, runs

Rows = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Where somebody may say something new: what is left is as loud as `residual_db` beside what was taken off, or the
    detector says `in_course` or `afresh` of it, on average over `together` rows; `margin` seconds before and after,
    too. Measured (docs/measurements.md): speech 20 dB under the music is heard, through two encodes of AAC or Opus.

    `shortest`: seconds that make a stretch worth reusing. `around`: seconds that a candidate is looked at beyond what
    the fingerprints say. `nearly`: an episode that has so much of the most that any has is as good.
    """

    residual_db: float = -13.0
    in_course: float = 0.1
    afresh: float = 0.2
    together: int = 5
    margin: float = 0.75
    shortest: float = 5.0
    around: float = 2.0
    nearly: float = 0.9


def candidates(own: Words, earlier: Mapping[str, Words], hop: float, rule: Rule) -> tuple[str, tuple[Stretch, ...]]:
    """The earlier episode that this one shares the most with, and where; "" if with none. `earlier`: in the order of
    the series, of which the first wins among those that are nearly as good."""
    search = Search([*earlier.values(), own])
    least = rule.shortest / hop
    by_episode: dict[int, list[tuple[int, int, int]]] = {}
    for link in sorted(search.links(len(earlier)), key=lambda each: (-each.score, each.here, each.there)):
        taken = by_episode.setdefault(link.there.episode, [])
        free = not any(link.here.first < last and first < link.here.last for first, last, _ in taken)
        if free and link.here.last - link.here.first >= least:
            taken.append((link.here.first, link.here.last, link.here.first - link.there.first))
    shared = {number: sum(last - first for first, last, _ in each) for number, each in by_episode.items()}
    most = max(shared.values(), default=0)
    if not most:
        return "", ()
    number = min(number for number, each in shared.items() if each >= rule.nearly * most)
    stretches = (
        Stretch(
            start=round(max(0.0, first * hop - rule.around), 3),
            end=round(min(len(own) * hop, last * hop + rule.around), 3),
            lag=round(shift * hop, 3),
        )
        for first, last, shift in sorted(by_episode[number])
    )
    return list(earlier)[number], tuple(stretches)


def reusable(stretches: Sequence[Compared], rows: Rows, hop: float, rule: Rule) -> tuple[Reused, ...]:
    """The spans of which nothing is in doubt, in order and apart."""
    limits = [getattr(rule, name) for name in COMPARED]
    found: list[Reused] = []
    begin = 0
    for each in stretches:
        ours = rows[begin : begin + each.rows].astype(np.float64)
        ours[:, 1:] = uniform_filter1d(ours[:, 1:], rule.together, axis=0, mode="nearest")
        doubtful = (ours >= limits).any(axis=1)
        begin += each.rows
        near = maximum_filter1d(doubtful.astype(np.uint8), 2 * round(rule.margin / hop) + 1, mode="constant")
        for first, last in runs(near == 0):
            start = max(each.start + first * hop, found[-1].end + JOINT_SECONDS if found else 0.0)
            end = min(each.start + last * hop, each.end)
            if end - start >= rule.shortest:
                found.append(Reused(start=round(start, 3), end=round(end, 3), lag=each.lag, gain=each.gain))
    return tuple(found)


def to_separate(segments: Sequence[Segment], reused: Sequence[Reused], duration: float) -> tuple[Segment, ...]:
    """What is left of segments; they reach JOINT_SECONDS into what is reused, over which one fades into the other."""
    found = list(segments)
    for each in reused:
        first = each.start + JOINT_SECONDS if each.start > 0 else 0.0
        last = each.end - JOINT_SECONDS if each.end < duration else duration
        found = [part for segment in found for part in _without(segment, first, last)]
    return tuple(found)


def _without(segment: Segment, first: float, last: float) -> list[Segment]:
    """The parts of a segment outside first..last; what is not longer than a fade is none."""
    parts = ((segment.start, min(segment.end, first)), (max(segment.start, last), segment.end))
    return [
        Segment(start=round(start, 3), end=round(end, 3)) for start, end in parts if end - start > 2 * JOINT_SECONDS
    ]
