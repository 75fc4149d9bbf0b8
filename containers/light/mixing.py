"""Laying lines over an episode: the recording where nothing is replaced, the background where it is, lines on top.

Vocals are recording - background, so that between the two lies one gain of the vocals: 1 is the recording and 0 the
background, to the sample. All arithmetic is on the file's own integers; what is copied is copied to the bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from containers.contract.errors import RequestError
from containers.contract.item import Item
from containers.contract.stages import LineMixed, MixRequest, MixResult, PlacedLine

from . import audio, loudness

_FADE_SECONDS = 0.03
_ALONE_HZ = 48000
_BLOCK = 1 << 19
Whole = NDArray[np.int32]
Span = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class _Line:
    """A line to be placed: `first` and `last` sample of the track."""

    path: Path
    asked: PlacedLine
    first: int
    last: int


@dataclass(frozen=True, kw_only=True)
class _Bed:
    """What lies under the lines; without files it is silence. `frames`: of the recording, `total`: of the track."""

    recording: Path | None
    background: Path | None
    rate_hz: int
    channels: int
    depth: int
    frames: int
    total: int


@dataclass
class _Stretch:
    """A part of the track that is not the recording as it is: what is replaced in it, and its lines."""

    first: int
    last: int
    replaced: list[Span] = field(default_factory=list)
    lines: list[_Line] = field(default_factory=list)


def mix(request: MixRequest, item: Item) -> MixResult:
    bed = _bed(request, item)
    lines = [_placed(each, item, bed.rate_hz) for each in request.lines]
    total = max(bed.total, *(each.last for each in lines)) if bed.recording is None and lines else bed.total
    late = [each for each in lines if each.last > total]
    if late:
        raise RequestError(f"the line at {late[0].asked.start} s ends after the track, at {total / bed.rate_hz} s")
    reach = loudness.limiter_reach(bed.rate_hz)
    stretches = _stretches(request, lines, bed.rate_hz, reach, total)
    mixed: dict[int, LineMixed] = {}
    form = "FLAC" if bed.recording else "WAV"
    track = item.output(f"track.{form.lower()}")
    with soundfile.SoundFile(track, "w", bed.rate_hz, bed.channels, f"PCM_{bed.depth}", format=form) as out:
        now = 0
        for stretch in stretches:
            _copy(bed, out, now, stretch.first)
            out.write(_justified(_sounding(bed, stretch, request.peak_dbfs, mixed), bed.depth))
            now = stretch.last
            item.progress(0.99 * now / max(1, total))
        _copy(bed, out, now, total)
    return MixResult(
        track=item.file(track),
        sample_rate_hz=bed.rate_hz,
        channels=bed.channels,
        duration=total / bed.rate_hz,
        lines=tuple(mixed[id(each)] for each in lines),
    )


def _bed(request: MixRequest, item: Item) -> _Bed:
    if (request.recording is None) != (request.background is None):
        raise RequestError("mix needs a recording and its background, or neither")
    if request.recording is None or request.background is None:
        total = round((request.seconds or 0) * _ALONE_HZ)
        return _Bed(
            recording=None, background=None, rate_hz=_ALONE_HZ, channels=1, depth=16, frames=0, total=max(1, total)
        )
    recording, background = item.input(request.recording), item.input(request.background)
    with audio.decodable(recording), audio.decodable(background):
        one, other = soundfile.info(recording), soundfile.info(background)
    if (one.samplerate, one.channels, one.frames) != (other.samplerate, other.channels, other.frames):
        raise RequestError("recording and background differ in rate, channels or length; take them of one separation")
    return _Bed(
        recording=recording,
        background=background,
        rate_hz=one.samplerate,
        channels=one.channels,
        depth=24 if "24" in (one.subtype[-2:], other.subtype[-2:]) else 16,
        frames=one.frames,
        total=max(one.frames, round((request.seconds or 0) * one.samplerate)),
    )


def _placed(asked: PlacedLine, item: Item, rate_hz: int) -> _Line:
    path = item.input(asked.speech)
    with audio.decodable(path):
        about = soundfile.info(path)
    first = round(asked.start * rate_hz)
    if first < 0:
        raise RequestError(f"a line cannot start at {asked.start} s")
    length = -(-about.frames * rate_hz // about.samplerate)
    return _Line(path=path, asked=asked, first=first, last=first + length)


def _stretches(request: MixRequest, lines: Sequence[_Line], rate_hz: int, reach: int, total: int) -> list[_Stretch]:
    """What changes, in order of time, none touching another."""
    replaced = [(round(each.start * rate_hz), min(total, round(each.end * rate_hz))) for each in request.replaced]
    parts = [_Stretch(first, last, [(first, last)]) for first, last in joined(replaced)]
    parts += [_Stretch(max(0, each.first - reach), min(total, each.last + reach), [], [each]) for each in lines]
    found: list[_Stretch] = []
    for part in sorted(parts, key=lambda each: each.first):
        if found and part.first <= found[-1].last:
            found[-1].last = max(found[-1].last, part.last)
            found[-1].replaced += part.replaced
            found[-1].lines += part.lines
        else:
            found.append(part)
    return found


def joined(spans: Sequence[Span]) -> list[Span]:
    """Stretches in order, those that touch made one; empty ones left out."""
    found: list[Span] = []
    for first, last in sorted(each for each in spans if each[1] > each[0]):
        if found and first <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found


def _sounding(bed: _Bed, stretch: _Stretch, peak_dbfs: float, mixed: dict[int, LineMixed]) -> NDArray[np.float64]:
    """The track of a stretch, (channels, samples) in steps of the file's depth."""
    scale = 2.0 ** (bed.depth - 1)
    length = stretch.last - stretch.first
    under = _whole(bed, bed.background, stretch.first, stretch.last).astype(np.float64)
    vocals = _whole(bed, bed.recording, stretch.first, stretch.last) - under
    under += vocals * _gain_of_vocals(stretch, round(_FADE_SECONDS * bed.rate_hz), length)
    said = np.zeros(length)
    spoken = np.zeros(length, bool)
    gains: dict[int, tuple[float, float | None]] = {}
    for line in stretch.lines:
        samples = audio.read_mono(line.path, bed.rate_hz)[: line.last - line.first]
        found = loudness.loudness_lufs(samples, bed.rate_hz)
        wanted = line.asked.loudness_lufs
        gain_db = 0.0 if found is None or wanted is None else wanted - found
        first = line.first - stretch.first
        said[first : first + len(samples)] += samples * (scale * 10 ** (gain_db / 20))
        spoken[first : first + len(samples)] = True
        gains[id(line)] = (gain_db, None if found is None else found + gain_db)
    whole = under + said
    gain = _limiter(whole / scale, under / scale, spoken, bed.rate_hz, peak_dbfs) if spoken.any() else np.ones(length)
    for line in stretch.lines:
        least = gain[line.first - stretch.first : line.last - stretch.first].min(initial=1.0)
        gain_db, loud = gains[id(line)]
        mixed[id(line)] = LineMixed(
            start=line.first / bed.rate_hz,
            end=line.last / bed.rate_hz,
            gain_db=round(gain_db, 2),
            loudness_lufs=None if loud is None else round(loud, 2),
            limited_db=round(max(0.0, float(-20 * np.log10(least))), 2),
        )
    return np.asarray(whole * gain)


