"""One audio track, decoded and put on the timeline, in blocks of about a second.

PyAV decodes, so every frame comes with its own time stamp, rate and channels,
and a broken frame costs itself only. FFmpeg's resampler in `async` mode is not
used: it takes a change of channels in the middle for a gap.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import av
import av.container
import av.error
import numpy as np
from numpy.typing import NDArray

from containers.contract.errors import RecordingError

from .media import duration_of, start_of
from .subtitles import SubtitleWriter
from .timeline import Timeline

LIMIT_SECONDS = 3600.0
"""Wall time one file may take; an episode of 24 minutes takes seconds."""

LONGEST = 24 * 3600.0
"""Seconds of sound after which a file is not believed any more."""

_DECLARED = {"matroska,webm", "mov,mp4,m4a,3gp,3g2,mj2", "avi", "asf", "flac", "wav"}
"""Formats that write down how long they are; elsewhere FFmpeg guesses from the bit rate."""


_NUMBERS = {"u8": "u1", "s16": "i2", "s32": "i4", "s64": "i8", "flt": "f4", "dbl": "f8"}
"""NumPy's names of FFmpeg's sample formats."""


@dataclass(frozen=True, kw_only=True)
class Block:
    """Samples (channels, n) in float32 at the track's own rate; channels by FFmpeg's names (FL, FR, FC ...)."""

    samples: NDArray[np.float32]
    rate_hz: int
    channels: tuple[str, ...]


@dataclass(kw_only=True)
class Findings:
    """What was noticed while decoding.

    `errors`: packets that could not be decoded. `missing`: seconds of silence that stand for lost sound.
    `cut_at`: where the sound of a cut file ends, and how long the file says it is, in seconds.
    `stopped`: why reading ended early.
    """

    errors: int = 0
    missing: float = 0.0
    not_finite: int = 0
    cut_at: tuple[float, float] | None = None
    stopped: str | None = None


@dataclass(slots=True, kw_only=True)
class _Frame:
    start: float | None
    samples: NDArray[np.generic]
    rate_hz: int
    channels: tuple[str, ...]
    after_error: bool

    @property
    def duration(self) -> float:
        return float(self.samples.shape[1] / self.rate_hz)

    @property
    def kind(self) -> tuple[object, ...]:
        return self.rate_hz, self.channels, self.samples.dtype


class Decoder:
    """Reads a container once: one audio track as blocks, text subtitles on the way."""

    def __init__(self, container: av.container.InputContainer, track: int, subtitles: SubtitleWriter) -> None:
        self.findings = Findings()
        self._container, self._subtitles = container, subtitles
        self._stream = container.streams.audio[track]
        self._ticks = {stream.index: float(stream.time_base or 0) for stream in container.streams}
        self._last = 0.0
        self._timeline = Timeline(
            zero=start_of(container),
            end=duration_of(container),
            clock_may_jump=container.format.name in {"mpegts", "mpeg", "ogg"},
        )

    def blocks(self) -> Iterator[Block]:
        """The track from 0 on; gaps are silence. `findings` is complete when the last block has been taken."""
        held: list[_Frame] = []
        seconds = 0.0
        for frame, following in _with_next(self._frames()):
            gap = self._timeline.place(frame.start, frame.duration, following, frame.after_error)
            if held and (gap > 0 or seconds >= 1.0 or held[0].kind != frame.kind):
                yield self._block(held)
                held, seconds = [], 0.0
            if gap > 0:
                yield from _silence(frame, gap)
            held.append(_without_beginning(frame, -gap) if gap < 0 else frame)
            seconds += held[-1].duration
        if held:
            yield self._block(held)
        self._conclude()

    def _frames(self) -> Iterator[_Frame]:
        began, after_error, names = False, False, {}
        tick = self._ticks[self._stream.index]
        for packet in self._packets():
            try:
                frames = self._stream.decode(packet)
            except av.error.FFmpegError:
                self.findings.errors += began
                after_error = True
                continue
            for frame in frames:
                if frame.layout.name not in names:
                    names[frame.layout.name] = tuple(channel.name for channel in frame.layout.channels)
                samples = _samples(frame, len(names[frame.layout.name]))
                if samples.shape[1] and frame.sample_rate:
                    yield _Frame(
                        start=None if frame.pts is None else frame.pts * tick,
                        samples=samples,
                        rate_hz=frame.sample_rate,
                        channels=names[frame.layout.name],
                        after_error=after_error,
                    )
                    began, after_error = True, False

    def _packets(self) -> Iterator[av.Packet | None]:
        """The track's packets, and None at the end: what the decoder still holds."""
        deadline = time.monotonic() + LIMIT_SECONDS
        try:
            for packet in self._container.demux():
                if time.monotonic() > deadline:
                    raise RecordingError(f"reading the file took over {LIMIT_SECONDS:.0f} s; convert it with FFmpeg")
                if self._timeline.position > LONGEST:
                    self.findings.stopped = f"the sound goes on after {LONGEST / 3600:.0f} hours and was cut there"
                    break
                if packet.size == 0:
                    continue
                self._note_end(packet)
                if packet.stream_index == self._stream.index:
                    yield packet
                elif packet.stream.type == "subtitle":
                    self._subtitles.take(packet, self._timeline.shift - self._timeline.zero)
        except av.error.FFmpegError as error:
            self.findings.stopped = f"the file cannot be read further ({error.strerror})"
        except IndexError:
            pass  # PyAV, at the very end of a broadcast in which another stream has begun
        yield None

    def _note_end(self, packet: av.Packet) -> None:
        if packet.pts is not None:
            end = (packet.pts + (packet.duration or 0)) * self._ticks.get(packet.stream_index, 0.0)
            self._last = max(self._last, end - self._timeline.zero)

    def _block(self, held: list[_Frame]) -> Block:
        samples = _as_float(np.concatenate([frame.samples for frame in held], axis=1))
        broken = ~np.isfinite(samples)
        if broken.any():
            self.findings.not_finite += int(broken.sum())
            samples[broken] = 0.0
        return Block(samples=np.clip(samples, -8.0, 8.0), rate_hz=held[0].rate_hz, channels=held[0].channels)

    def _conclude(self) -> None:
        self.findings.missing = self._timeline.missing
        said = self._timeline.end
        if said is not None and self._container.format.name in _DECLARED and self._last < said - 1.0:
            self.findings.cut_at = (self._timeline.position, said)


