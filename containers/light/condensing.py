"""Stages condense and restore: a recording without the stretches nobody needs separated, and the stems put back.

What an engine then separates is the recording itself in every segment, so any engine will do, and none of them
knows of it. Between two segments lies a short joint, which fades the sound after the one into the sound before the
next; of the vocals only what lies in a segment is used, faded in and out within it. Stretches may take their vocals
from an earlier recording's stem instead; they are faded in and out in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from containers.contract.errors import RequestError
from containers.contract.item import Item
from containers.contract.stages import (
    JOINT_SECONDS,
    CondenseRequest,
    CondenseResult,
    RestoreRequest,
    Reused,
    Segment,
    SeparateResult,
)

from .audio import decodable
from .earlier import laid_under
from .exact_sum import Integers, Recording, StemWriter, within

_BLOCK = 1 << 19
"""Samples worked on at once."""


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Samples `first` to `last` (exclusive) of a recording, which begin at `place` in the condensed one."""

    first: int
    last: int
    place: int

    @property
    def length(self) -> int:
        return self.last - self.first


def pieces(segments: Sequence[Segment], rate_hz: int, length: int) -> tuple[Piece, ...]:
    """Where segments lie in a recording of `length` samples and in what is left of it.

    >>> two = [Segment(start=0, end=1), Segment(start=3, end=9)]
    >>> [(each.first, each.last, each.place) for each in pieces(two, 100, 500)]
    [(0, 100, 0), (300, 500, 102)]
    """
    found: list[Piece] = []
    place = 0
    for each in segments:
        first, last = round(each.start * rate_hz), min(round(each.end * rate_hz), length)
        if last <= first or (found and first <= found[-1].last):
            raise RequestError(
                f"segments lie in the recording, in order and apart; {each.start} to {each.end} s does not "
                f"(it has {length / rate_hz:.3f} s)"
            )
        found.append(Piece(first=first, last=last, place=place))
        place += last - first + joint(rate_hz)
    return tuple(found)


def joint(rate_hz: int) -> int:
    """Samples between two segments."""
    return round(JOINT_SECONDS * rate_hz)


def condense(request: CondenseRequest, item: Item) -> CondenseResult:
    """Raises RecordingError for what is no sound, RequestError for segments that are not in it."""
    if not request.segments:
        raise RequestError("there is no segment to condense a recording to")
    source, target = item.input(request.recording), item.output("recording.flac")
    with decodable(source), soundfile.SoundFile(source) as file:
        recording = Recording(file, request.bit_depth)
        parts = pieces(request.segments, recording.rate_hz, recording.length)
        written = 0
        with StemWriter(target, recording) as writer:
            for block in _joined(recording, parts):
                writer.write(block)
                written += block.shape[1]
                item.progress(min(0.99, written / (parts[-1].place + parts[-1].length)))
    return CondenseResult(
        recording=item.file(target), sample_rate_hz=recording.rate_hz, duration=written / recording.rate_hz
    )


def _joined(recording: Recording, parts: Sequence[Piece]) -> Iterator[Integers]:
    count = joint(recording.rate_hz)
    for here, following in pairwise(parts):
        yield from _blocks(recording, here.first, here.last)
        out = recording.integers(here.last, here.last + count) * (1 - _rise(count))
        come = recording.integers(following.first - count, following.first) * _rise(count)
        yield np.rint(out + come).astype(np.int32)
    yield from _blocks(recording, parts[-1].first, parts[-1].last)


def _blocks(recording: Recording, first: int, last: int) -> Iterator[Integers]:
    for begin in range(first, last, _BLOCK):
        yield recording.integers(begin, min(begin + _BLOCK, last))


def _rise(count: int) -> NDArray[np.float64]:
    """From near 0 to near 1, without a corner at either end."""
    return np.sin(np.pi / 2 * (np.arange(count) + 0.5) / count) ** 2


def restore(request: RestoreRequest, item: Item) -> SeparateResult:
    """Outside the segments and what is reused the background is the recording itself, to the sample."""
    source = item.input(request.recording)
    vocals, background = item.output("vocals.flac"), item.output("background.flac")
    with decodable(source), soundfile.SoundFile(source) as file, ExitStack() as held:
        recording = Recording(file, request.bit_depth)
        voices = held.enter_context(StemWriter(vocals, recording))
        rest = held.enter_context(StemWriter(background, recording))
        parts = (*_separated(request, item, recording, held), *_reused(request, item, recording, held))
        for begin in range(0, recording.length, _BLOCK):
            whole = recording.integers(begin, min(begin + _BLOCK, recording.length))
            voice = within(whole, _voice(parts, begin, whole, recording), recording.highest)
            voices.write(voice)
            rest.write(whole - voice)
            item.progress(min(0.99, begin / recording.length))
    return SeparateResult(
        vocals=item.file(vocals),
        background=item.file(background),
        sample_rate_hz=recording.rate_hz,
        duration=recording.length / recording.rate_hz,
    )


