"""Stage cut: exclusive turns become clips of a few seconds, cut where the voice rests.

Two passes, so memory stays flat: levels of the whole stem first (100 numbers a
second), from which every cut is planned; then clip by clip the samples are
read, faded, written and measured. What a clip is worth is decided by the house.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import soundfile

from containers.contract.errors import RequestError
from containers.contract.item import Item
from containers.contract.stages import Clip, CutRequest, CutResult, Segment, Turn

from .audio import Samples, duration, mono, read, unpacked
from .clip_files import faded, readable, write_pcm16
from .measuring import measure
from .pauses import Levels, hop_samples, levels_of_file
from .rests_in_overlap import without_rests
from .splitting import Around, Limits, split

JOINED_WITHIN = 0.4
"""Seconds of silence over which two turns of one speaker are one stretch of speech."""
ROOM = 0.5
"""Seconds beside a turn in which its sounds may begin and end, where nobody else speaks."""
BEYOND = 0.25
"""Seconds of the neighbour's time that are looked at as well: diarization is rarely nearer to a change."""
_PLANNED = 0.15  # share of the work that is done when the cuts are known


@dataclass(frozen=True, kw_only=True)
class Span:
    """Samples of a clip to be, and who speaks."""

    first: int
    last: int
    speaker: str


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """One speaker's speech in seconds; low..high: its own room, in which nobody else speaks; sound is looked
    at from `since` to `until`, never where two speak at once."""

    start: float
    end: float
    low: float
    high: float
    since: float
    until: float
    speaker: str


def cut(request: CutRequest, item: Item) -> CutResult:
    if not 0 < request.min_seconds < request.max_seconds:
        raise RequestError(f"clips of {request.min_seconds} to {request.max_seconds} s cannot be; give min < max")
    vocals = item.input(request.vocals)
    background = item.input(request.background) if request.background else None
    with readable(vocals):
        rate = soundfile.info(vocals).samplerate
        with unpacked(vocals, item.path) as plain:
            levels = levels_of_file(plain)
            item.progress(_PLANNED)
            spans = list(plan(request, levels, rate))
            clips = []
            for count, span in enumerate(spans, 1):
                clips.append(_clip(span, plain, background, rate, item))
                item.progress(_PLANNED + (1 - _PLANNED) * count / len(spans))
    return CutResult(clips=tuple(clips))


def plan(request: CutRequest, levels: Levels, rate_hz: int) -> Iterator[Span]:
    """What to cut, in order of time, from the turns and the stem's levels alone."""
    hop = hop_samples(rate_hz)
    limits = Limits(
        shortest=math.ceil(request.min_seconds * rate_hz / hop - 1e-9),
        longest=math.floor(request.max_seconds * rate_hz / hop + 1e-9),
    )
    for stretch in stretches(*without_rests(request.turns, request.overlap, levels)):
        since = math.ceil(stretch.since * rate_hz / hop - 1e-6)
        until = min(math.floor(stretch.until * rate_hz / hop + 1e-6), len(levels))

        def hops(seconds: float, since: int = since, until: int = until) -> int:
            return min(max(round(seconds * rate_hz / hop), since), until) - since

        around = Around(
            first=hops(stretch.start),
            last=hops(stretch.end),
            low=hops(stretch.low),
            high=hops(stretch.high),
            from_start=since == 0,
            to_end=until == len(levels),
        )
        lines = [(hops(cue.start), hops(cue.end)) for cue in request.cues if cue.end > stretch.since]
        for a, b in split(levels[since:until], around, limits, lines):
            yield Span(first=(since + a) * hop, last=(since + b) * hop, speaker=stretch.speaker)


def stretches(turns: Iterable[Turn], overlap: Iterable[Segment]) -> list[Stretch]:
    """Turns without what two people say at once, neighbours of one speaker joined, each with its room."""
    ordered = sorted(turns)
    shared = _shared(ordered, overlap)
    alone = sorted(piece for turn in ordered for piece in _without(turn, shared))
    joined: list[Turn] = []
    for turn in alone:
        if joined and _joins(joined[-1], turn, shared):
            joined[-1] = Turn(start=joined[-1].start, end=turn.end, speaker=turn.speaker)
        else:
            joined.append(turn)
    return [_with_room(joined, index, shared) for index in range(len(joined))]


def _shared(ordered: list[Turn], overlap: Iterable[Segment]) -> list[Segment]:
    """Where more than one speaks: the overlap as told, and wherever two turns meet; apart, in order."""
    found = list(overlap)
    for index, turn in enumerate(ordered):
        for other in ordered[index + 1 :]:
            if other.start >= turn.end:
                break
            found.append(Segment(start=other.start, end=min(turn.end, other.end)))
    merged: list[Segment] = []
    for each in sorted(found):
        if merged and each.start <= merged[-1].end:
            merged[-1] = Segment(start=merged[-1].start, end=max(merged[-1].end, each.end))
        else:
            merged.append(each)
    return merged


def _without(turn: Turn, shared: list[Segment]) -> Iterator[Turn]:
    start = turn.start
    for each in shared:
        if each.end <= start or each.start >= turn.end:
            continue
        if each.start > start:
            yield Turn(start=start, end=each.start, speaker=turn.speaker)
        start = each.end
    if start < turn.end:
        yield Turn(start=start, end=turn.end, speaker=turn.speaker)


def _joins(before: Turn, after: Turn, shared: list[Segment]) -> bool:
    near = before.speaker == after.speaker and after.start - before.end < JOINED_WITHIN
    return near and not any(each.start < after.start and each.end > before.end for each in shared)


def _with_room(ordered: list[Turn], index: int, shared: list[Segment]) -> Stretch:
    """Room up to the middle of the silence to the next stretch, sight a little beyond; neither into shared speech."""
    turn = ordered[index]
    low, high = turn.start - ROOM, turn.end + ROOM
    if index:
        low = max(low, (ordered[index - 1].end + turn.start) / 2)
    if index + 1 < len(ordered):
        high = min(high, (turn.end + ordered[index + 1].start) / 2)
    least = max([0.0, *(each.end for each in shared if each.end <= turn.start)])
    most = min([math.inf, *(each.start for each in shared if each.start >= turn.end)])
    return Stretch(
        start=turn.start,
        end=turn.end,
        low=max(low, least),
        high=min(high, most),
        since=max(low - BEYOND, least),
        until=min(high + BEYOND, most),
        speaker=turn.speaker,
    )


def _clip(span: Span, vocals: Path, background: Path | None, rate: int, item: Item) -> Clip:
    start, end = span.first / rate, span.last / rate
    samples = faded(mono(read(vocals, start, end)[0]), rate)
    path = write_pcm16(item.output(f"clips/{round(start * 1000):08d}.flac"), samples, rate)
    behind = _behind(background, start, end) if background else None
    return Clip(
        file=item.file(path), start=start, end=end, speaker=span.speaker, measurements=measure(samples, rate, behind)
    )


def _behind(background: Path, start: float, end: float) -> Samples | None:
    with readable(background):
        if start >= duration(background):
            return None
        return mono(read(background, start, end)[0])
