"""Probe and extract: from a video to its recording and its subtitles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .values import File, Problem


@dataclass(frozen=True, kw_only=True)
class Track:
    """An audio track; `index` counts audio tracks from 0, `language` is ISO 639-2 or 639-1 as the file says."""

    index: int
    codec: str
    channels: int
    sample_rate_hz: int
    language: str | None = None
    title: str | None = None
    default: bool = False


@dataclass(frozen=True, kw_only=True)
class SubtitleTrack:
    """A subtitle track; `index` counts subtitle tracks from 0; pictures (PGS, VobSub) have no text."""

    index: int
    codec: str
    text: bool
    language: str | None = None
    title: str | None = None
    default: bool = False


@dataclass(frozen=True, kw_only=True)
class Chapter:
    start: float
    end: float
    title: str


@dataclass(frozen=True, kw_only=True)
class ProbeRequest:
    """Look into a video without decoding all of it (milliseconds)."""

    video: File
    language: str | None = None


@dataclass(frozen=True, kw_only=True)
class ProbeResult:
    """`track` is what extract would take: by language, else the default track, else the first.

    Raises RecordingError for what is no video, or has no audio.
    """

    container: str
    duration: float | None
    tracks: tuple[Track, ...]
    subtitles: tuple[SubtitleTrack, ...]
    chapters: tuple[Chapter, ...]
    track: int
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ExtractRequest:
    """Take one audio track out of a video; `track` wins over `language` (ISO 639, two or three letters).

    `sample_rate_hz`: None for the track's own, so that what is made of the recording is resampled once at most.
    """

    video: File
    language: str | None = None
    track: int | None = None
    sample_rate_hz: Literal[44100, 48000] | None = 48000
    bit_depth: Literal[16, 24] = 16


@dataclass(frozen=True, kw_only=True)
class Subtitles:
    """Subtitles saved as text (SRT or ASS), times on the same timeline as the recording."""

    file: File
    track: int
    format: Literal["srt", "ass"]
    language: str | None = None
    title: str | None = None


@dataclass(frozen=True, kw_only=True)
class ExtractResult:
    """The recording: FLAC, one or two channels, on the video's timeline (0 = start of the video).

    A late audio stream begins with silence; a surround track is mixed down with its centre kept.
    """

    recording: File
    duration: float
    sample_rate_hz: int
    channels: int
    track: int
    subtitles: tuple[Subtitles, ...] = ()
    problems: tuple[Problem, ...] = ()
