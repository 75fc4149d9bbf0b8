"""From the library's answer to turns: pure arithmetic, no sound, no files.

Where several speak at once the library's exclusive answer picks one of them, since a transcript wants each word
once. Here exclusive turns are what trains a voice, so what is shared is left out of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from containers.contract.stages import Segment, Turn

Spoken = tuple[float, float, str]
"""Start, end, and whatever name the library gave."""


@dataclass(frozen=True, kw_only=True)
class Taken:
    turns: tuple[Turn, ...]
    exclusive: tuple[Turn, ...]
    overlap: tuple[Segment, ...]


def taken(turns: Iterable[Spoken], exclusive: Iterable[Spoken], length: float) -> Taken:
    """Turns in milliseconds, inside `length` seconds, of SPEAKER_00 ... by first appearance; overlap is where two
    of them speak."""
    clean, sole = _within(turns, length), _within(exclusive, length)
    names = {name: f"SPEAKER_{rank:02}" for rank, name in enumerate(dict.fromkeys(name for *_, name in clean))}
    shared = _united(span for span, voices in _stretches(clean) if len(voices) > 1)
    alone = [(*span, voices[0]) for span, voices in _stretches(sole) if len(voices) == 1 and voices[0] in names]
    left = [Turn(start=a, end=b, speaker=names[name]) for a, b, name in _joined(_outside(alone, shared))]
    return Taken(
        turns=tuple(sorted(Turn(start=a, end=b, speaker=names[name]) for a, b, name in clean)),
        exclusive=tuple(left),
        overlap=tuple(Segment(start=a, end=b) for a, b in shared),
    )


def _within(turns: Iterable[Spoken], length: float) -> list[Spoken]:
    rounded = [(max(0.0, round(start, 3)), min(round(end, 3), length), name) for start, end, name in turns]
    return sorted(each for each in rounded if each[1] > each[0])


def _stretches(turns: Sequence[Spoken]) -> list[tuple[tuple[float, float], list[str]]]:
    """Each stretch in which the same people speak, and who they are."""
    edges = sorted({edge for start, end, _ in turns for edge in (start, end)})
    starting: dict[float, list[Spoken]] = {}
    for turn in turns:
        starting.setdefault(turn[0], []).append(turn)
    found, speaking = [], []
    for start, end in pairwise(edges):
        speaking = [turn for turn in speaking if turn[1] > start] + starting.get(start, [])
        if speaking:
            found.append(((start, end), sorted({name for *_, name in speaking})))
    return found


def _united(spans: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    united: list[tuple[float, float]] = []
    for start, end in spans:
        if united and start == united[-1][1]:
            united[-1] = (united[-1][0], end)
        else:
            united.append((start, end))
    return united


def _joined(turns: Iterable[Spoken]) -> list[Spoken]:
    joined: list[Spoken] = []
    for start, end, name in turns:
        if joined and joined[-1][1] == start and joined[-1][2] == name:
            joined[-1] = (joined[-1][0], end, name)
        else:
            joined.append((start, end, name))
    return joined


def _outside(turns: Sequence[Spoken], shared: Sequence[tuple[float, float]]) -> list[Spoken]:
    """Turns without what is shared; both in order of time."""
    left, first = [], 0
    for start, end, name in turns:
        while first < len(shared) and shared[first][1] <= start:
            first += 1
        at = start
        for begin, stop in shared[first:]:
            if begin >= end:
                break
            if begin > at:
                left.append((at, begin, name))
            at = max(at, stop)
        if at < end:
            left.append((at, end, name))
    return left
