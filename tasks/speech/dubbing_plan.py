"""What a dub decides, from measurements: where a line lies, how loud it is, and what of the episode it replaces.

Nothing of this touches sound. Where nobody speaks, the track is the recording itself and not its background: a
separation takes a little of every song, shout and breath for a voice, and where nothing has to go, nothing should.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from tasks.domain import EpisodeClip, Segment, Turn

Unsaid = Literal["original", "background"]
"""What is heard of dialogue that no line replaces: the original, or only what is behind it."""
Span = tuple[float, float]
PAD_SECONDS = 0.1
"""Around what is replaced: told times of speech are this far off."""
_COVERED_SECONDS = 0.3
"""A turn of which a line covers so much, or half of it, is replaced as a whole: half a sentence in another voice is
worse than none."""
_GAP_SECONDS = 0.25
"""Between two replaced stretches; in less the original would only be heard to flicker."""
_LOUDNESS_RANGE_LU = 6.0
"""So far from the episode's usual may the loudness of a line be: a whisper stays one, what was measured of a cough
does not count."""
_USUAL_LUFS = -23.0
"""EBU R 128; for an episode in which nothing was measured."""
FITS_SECONDS = 0.05
"""A line that is longer than its slot by less has fitted into it."""
SHORT_SECONDS = 0.3
"""A line that is shorter than its slot by more, at its slowest, leaves a rest that is seen."""


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What is known of an episode: its turns and clips, and stretches of song that recur in the series."""

    duration: float
    turns: tuple[Turn, ...]
    clips: tuple[EpisodeClip, ...]
    songs: tuple[Segment, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Replaced:
    """`spans`: where the track is the background; `unsaid`: turns that no line replaces."""

    spans: tuple[Segment, ...]
    unsaid: tuple[Turn, ...]


def replaced(heard: Heard, slots: Sequence[Span], said: Sequence[Span], unsaid: Unsaid) -> Replaced:
    """`slots`: where lines are meant to be; `said`: where they are, which may be longer."""
    wanted = joined([*slots, *said])
    spoken = [turn for turn in heard.turns if not _within(turn, heard.songs)]
    covered = [turn for turn in spoken if _covers(wanted, turn)]
    left = [turn for turn in spoken if turn not in covered]
    whole = [*wanted, *((turn.start, turn.end) for turn in (spoken if unsaid == "background" else covered))]
    padded = joined([(max(0.0, start - PAD_SECONDS), end + PAD_SECONDS) for start, end in whole], _GAP_SECONDS)
    if unsaid == "original":
        padded = _without(padded, [(turn.start, turn.end) for turn in left])
    spans = [(start, min(end, heard.duration)) for start, end in padded]
    return Replaced(
        spans=tuple(Segment(start=round(start, 4), end=round(end, 4)) for start, end in spans if end - start > 0.001),
        unsaid=tuple(left),
    )


def _covers(wanted: Iterable[Span], turn: Turn) -> bool:
    shared = sum(max(0.0, min(end, turn.end) - max(start, turn.start)) for start, end in wanted)
    return shared >= min(_COVERED_SECONDS, (turn.end - turn.start) / 2)


def _within(turn: Turn, songs: Sequence[Segment]) -> bool:
    return any(each.start <= (turn.start + turn.end) / 2 <= each.end for each in songs)


def joined(spans: Iterable[Span], gap: float = 0.0) -> list[Span]:
    """Spans in order, those made one that are no further apart than `gap`."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1] + gap:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def _without(spans: Iterable[Span], taken: Iterable[Span]) -> list[Span]:
    """The spans without what is taken of them."""
    found = list(spans)
    for first, last in joined(taken):
        cut: list[Span] = []
        for start, end in found:
            cut += [(start, min(end, first))] if start < min(end, first) else []
            cut += [(max(start, last), end)] if max(start, last) < end else []
        found = cut
    return found


def placed(start: float, duration: float, episode: float) -> float:
    """Where a line begins: at its start; earlier where the episode would end before it does."""
    return max(0.0, min(start, episode - duration))


def loudness_for(heard: Heard, span: Span) -> tuple[float, str]:
    """LUFS for a line, and of what: the clips of the original dialogue at its place, else all of the episode's."""
    measured = [
        (each, each.measurements.loudness_lufs) for each in heard.clips if each.measurements.loudness_lufs is not None
    ]
    if not measured:
        return _USUAL_LUFS, "usual"
    usual = statistics.median(lufs for _, lufs in measured)
    here = [(lufs, min(each.end, span[1]) - max(each.start, span[0])) for each, lufs in measured]
    here = [(lufs, seconds) for lufs, seconds in here if seconds > 0.2]
    if not here:
        return round(usual, 2), "episode"
    mean = sum(lufs * seconds for lufs, seconds in here) / sum(seconds for _, seconds in here)
    return round(min(max(mean, usual - _LOUDNESS_RANGE_LU), usual + _LOUDNESS_RANGE_LU), 2), "slot"


Fit = Literal["free", "fits", "faster", "slower", "short", "over"]


def fit_of(slot: float | None, duration: float, pace: float) -> Fit:
    """How a line came into its slot; over: it is longer at its fastest, short: a rest is left at its slowest."""
    if slot is None:
        return "free"
    if duration > slot + FITS_SECONDS:
        return "over"
    if slot - duration > SHORT_SECONDS:
        return "short"
    return "fits" if abs(pace - 1) < 0.02 else "faster" if pace > 1 else "slower"