@dataclass(frozen=True, kw_only=True)
class _Part:
    """A stretch of the recording, and what gives its vocals from one sample to another."""

    piece: Piece
    vocals: Callable[[int, int], NDArray[np.generic]]


def _voice(parts: Sequence[_Part], begin: int, whole: Integers, recording: Recording) -> Integers:
    """The vocals of a block that begins at sample `begin`; where two parts overlap, one is faded into the other."""
    voice = np.zeros_like(whole)
    for part in parts:
        first, last = max(begin, part.piece.first), min(begin + whole.shape[1], part.piece.last)
        if first < last:
            faded = part.vocals(first, last) * _gain(part.piece, first, last, recording)
            voice[:, first - begin : last - begin] += np.rint(faded).astype(np.int32)
    return voice


def _separated(request: RestoreRequest, item: Item, recording: Recording, held: ExitStack) -> Iterator[_Part]:
    """The segments, whose vocals stand in the stem of the condensed recording."""
    cuts = pieces(request.segments, recording.rate_hz, recording.length)
    if request.vocals is None:
        if cuts:
            raise RequestError("segments without their vocals; separate the condensed recording first")
        return
    condensed = _opened(item.input(request.vocals), request, held)
    _check(condensed, recording, cuts)
    for each in cuts:
        shift = each.place - each.first
        yield _Part(piece=each, vocals=partial(_moved, condensed, shift))


def _moved(condensed: Recording, shift: int, first: int, last: int) -> Integers:
    return condensed.integers(first + shift, last + shift)


def _reused(request: RestoreRequest, item: Item, recording: Recording, held: ExitStack) -> Iterator[_Part]:
    """The stretches whose vocals stand in the stem of an earlier recording."""
    if request.earlier is None:
        if request.reused:
            raise RequestError("vocals are to be reused, and the earlier recording's are not there")
        return
    earlier = _opened(item.input(request.earlier), request, held)
    if (earlier.rate_hz, earlier.channels) != (recording.rate_hz, recording.channels):
        raise RequestError("the earlier vocals have another rate or other channels than the recording")
    spans = tuple(Segment(start=each.start, end=each.end) for each in request.reused)
    for each, piece in zip(request.reused, pieces(spans, recording.rate_hz, recording.length), strict=True):
        yield _Part(piece=piece, vocals=partial(_taken_over, earlier, each))


def _taken_over(earlier: Recording, reused: Reused, first: int, last: int) -> NDArray[np.generic]:
    full = np.float32(earlier.highest + 1)
    return laid_under(earlier, reused.lag * earlier.rate_hz, reused.gain, first, last) * full


def _opened(path: Path, request: RestoreRequest, held: ExitStack) -> Recording:
    held.enter_context(decodable(path))
    return Recording(held.enter_context(soundfile.SoundFile(path)), request.bit_depth)


def _check(condensed: Recording, recording: Recording, parts: Sequence[Piece]) -> None:
    wanted = parts[-1].place + parts[-1].length if parts else 0
    same = (condensed.rate_hz, condensed.channels) == (recording.rate_hz, recording.channels)
    if not same or condensed.length != wanted:
        raise RequestError(
            f"the vocals ({condensed.length} samples, {condensed.channels} channels, {condensed.rate_hz} Hz) are not "
            f"of these segments of the recording ({wanted}, {recording.channels}, {recording.rate_hz})"
        )


def _gain(part: Piece, begin: int, end: int, recording: Recording) -> NDArray[np.float64]:
    """1, but for the first and last moment of a piece, unless the recording itself begins or ends there."""
    count = min(joint(recording.rate_hz), part.length // 2)
    index = np.arange(begin, end)
    gain = np.ones(end - begin)
    if not count:
        return gain
    rise = _rise(count)
    if part.first > 0:
        early = index - part.first < count
        gain[early] = rise[index[early] - part.first]
    if part.last < recording.length:
        late = part.last - 1 - index < count
        gain[late] = rise[part.last - 1 - index[late]]
    return gain
