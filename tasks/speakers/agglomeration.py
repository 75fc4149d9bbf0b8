"""Agglomeration: groups of vectors joined bottom-up, nearest pair first, some pairs never.

How near two groups are is the mean cosine between them over the mean cosine
within them: music and short clips lower both alike, so one threshold serves
quiet and loud scenes (average linkage, normalised). Only pairs that are near
from the start can meet, so memory is rows x dimension plus those pairs, and
not rows x rows.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

Figures = NDArray[np.float64]

SLACK = 0.1
"""How much nearer than any two of its members two groups can get, since what is within them changes as they grow."""
NEIGHBOURS = 128
"""Pairs kept of each row, the nearest; a voice is heard in about as many episodes."""
BLOCK = 512
"""Rows compared with all others at once."""
PAIRS = 3
"""Pairs of the usual likeness that a group is given, so that a few clips do not claim to know their own."""


class Groups:
    """Sums of unit vectors, how many each is of, and the mean cosine within each.

    `within`: what is assumed of a group with too few vectors to say.
    """

    def __init__(self, totals: Figures, counts: Figures, within: float) -> None:
        self.totals, self.counts, self._usual = totals.copy(), counts.astype(np.float64), within
        squares = np.einsum("ij,ij->i", totals, totals)
        self.within = self._within(squares, self.counts)

    def near(self, row: int, others: NDArray[np.int_]) -> Figures:
        """How near a row is to others: float64 (others,)."""
        between = self.totals[others] @ self.totals[row] / (self.counts[others] * self.counts[row])
        near: Figures = between / np.sqrt(self.within[others] * self.within[row])
        return near

    def merge(self, row: int, other: int) -> None:
        self.totals[row] += self.totals[other]
        self.counts[row] += self.counts[other]
        square = self.totals[row] @ self.totals[row]
        self.within[row] = self._within(np.array([square]), self.counts[row : row + 1])[0]

    def _within(self, squares: Figures, counts: Figures) -> Figures:
        pairs = counts * (counts - 1)
        within: Figures = np.maximum((squares - counts + PAIRS * self._usual) / (pairs + PAIRS), 0.1)
        return within


def agglomerate(
    groups: Groups, join: float, nodes: Sequence[int], fixed: Sequence[bool], apart: Iterable[tuple[int, int]] = ()
) -> list[list[int]]:
    """Rows as groups, each sorted; pairs from `join` on are joined, nearest first. Changes `groups`.

    `nodes`: who a row surely is; rows of one node share its bans. `apart`: pairs of nodes never to be
    joined. `fixed`: two such rows stay apart, whoever they are.
    """
    rules = _Bans(nodes, fixed, apart)
    members = [[row] for row in range(len(nodes))]
    near = neighbours(groups, join - SLACK)
    stamps = [0] * len(nodes)
    heap: list[tuple[float, int, int, int, int]] = []

    def push(row: int, others: NDArray[np.int_]) -> None:
        for other, value in zip(others.tolist(), groups.near(row, others).tolist(), strict=True):
            if value >= join and rules.allow(row, other):
                i, j = min(row, other), max(row, other)
                heapq.heappush(heap, (-value, i, j, stamps[i], stamps[j]))

    for row, others in enumerate(near):
        later = np.array(sorted(other for other in others if other > row), int)
        push(row, later)
    while heap:
        _, i, j, stamp, other_stamp = heapq.heappop(heap)
        if not (members[i] and members[j]) or (stamps[i], stamps[j]) != (stamp, other_stamp) or not rules.allow(i, j):
            continue
        if fixed[j]:
            i, j = j, i
        members[i] += members[j]
        members[j] = []
        groups.merge(i, j)
        rules.merge(i, j)
        stamps[i] += 1
        near[i] |= near[j]
        near[i] -= {i, j}
        for other in near[j]:
            near[other].discard(j)
            if other != i:
                near[other].add(i)
        near[j] = set()
        push(i, np.array(sorted(near[i]), int))
    return [sorted(group) for group in members if group]


def neighbours(groups: Groups, least: float) -> list[set[int]]:
    """For each row the others that are as near as `least`, the nearest NEIGHBOURS of them; both ways."""
    found: list[set[int]] = [set() for _ in groups.counts]
    scaled = groups.totals / (groups.counts * np.sqrt(groups.within))[:, None]
    scaled = scaled.astype(np.float32)
    for first in range(0, len(scaled), BLOCK):
        near = scaled[first : first + BLOCK] @ scaled.T
        for offset, row in enumerate(near):
            row[first + offset] = -1.0
            others = np.flatnonzero(row >= least)
            if len(others) > NEIGHBOURS:
                others = others[np.argpartition(-row[others], NEIGHBOURS)[:NEIGHBOURS]]
            found[first + offset].update(others.tolist())
    for index, near_by in enumerate(found):
        for other in near_by:
            found[other].add(index)
    return found


class _Bans:
    """Who may not be joined to whom; grows as rows are."""

    def __init__(self, nodes: Sequence[int], fixed: Sequence[bool], apart: Iterable[tuple[int, int]]) -> None:
        self._nodes, self._fixed = list(nodes), list(fixed)
        self._banned: dict[int, set[int]] = {}
        for one, other in apart:
            self._ban(one, other)

    def allow(self, row: int, other: int) -> bool:
        both = self._fixed[row] and self._fixed[other]
        return not both and self._nodes[other] not in self._banned.get(self._nodes[row], ())

    def merge(self, row: int, other: int) -> None:
        for each in self._banned.get(self._nodes[other], set()).copy():
            self._ban(self._nodes[row], each)

    def _ban(self, one: int, other: int) -> None:
        self._banned.setdefault(one, set()).add(other)
        self._banned.setdefault(other, set()).add(one)
