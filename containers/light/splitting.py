"""Where to cut a stretch of speech: pieces neither too long nor too short, cut where it rests.

Every possible cut has a price in seconds of speech one would give for not
making it; the cheapest way through the stretch is found by going over the cuts
once (dynamic programming). Levels in, hops out: no sound is read here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .pauses import HOPS_PER_SECOND, Levels, quiet, runs, smoothed

PAD = 0.12
"""Seconds of silence kept around speech: room for a breath and for a soft start."""

_PAUSE = 0.2
"""Seconds from which silence is a pause; shorter ones may be the closure of a consonant (っ, t, k)."""
_GAP = 0.08
_LONG_PAUSE = 0.7
"""Seconds of silence that do not belong inside a clip."""
_RUNNING = 1.5
"""Price of a piece that begins or ends while speech is running."""
_SPOT_EVERY = 0.5
_INAUDIBLE_DB = -65.0

Still = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Shortest and longest piece, in hops."""

    shortest: int
    longest: int


@dataclass(frozen=True, kw_only=True)
class _Cut:
    """A place to cut, in hops: what comes before ends at `end`, what follows begins at `begin`.

    `price` is paid for cutting here, `inside` for having this place inside a piece, `edge` for a
    kept piece that begins or ends here (the ends of the stretch, when speech is running there).
    """

    end: int
    begin: int
    price: float = 0.0
    inside: float = 0.0
    edge: float = 0.0


def split(levels: Levels, first: int, last: int, limits: Limits) -> list[tuple[int, int]]:
    """Pieces of the turn at `levels[first:last]` as (first hop, one past the last).

    What lies outside `first..last` is room: a soft start or end may reach into it, and the silence
    kept around speech. Speech that is too short, or so quiet that nobody hears it, gives no piece.
    """
    if last <= first or np.percentile(levels[first:last], 95) < _INAUDIBLE_DB:
        return []
    still = quiet(levels)
    low = first - _reach(still[:first][::-1], running=not still[first])
    high = last + _reach(still[last:], running=not still[last - 1])
    own = still[low:high]
    if own.all():  # nothing stands out: a held note, or noise; no silence can be told from it
        own = np.zeros_like(own)
    pieces = _cheapest(_cuts(levels[low:high], own, limits), limits)
    return [(low + a, low + b) for a, b in pieces]


def _reach(room: Still, running: bool) -> int:
    """Hops of the room beside a turn that are its own: its soft end, and silence up to the next sound.

    `room[0]` is the hop next to the turn; `running` says that the turn is loud where it meets the room.
    A sound that runs through all the room belongs to somebody else.
    """
    loud = runs(~room)
    if running and loud and loud[0][0] == 0:
        if loud[0][1] == len(room):
            return 0
        loud = loud[1:]
    return loud[0][0] if loud else len(room)


def _cuts(levels: Levels, still: Still, limits: Limits) -> list[_Cut]:
    pad = round(PAD * HOPS_PER_SECOND)
    silences = runs(still)
    smooth = smoothed(levels, 5)
    start = max(silences[0][1] - pad, 0) if still[0] else 0
    stop = min(silences[-1][0] + pad, len(still)) if still[-1] else len(still)
    between = []
    for a, b in silences:
        if a > 0 and b < len(still) and b - a >= _GAP * HOPS_PER_SECOND:
            end, begin = a + pad, b - pad
            if begin < end:
                aside = (b - a) // 4
                end = begin = a + aside + int(np.argmin(smooth[a + aside : b - aside]))
            between.append(_pause(end, begin, (b - a) / HOPS_PER_SECOND))
    if stop - start > limits.longest:
        between = sorted(between + _spots(smooth, still, (start, stop), limits), key=lambda cut: cut.end)
    opening = _Cut(end=start, begin=start, edge=0.0 if still[0] else _RUNNING)
    closing = _Cut(end=stop, begin=stop, edge=0.0 if still[-1] else _RUNNING)
    return [opening, *between, closing]


def _pause(end: int, begin: int, seconds: float) -> _Cut:
    price = 0.1 + max(0.0, 0.6 - seconds) if seconds >= _PAUSE else 1.5
    return _Cut(end=end, begin=begin, price=price, inside=2 * max(0.0, seconds - _LONG_PAUSE))


def _spots(smooth: Levels, still: Still, span: tuple[int, int], limits: Limits) -> list[_Cut]:
    """The quietest place of each half second: the last resort for speech without a pause."""
    start, stop = span
    every = max(1, min(round(_SPOT_EVERY * HOPS_PER_SECOND), limits.longest // 3))
    floor, top = smooth[start:stop].min(), smooth[start:stop].max()
    found = []
    for a in range(start + 1, stop - 1, every):
        at = a + int(np.argmin(smooth[a : min(a + every, stop - 1)]))
        height = (smooth[at] - floor) / max(top - floor, 1e-9)
        if not still[at]:
            found.append(_Cut(end=at, begin=at, price=3 + 5 * float(height)))
    return found


def _cheapest(cuts: list[_Cut], limits: Limits) -> list[tuple[int, int]]:
    """Pieces between the cuts that together cost least; a piece that is too short is given up for its length."""
    best, back = [0.0] + [np.inf] * (len(cuts) - 1), [0] * len(cuts)
    for j in range(1, len(cuts)):
        inside = 0.0
        for i in range(j - 1, -1, -1):
            length = cuts[j].end - cuts[i].begin
            if length > limits.longest:
                break
            price = best[i] + cuts[j].price + _piece(length, inside, cuts[i].edge + cuts[j].edge, limits)
            if price < best[j]:
                best[j], back[j] = price, i
            inside += cuts[i].inside
    pieces = []
    j = len(cuts) - 1
    while j > 0:
        i = back[j]
        if cuts[j].end - cuts[i].begin >= limits.shortest:
            pieces.append((cuts[i].begin, cuts[j].end))
        j = i
    return pieces[::-1]


def _piece(length: int, inside: float, edges: float, limits: Limits) -> float:
    if length < limits.shortest:
        return 2.0 * max(length, 0) / HOPS_PER_SECOND
    return inside + edges
