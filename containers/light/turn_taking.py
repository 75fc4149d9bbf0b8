"""From speech and a speaker for each moment of it to turns: pure arithmetic, no sound, no files.

Overlap is a guess from how people take turns: this engine has no network that
hears two voices at once. Where the speaker changes without a pause between
them (measured on made conversations with known overlap: four in five of the
real overlaps lie at such a change, a quarter to half of such changes are
overlaps), a short stretch around the change is called overlap and left out of
the exclusive turns, which is what training uses. The turns themselves meet in
its middle: the guess is good enough to leave a second out, not to claim it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from containers.contract.stages import Segment, Turn

BREATH = 0.3
"""Seconds: a shorter pause of one speaker does not end the turn."""
SHARED = 0.3
"""Seconds on either side of a change without a pause that are taken for both speakers'."""
SHORTEST = 0.1
"""Seconds: nothing shorter is called a turn."""
_SEARCH = 0.4
"""Seconds on either side of a change in which its pause is looked for: half a narrow window."""
_PAUSE_DB = 25.0
"""How far under the loud parts of the speech a pause lies."""


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """One speaker's stretch of speech; `pressed`: the next speaker follows it without a pause."""

    start: float
    end: float
    speaker: int
    pressed: bool = False


@dataclass(frozen=True, kw_only=True)
class Taken:
    turns: tuple[Turn, ...]
    exclusive: tuple[Turn, ...]
    overlap: tuple[Segment, ...]


def stretches(
    start: float, end: float, path: Sequence[int], borders: NDArray[np.float64], level_db: NDArray[np.float64]
) -> list[Stretch]:
    """A segment of speech parted where `path` (a speaker a step) changes.

    `borders` are the times between the steps, `level_db` the level of each 10 ms of the segment. A
    change is moved to the pause near it, if there is one.
    """
    found: list[Stretch] = []
    first, speaker = start, int(path[0])
    for step in np.flatnonzero(np.diff(path)):
        at, pause = _pause_near(float(borders[step]) - start, level_db)
        cut = start + at
        if cut > end - SHORTEST:
            break
        if cut >= first + SHORTEST:
            found.append(Stretch(start=first, end=cut, speaker=speaker, pressed=not pause))
            first = cut
        speaker = int(path[step + 1])
    return [*found, Stretch(start=first, end=end, speaker=speaker)]


def take_turns(stretches_: Sequence[Stretch]) -> Taken:
    """Turns named SPEAKER_00 ... by first appearance, in milliseconds, with overlap and without."""
    joined = _joined(stretches_)
    names = {speaker: f"SPEAKER_{rank:02}" for rank, speaker in enumerate(dict.fromkeys(s.speaker for s in joined))}
    shared = [0.0, *(_shared(one, other) for one, other in pairwise(joined)), 0.0]
    turns, exclusive, overlap = [], [], []
    for index, each in enumerate(joined):
        before, after, name = shared[index], shared[index + 1], names[each.speaker]
        turns += _turn(each.start, each.end, name)
        exclusive += _turn(each.start + before, each.end - after, name)
        if after:
            overlap.append(Segment(start=round(each.end - after, 3), end=round(each.end + after, 3)))
    return Taken(turns=tuple(turns), exclusive=tuple(exclusive), overlap=tuple(overlap))


def _pause_near(at: float, level_db: NDArray[np.float64]) -> tuple[float, bool]:
    """The quietest moment within reach of `at` (seconds from the segment's start), if it is a pause; else `at`."""
    smooth = np.convolve(level_db, np.ones(5) / 5, "same")
    low = max(2, round((at - _SEARCH) * 100))
    high = min(len(smooth) - 2, round((at + _SEARCH) * 100))
    if high <= low:
        return at, False
    quietest = low + int(smooth[low:high].argmin())
    if smooth[quietest] <= np.percentile(smooth, 75) - _PAUSE_DB:
        return quietest / 100, True
    return at, False


def _joined(parts: Sequence[Stretch]) -> list[Stretch]:
    joined: list[Stretch] = []
    for part in parts:
        if joined and joined[-1].speaker == part.speaker and part.start - joined[-1].end <= BREATH:
            joined[-1] = replace(joined[-1], end=part.end, pressed=part.pressed)
        else:
            joined.append(part)
    return joined


def _shared(one: Stretch, other: Stretch) -> float:
    if not one.pressed or other.speaker == one.speaker:
        return 0.0
    return round(min(SHARED, (one.end - one.start) / 2, (other.end - other.start) / 2), 3)


def _turn(start: float, end: float, speaker: str) -> list[Turn]:
    first, last = round(start, 3), round(end, 3)
    return [Turn(start=first, end=last, speaker=speaker)] if last - first > SHORTEST / 2 else []