def _gain_of_vocals(stretch: _Stretch, fade: int, length: int) -> NDArray[np.float64]:
    gain = np.ones(length)
    for first, last in joined(stretch.replaced):
        size = min(fade, (last - first) // 2)
        ramp = 0.5 + 0.5 * np.cos(np.pi * (np.arange(size) + 0.5) / max(1, size))
        part = gain[first - stretch.first : last - stretch.first]
        part[:] = 0.0
        part[:size], part[len(part) - size :] = ramp, ramp[::-1]
    return gain


def _limiter(
    whole: NDArray[np.float64], under: NDArray[np.float64], spoken: NDArray[np.bool_], rate_hz: int, peak_dbfs: float
) -> NDArray[np.float64]:
    """A gain that lets lines over the bed down to the ceiling, or to the bed's own peaks where those are above it."""
    ceiling = 10 ** (peak_dbfs / 20)
    peaks, own = _true_peaks(whole, rate_hz), _true_peaks(under, rate_hz)
    allowed = np.maximum(ceiling, own)
    wanted = np.where(spoken, np.minimum(1.0, allowed / np.maximum(peaks, 1e-9)), 1.0)
    if wanted.min() >= 1:
        return np.ones(len(wanted))
    gain = loudness.smoothed_gain(wanted, rate_hz)
    gain[gain > 1 - 1e-9] = 1.0
    return gain


def _true_peaks(samples: NDArray[np.float64], rate_hz: int) -> NDArray[np.float64]:
    return np.asarray(np.max([loudness.true_peaks(each.astype(np.float32), rate_hz) for each in samples], axis=0))


def _copy(bed: _Bed, out: soundfile.SoundFile, first: int, last: int) -> None:
    for start in range(first, last, _BLOCK):
        out.write(_justified(_whole(bed, bed.recording, start, min(last, start + _BLOCK)), bed.depth))


def _whole(bed: _Bed, path: Path | None, first: int, last: int) -> Whole:
    """(channels, samples) in steps of the depth; silence behind the end."""
    found = np.zeros((bed.channels, last - first), np.int32)
    if path is not None and first < bed.frames:
        with soundfile.SoundFile(path) as file:
            file.seek(first)
            samples = file.read(min(last, bed.frames) - first, dtype="int32", always_2d=True).T
        found[:, : samples.shape[1]] = samples >> (32 - bed.depth)
    return found


def _justified(samples: NDArray[np.float64] | Whole, depth: int) -> Whole:
    """Whole steps as libsndfile takes them: in the upper bits of 32."""
    scale = 2 ** (depth - 1)
    return np.clip(np.rint(samples), -scale, scale - 1).astype(np.int32).T << (32 - depth)
