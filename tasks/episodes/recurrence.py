"""Where the same sound comes back in another episode: fingerprints in, groups of places out.

Every word of an episode is looked up, whole and with each one of its bits
turned over, in a sorted index of the words of earlier episodes; where the words
around a hit agree too, both episodes are laid over each other at that shift and
compared word by word. A place that belongs to a group answers only through the
group's first place, so a further episode costs the same however often its
opening was heard before. Positions are indexes of words, not seconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

Words = NDArray[np.uint32]
Flags = NDArray[np.bool_]

BITS = 32
WINDOW = 16
"""Words (2 s) over which agreement is judged."""
ALIKE = 0.25
"""Share of bits that may differ. Measured over 2 s: the same sound through AAC, MP3 or Opus down to 32 kbit/s, other
levels and any shift has at most 0.12; other sound 0.32 or more; one piece of music under other speech 0.25 or more."""
SHORTEST = 32
"""Words (4 s) of agreement that make a recurrence."""
_BRIDGED = 64
"""Words (8 s) of other sound, such as an announcement, that do not part a recurrence."""
_SAME_PLACE = 0.5
_COMMONEST = 4
"""Times an episode; words more common than that say nothing."""


@dataclass(frozen=True, kw_only=True, order=True)
class Place:
    """A stretch of an episode (its number, words first..last); `shift`: word of it minus the word of the
    group's first place that has the same sound."""

    episode: int
    first: int
    last: int
    shift: int = 0

    def overlaps(self, other: Place) -> bool:
        """Whether both are about the same stretch."""
        shared = min(self.last, other.last) - max(self.first, other.first)
        longest = max(self.last, other.last) - min(self.first, other.first)
        return self.episode == other.episode and shared > _SAME_PLACE * longest


@dataclass(kw_only=True)
class Group:
    """Places with the same sound, the first one being the one that others are compared with."""

    places: list[Place]


@dataclass(frozen=True, kw_only=True)
class Link:
    """The same sound in two episodes, `here` in the one that is looked at, `there` in an earlier one.

    `score`: words that agree, each the less the more of its bits differ."""

    here: Place
    there: Place
    score: float


