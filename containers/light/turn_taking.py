"""From speech and a speaker for each moment of it to turns: pure arithmetic, no sound, no files.

Overlap is a guess: this engine has no network that hears two voices at once.
It is called where the speaker changes without a pause (four in five of real
overlaps lie at such a change, a quarter to half of such changes are overlaps),
and where the voice is more like two people's blend than like one. That is left
out of the exclusive turns, which is what training uses. The turns themselves
meet in the middle of a change: the guess is good enough to leave a second out,
not to claim it for somebody.
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


def take_turns(parts: Sequence[Stretch], blended: Sequence[tuple[float, float]] = ()) -> Taken:
    """Turns named SPEAKER_00 ... by first appearance, in milliseconds; `blended`: where two voices are likely."""
    joined = _joined(parts)
    names = {speaker: f"SPEAKER_{rank:02}" for rank, speaker in enumerate(dict.fromkeys(s.speaker for s in joined))}
    turns = [turn for each in joined for turn in _turn(each.start, each.end, names[each.speaker])]
    overlap = _united([*_changes(joined), *((round(start, 3), round(end, 3)) for start, end in blended)])
    return Taken(
        turns=tuple(turns),
        exclusive=tuple(part for turn in turns for part in _outside(turn, overlap)),
        overlap=tuple(Segment(start=start, end=end) for start, end in overlap),
    )


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


def _changes(joined: Sequence[Stretch]) -> list[tuple[float, float]]:
    """What lies around the changes without a pause, at most half of a stretch."""
    found = []
    for one, other in pairwise(joined):
        if one.pressed and other.speaker != one.speaker:
            reach = min(SHARED, (one.end - one.start) / 2, (other.end - other.start) / 2)
            found.append((round(one.end - reach, 3), round(one.end + reach, 3)))
    return found


def _united(spans: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    united: list[tuple[float, float]] = []
    for start, end in sorted(spans):
        if united and start <= united[-1][1]:
            united[-1] = (united[-1][0], max(end, united[-1][1]))
        elif end > start:
            united.append((start, end))
    return united


def _outside(turn: Turn, overlap: Sequence[tuple[float, float]]) -> list[Turn]:
    """What is left of a turn without the overlap, which is sorted and united."""
    left, start = [], turn.start
    for first, last in overlap:
        if last > start and first < turn.end:
            left += _turn(start, first, turn.speaker)
            start = max(start, last)
    return [*left, *_turn(start, turn.end, turn.speaker)]


def _turn(start: float, end: float, speaker: str) -> list[Turn]:
    first, last = round(start, 3), round(end, 3)
    return [Turn(start=first, end=last, speaker=speaker)] if last - first > SHORTEST / 2 else []
