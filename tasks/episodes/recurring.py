"""Recurring segments: what an opening, an ending, an eyecatch and a recap are, and what of them is no new speech.

The same sound in two episodes is no reason to leave anything out: one piece of
music lies under many scenes. What is left out must have the same voice as well,
heard in the vocals stem at the same time; and of what was spoken, the first time
stays. Decides from fingerprints; finding is `recurrence`, files are `recurring_files`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

import numpy as np

from tasks.domain import Segment
from tasks.episodes.recurrence import ALIKE, WINDOW, Flags, Group, Place, Words, difference, runs, smoothed

Name = Literal["opening", "ending", "recap", "eyecatch", "recurring"]

VOICE_WINDOW = 8
VOICE_ALIKE = 0.26
"""Share of bits of the vocals' words that may differ over 8 words (1 s). Measured on separated stems with music
from 12 dB under the voice to 6 dB over it: the same speech 0.27 at most (19 in 20: 0.2), other speech 0.29 at least."""
_THEME_SECONDS = (40.0, 150.0)
_THEME_EPISODES = 3
_MUSIC = 0.2
"""Share of bits in which a recording differs from its vocals, from which a theme is music and not a narrator's
prologue: 0.22 to 0.26 of songs with a loud voice, 0.37 of music alone, 0.06 to 0.19 of speech over music."""
_EYECATCH_SECONDS = 15.0
_MOSTLY = 0.75
_SHORTEST_LEFT_OUT = 4
_TOLERATED = 0.5
"""Seconds of a clip that may lie outside what recurs: padding, and words that also hear what comes before."""


@dataclass(frozen=True, kw_only=True)
class Heard:
    """The fingerprints of an episode: of its recording and of its vocals, one word each `hop` seconds."""

    key: str
    recording: Words
    vocals: Words
    hop: float

    @property
    def duration(self) -> float:
        return len(self.recording) * self.hop


@dataclass(frozen=True, kw_only=True)
class RecurringSegment:
    """A stretch of an episode that recurs. `lag`: its seconds minus those of the same sound in the group's first
    segment. `left_out`: of it, what is no new speech, in seconds of the episode."""

    episode: str
    start: float
    end: float
    lag: float
    left_out: tuple[Segment, ...]


@dataclass(frozen=True, kw_only=True)
class RecurringGroup:
    """Segments with the same sound; the first is what the others were compared with. `why`: the rule for its name."""

    id: str
    name: Name
    why: str
    segments: tuple[RecurringSegment, ...]


def describe(groups: Sequence[Group], heard: Sequence[Heard]) -> tuple[RecurringGroup, ...]:
    """Names and what is left out, for groups of places in `heard`; `recurrence` numbers episodes in that order."""
    return tuple(_described(number, group, heard) for number, group in enumerate(groups, start=1))


def _described(number: int, group: Group, heard: Sequence[Heard]) -> RecurringGroup:
    hop = heard[group.places[0].episode].hop
    name, why = name_of(group, heard)
    theme = name in ("opening", "ending") and music_under(group, heard) >= _MUSIC
    again = _again(group, heard, every=theme)
    segments = tuple(
        RecurringSegment(
            episode=heard[place.episode].key,
            start=round(place.first * hop, 3),
            end=round(place.last * hop, 3),
            lag=round(place.shift * hop, 3),
            left_out=tuple(
                Segment(start=round((place.first + first) * hop, 3), end=round((place.first + last) * hop, 3))
                for first, last in runs(flags)
                if last - first >= _SHORTEST_LEFT_OUT
            ),
        )
        for place, flags in zip(group.places, again, strict=True)
    )
    return RecurringGroup(id=f"R{number:03d}", name=name, why=why, segments=segments)


def _again(group: Group, heard: Sequence[Heard], *, every: bool) -> list[Flags]:
    """For each place, which of its words are no new speech: the same voice was heard before, in the order of
    the episodes' keys, or (`every`) is heard in any other place."""
    low = min(place.first - place.shift for place in group.places)
    high = max(place.last - place.shift for place in group.places)
    same = np.zeros((len(group.places), high - low), bool)
    for row, place in zip(same, group.places, strict=True):
        begin = place.first - place.shift - low
        row[begin : begin + place.last - place.first] = same_voice(place, group.places[0], heard)
    story = sorted(range(len(same)), key=lambda each: (heard[group.places[each].episode].key, group.places[each]))
    found: dict[int, Flags] = {}
    before = np.zeros(high - low, bool)
    for index in story:
        others = same.sum(axis=0) > 1 if every else before
        found[index] = same[index] & others
        before = before | same[index]
    return [_cut_out(found[index], place, low) for index, place in enumerate(group.places)]