def _samples(frame: av.AudioFrame, channels: int) -> NDArray[np.generic]:
    """The frame's numbers, (channels, n). PyAV's `to_ndarray` reads past the planes of 7.1 and crashes."""
    dtype = _NUMBERS[frame.format.name.rstrip("p")]
    if frame.format.is_planar:
        samples = np.empty((channels, frame.samples), dtype)
        for row, plane in zip(samples, frame.planes, strict=False):
            row[:] = np.frombuffer(plane, dtype, frame.samples)
        return samples
    return np.frombuffer(frame.planes[0], dtype, frame.samples * channels).reshape(-1, channels).T


def _silence(frame: _Frame, seconds: float) -> Iterator[Block]:
    count = round(seconds * frame.rate_hz)
    for first in range(0, count, frame.rate_hz):
        shape = (len(frame.channels), min(frame.rate_hz, count - first))
        yield Block(samples=np.zeros(shape, np.float32), rate_hz=frame.rate_hz, channels=frame.channels)


def _without_beginning(frame: _Frame, seconds: float) -> _Frame:
    return replace(frame, samples=frame.samples[:, round(seconds * frame.rate_hz) :])


def _with_next(frames: Iterator[_Frame]) -> Iterator[tuple[_Frame, float | None]]:
    """Each frame with the stamp of the one after it."""
    frame = next(frames, None)
    while frame is not None:
        following = next(frames, None)
        yield frame, following.start if following else None
        frame = following


def _as_float(samples: NDArray[np.generic]) -> NDArray[np.float32]:
    """Full scale becomes 1.0 (exactly so for integers up to 24 bits)."""
    if samples.dtype == np.uint8:
        return ((samples.astype(np.float32) - 128.0) / 128.0).astype(np.float32)
    if samples.dtype.kind == "i":
        return (samples.astype(np.float64) / 2.0 ** (8 * samples.dtype.itemsize - 1)).astype(np.float32)
    return samples.astype(np.float32)
