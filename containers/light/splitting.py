"""Where to cut a stretch of speech: pieces neither too long nor too short, each from a pause to a pause.

What sounds between two pauses is a phrase, and no phrase is ever cut. How
phrases are put together has a price in seconds of speech one would give for not
doing so; the cheapest way is found by going over the phrases once (dynamic
programming). Levels in, hops out: no sound is read here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from .pauses import HOPS_PER_SECOND, Levels, quiet, runs

PAD = 0.12
"""Seconds of silence kept around speech: room for a breath and for a soft start."""

_PAUSE = 0.2
"""Seconds from which silence is a pause; shorter ones may be the closure of a consonant (っ, t, k)."""
_GAP = 0.06
"""Seconds of silence that may part phrases at all."""
_QUIET = 0.37
"""How far up from the floor to the speech a pause may lie, as `pauses.quiet` has it: further than where noise is
measured, since what is separated from music does not rest wholly."""
_LONG_PAUSE = 0.7
"""Seconds of silence that do not belong inside a clip."""
_GIVEN_UP = 2.0
"""Price of a second of speech that is in no piece."""
_INAUDIBLE_DB = -65.0
_NEIGHBOURS = 0.5
"""Share of a phrase that may lie in a neighbour's time for it to be the turn's own."""
_AT_LINE = 0.3
"""Seconds between a pause and the edge of a line of subtitles that are the same place."""

Hops = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Shortest and longest piece, in hops."""

    shortest: int
    longest: int


@dataclass(frozen=True, kw_only=True)
class Around:
    """A turn (first..last) in an array of levels, in hops.

    low..high is the turn's own room: what sounds there and in the turn is the turn's. Beyond it a
    neighbour may be speaking. `from_start`, `to_end`: the array begins or ends with the recording.
    """

    first: int
    last: int
    low: int
    high: int
    from_start: bool = False
    to_end: bool = False


@dataclass(frozen=True, kw_only=True)
class _Phrase:
    """Sound from `first` to `last`, with the silence kept around it from `begin` to `end`; prices of
    beginning and of ending a piece here, and seconds of silence before it."""

    first: int
    last: int
    begin: int
    end: int
    beginning: float
    ending: float
    silence: float


def split(levels: Levels, around: Around, limits: Limits, lines: Sequence[Hops] = ()) -> list[Hops]:
    """Pieces of a turn as (first hop, one past the last), apart and in order.

    Speech that is too short, so quiet that nobody hears it, or without a pause before or after it gives
    no piece. `lines`: when lines of subtitles are shown, in hops.
    """
    if around.last <= around.first or np.percentile(levels[around.first : around.last], 95) < _INAUDIBLE_DB:
        return []
    sounds = _sounds(levels, limits.longest)
    ends = [(0, 0), *sounds, (len(levels), len(levels))]
    phrases = [
        _phrase(before, sound, after, lines, len(levels))
        for (before, sound), (_, after) in pairwise(pairwise(ends))
        if _belongs(sound, around, len(levels))
    ]
    return _cheapest(phrases, limits)


def _sounds(levels: Levels, longest: int) -> list[Hops]:
    """What sounds between pauses; where nothing pauses for too long, quiet is what is quiet there."""
    found = _between_pauses(levels)
    return [
        (a + first, a + last)
        for a, b in found
        for first, last in (_between_pauses(levels[a:b]) if b - a > longest else [(0, b - a)])
    ]


def _between_pauses(levels: Levels) -> list[Hops]:
    still = quiet(levels, _QUIET)
    for a, b in runs(still):
        if b - a < _GAP * HOPS_PER_SECOND and a > 0 and b < len(still):
            still[a:b] = False
    return runs(~still)


def _belongs(sound: Hops, around: Around, count: int) -> bool:
    """Whether a phrase is the turn's, and whole."""
    first, last = sound
    if (first == 0 and not around.from_start) or (last == count and not around.to_end):
        return False
    beyond = max(0, around.low - first) + max(0, last - around.high)
    return first < around.last and last > around.first and beyond <= _NEIGHBOURS * (last - first)


def _phrase(before: Hops, sound: Hops, after: Hops, lines: Sequence[Hops], count: int) -> _Phrase:
    """The silence between two phrases is halved where both cannot have all they want of it."""
    pad = round(PAD * HOPS_PER_SECOND)
    first, last = sound
    left, right = first - before[1], after[0] - last
    return _Phrase(
        first=first,
        last=last,
        begin=first - min(pad, left // 2 if before[1] else left),
        end=last + min(pad, right // 2 if after[0] < count else right),
        beginning=_price(before[1], first, lines) / 2 if before[1] else 0.0,
        ending=_price(last, after[0], lines) / 2 if after[0] < count else 0.0,
        silence=left / HOPS_PER_SECOND,
    )


def _price(first: int, last: int, lines: Sequence[Hops]) -> float:
    """What it costs to cut in a silence: little in a long one, less where a line ends, more within a line."""
    seconds, near = (last - first) / HOPS_PER_SECOND, _AT_LINE * HOPS_PER_SECOND
    price = 0.1 + max(0.0, 0.6 - seconds) if seconds >= _PAUSE else 1.5
    if any(first - near <= edge <= last + near for line in lines for edge in line):
        return price / 2
    return price + 0.5 * any(begin < first and last < end for begin, end in lines)


def _cheapest(phrases: Sequence[_Phrase], limits: Limits) -> list[Hops]:
    """Pieces of phrases that follow each other, which together cost least; the rest is given up."""
    best, back = [0.0], [-1]
    for count, latest in enumerate(phrases, start=1):
        best.append(best[-1] + _GIVEN_UP * (latest.last - latest.first) / HOPS_PER_SECOND)
        back.append(-1)
        inside = 0.0
        for i in range(count - 1, -1, -1):
            length = latest.end - phrases[i].begin
            if length > limits.longest:
                break
            price = best[i] + phrases[i].beginning + inside + latest.ending
            if length >= limits.shortest and price < best[count]:
                best[count], back[count] = price, i
            inside += 2 * max(0.0, phrases[i].silence - _LONG_PAUSE)
    pieces, count = [], len(phrases)
    while count:
        if back[count] >= 0:
            pieces.append((phrases[back[count]].begin, phrases[count - 1].end))
        count = back[count] if back[count] >= 0 else count - 1
    return pieces[::-1]