def _cut_out(flags: Flags, place: Place, low: int) -> Flags:
    begin = place.first - place.shift - low
    return flags[begin : begin + place.last - place.first]


def same_voice(place: Place, first: Place, heard: Sequence[Heard]) -> Flags:
    """Which words of a place have the sound and the voice of the group's first place."""
    here, there = heard[place.episode], heard[first.episode]
    sound = smoothed(difference(here.recording, there.recording, place.shift), WINDOW, empty=0.0)
    voice = smoothed(difference(here.vocals, there.vocals, place.shift), VOICE_WINDOW, empty=0.0)
    flags: Flags = ((sound < ALIKE) & (voice < VOICE_ALIKE))[place.first : place.last]
    return flags


def name_of(group: Group, heard: Sequence[Heard]) -> tuple[Name, str]:
    """What a group is called, and the rule for it in a sentence with its figures."""
    spans = [(place.first / _words(place, heard), place.last / _words(place, heard)) for place in group.places]
    seconds = median((place.last - place.first) * heard[place.episode].hop for place in group.places)
    count = len({place.episode for place in group.places})
    told = f"{seconds:.0f} s in {count} episodes"
    if count >= _THEME_EPISODES and _THEME_SECONDS[0] <= seconds <= _THEME_SECONDS[1]:
        if _share([start <= 0.4 for start, _ in spans]) >= _MOSTLY:
            return "opening", f"{told}, mostly in the first two fifths"
        if _share([end >= 0.7 for _, end in spans]) >= _MOSTLY:
            return "ending", f"{told}, mostly in the last third"
    middle = _share([0.3 <= (start + end) / 2 <= 0.7 for start, end in spans])
    if count >= _THEME_EPISODES and seconds <= _EYECATCH_SECONDS and middle >= _MOSTLY:
        return "eyecatch", f"{told}, mostly in the middle"
    story = sorted(zip([heard[place.episode].key for place in group.places], spans, strict=True))
    later = [start for key, (start, _) in story if key != story[0][0]]
    if count <= _THEME_EPISODES and later and max(later) <= 0.2:
        return "recap", f"{told}, in the first fifth of each but the first"
    return "recurring", told


def music_under(group: Group, heard: Sequence[Heard]) -> float:
    """Share of bits in which recording and vocals differ, over all places: how much else sounds than the voice."""
    shares = [
        difference(heard[place.episode].recording, heard[place.episode].vocals, 0)[place.first : place.last]
        for place in group.places
    ]
    return float(np.nanmean(np.concatenate([np.zeros(1), *shares])))


def _words(place: Place, heard: Sequence[Heard]) -> int:
    return max(1, len(heard[place.episode].recording))


def _share(flags: Sequence[bool]) -> float:
    return sum(flags) / len(flags)


def left_out_by_episode(groups: Sequence[RecurringGroup]) -> dict[str, tuple[tuple[Segment, str], ...]]:
    """Episode -> what is no new speech there, each with a sentence that says why."""
    found: dict[str, list[tuple[Segment, str]]] = {}
    for group in groups:
        for segment in group.segments:
            for each in segment.left_out:
                found.setdefault(segment.episode, []).append((each, f"{group.name} ({group.id}: {group.why})"))
    return {episode: tuple(sorted(each)) for episode, each in found.items()}


def why_recurring(start: float, end: float, left_out: Sequence[tuple[Segment, str]]) -> str | None:
    """Why a clip is no new speech; None if more than half a second of it may be new."""
    new, since, reasons = 0.0, start, [(0.0, "")]
    for each, said in sorted(left_out):
        first, last = max(since, each.start), min(end, each.end)
        if last > first:
            new, since = new + first - since, last
            reasons.append((last - first, said))
    new += end - since
    return max(reasons)[1] if new <= min(_TOLERATED, 0.4 * (end - start)) else None


def places_of(group: RecurringGroup, numbers: Mapping[str, int], hop: float) -> list[Place]:
    """A described group as places again, to go on from."""
    return [
        Place(
            episode=numbers[each.episode],
            first=round(each.start / hop),
            last=round(each.end / hop),
            shift=round(each.lag / hop),
        )
        for each in group.segments
    ]