@dataclass
class Search:
    """Episodes in order of arrival, and what recurs in them so far; `groups` grows as episodes are added."""

    words: Sequence[Words]
    groups: list[Group] = field(default_factory=list)
    _spans: NDArray[np.int64] = field(init=False)
    _every: Words = field(init=False)
    _active: Flags = field(init=False)
    _sorted: Words = field(init=False)
    _order: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        self._spans = np.cumsum([0, *(len(each) for each in self.words)])
        self._every = np.concatenate([np.zeros(0, np.uint32), *self.words])
        self._active = self._every != 0
        self._order = np.argsort(self._every, kind="stable")
        self._sorted = self._every[self._order]
        for group in self.groups:
            for place in group.places[1:]:
                self._retire(place)

    def add(self, episode: int) -> None:
        """Find what of an episode was heard in those before it."""
        taken: list[tuple[Place, Group]] = []
        for link in sorted(self.links(episode), key=lambda each: (-each.score, each.here, each.there)):
            known = next((pair for pair in taken if pair[0].overlaps(link.here)), None)
            if known:
                self._join_earlier(*known, link)
            elif not any(_inside(link.here, place) for place, _ in taken):
                taken.append(self._enter(link))
        for place, _ in taken:
            self._retire(place)

    def _enter(self, link: Link) -> tuple[Place, Group]:
        """The place here in the group of the place there, or in a new group of the two."""
        both = ((place, group) for group in self.groups for place in group.places if place.overlaps(link.there))
        there, group = next(both, (link.there, Group(places=[link.there])))
        if len(group.places) == 1:
            self.groups.append(group)
        shift = there.shift + link.here.first - link.there.first
        place = Place(episode=link.here.episode, first=link.here.first, last=link.here.last, shift=shift)
        group.places.append(place)
        return place, group

    def _join_earlier(self, here: Place, group: Group, link: Link) -> None:
        """A second place of an earlier episode that sounds like one here belongs to its group too."""
        there = link.there
        if not any(place.overlaps(there) for place in group.places):
            shift = here.shift - (link.here.first - there.first)
            place = Place(episode=there.episode, first=there.first, last=there.last, shift=shift)
            group.places.append(place)
            self._retire(place)

    def _retire(self, place: Place) -> None:
        low, high = self._spans[place.episode : place.episode + 2]
        first, last = low + place.first - WINDOW, low + place.last + WINDOW  # words at its edges would find it again
        self._active[max(low, first) : min(high, last)] = False

    def links(self, episode: int) -> Iterator[Link]:
        """The same sound here and in an earlier episode, at any shift; of groups, in their first place only."""
        here, there = self._hits(episode)
        others = np.searchsorted(self._spans, there, side="right") - 1
        shifts = here - (there - self._spans[others])
        for other, shift in sorted(set(zip(others.tolist(), shifts.tolist(), strict=True))):
            shares = difference(self.words[episode], self.words[other], shift)
            for begin, end in agreement(shares):
                first, last = max(begin, shift), min(end, len(self.words[other]) + shift)
                yield Link(
                    here=Place(episode=episode, first=first, last=last),
                    there=Place(episode=other, first=first - shift, last=last - shift),
                    score=float(np.nansum(0.5 - shares[first:last])),
                )

    def _hits(self, episode: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Words of the episode, and places of all words before it, that agree with all around them."""
        own = self.words[episode]
        queries = np.concatenate([own, *(own ^ np.uint32(1 << bit) for bit in range(BITS))])
        positions = np.tile(np.arange(len(own)), BITS + 1)
        order = np.argsort(queries, kind="stable")
        queries, positions = queries[order], positions[order]
        low = np.searchsorted(self._sorted, queries, side="left")
        count = np.searchsorted(self._sorted, queries, side="right") - low
        count[(count > _COMMONEST * len(self.words)) | (own[positions] == 0)] = 0
        ranks = np.repeat(low - np.concatenate([[0], np.cumsum(count)[:-1]]), count) + np.arange(count.sum())
        here, there = np.repeat(positions, count), self._order[ranks]
        usable = (there < self._spans[episode]) & self._active[there]
        here, there = here[usable], there[usable]
        good = self._around(episode, here, there) < ALIKE
        return here[good], there[good]

    def _around(self, episode: int, here: NDArray[np.int64], there: NDArray[np.int64]) -> NDArray[np.float64]:
        """Share of bits that differ in the two seconds around each hit."""
        about = np.arange(WINDOW) - WINDOW // 2
        one = np.clip(self._spans[episode] + here[:, None] + about, 0, len(self._every) - 1)
        two = np.clip(there[:, None] + about, 0, len(self._every) - 1)
        shares: NDArray[np.float64] = np.bitwise_count(self._every[one] ^ self._every[two]).mean(axis=1) / BITS
        return shares


def difference(here: Words, there: Words, shift: int) -> NDArray[np.float64]:
    """Share of bits that differ in each word of `here`, laid over `there` (here i over there i - shift).

    A silent word differs from a sound in half of its bits; nan where both are silent or nothing is there.
    """
    found = np.full(len(here), np.nan)
    first, last = max(0, shift), min(len(here), len(there) + shift)
    if last > first:
        one, two = here[first:last], there[first - shift : last - shift]
        shares = np.bitwise_count(one ^ two) / BITS
        shares[(one == 0) | (two == 0)] = 0.5
        shares[(one == 0) & (two == 0)] = np.nan
        found[first:last] = shares
    return found


def smoothed(shares: NDArray[np.float64], window: int, empty: float) -> NDArray[np.float64]:
    """Mean over the `window` words around each; `empty` where fewer than half of them say anything."""
    said = np.isfinite(shares)
    weight, total = (
        uniform_filter1d(each.astype(np.float64), window, mode="constant")
        for each in (said, np.where(said, shares, 0.0))
    )
    means: NDArray[np.float64] = np.where(weight < 0.49, empty, total / np.maximum(weight, 1e-9))
    return means


def agreement(shares: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Stretches (first word, one past the last) in which two episodes sound the same, of `difference`."""
    joined: list[tuple[int, int]] = []
    for first, last in runs(smoothed(shares, WINDOW, empty=1.0) < ALIKE):
        gap = first - joined[-1][1] if joined else 0
        if joined and gap <= min(_BRIDGED, last - first, joined[-1][1] - joined[-1][0]):
            joined[-1] = (joined[-1][0], last)
        else:
            joined.append((first, last))
    return [(first, last) for first, last in joined if last - first >= SHORTEST]


def runs(flags: Flags) -> list[tuple[int, int]]:
    """Stretches of True as (first, one past the last)."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _inside(place: Place, other: Place) -> bool:
    return min(place.last, other.last) - max(place.first, other.first) > _SAME_PLACE * (place.last - place.first)
