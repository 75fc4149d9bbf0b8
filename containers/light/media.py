"""Videos, looked into: what a file holds and which of its tracks is the one.

Files come from anywhere and are treated as hostile: only formats that carry
their own sound are opened (no playlist, script or picture sequence that names
other files), only from the disk, by a path that cannot be read as an option or
an address.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import av
import av.container
import av.error

from containers.contract import stages
from containers.contract.errors import EngineError, RecordingError
from containers.contract.item import Item

from .languages import same_language
from .riff import repaired_wav

FORMATS = (
    "matroska,webm,mov,mp4,m4a,3gp,avi,mpegts,mpeg,asf,flv,ogg,wav,w64,aiff,caf,au,flac,mp3,aac,loas,ac3,eac3,"
    "dts,dtshd,truehd,mlp,wv,tta,ape,tak,rm,mxf,nut,dv,wtv,nsv,ivf,amr,m4v,mpegvideo,h264,hevc,obu"
)
"""FFmpeg's demuxers that may be used. Left out on purpose: hls, dash, concat, image2, sdp, lavfi and
everything else whose files say where to read more."""

_OPTIONS = {"protocol_whitelist": "file,pipe", "format_whitelist": FORMATS, "enable_drefs": "0"}
_STALL_SECONDS = 60.0

_ASIDE = re.compile(
    r"comment|kommentar|descri|visually impaired|\bAD\b|director|コメンタリ|副音声|音声解説|音声ガイド|解説|评论|評論",
    re.IGNORECASE,
)
"""Titles of tracks that are about the episode and not its sound."""


def ffmpeg() -> Path:
    """The FFmpeg program: the machine's own (VOICECAST_FFMPEG, then PATH), else the one that imageio-ffmpeg brings."""
    named = os.environ.get("VOICECAST_FFMPEG") or shutil.which("ffmpeg")
    if named is None:
        import imageio_ffmpeg

        try:
            named = imageio_ffmpeg.get_ffmpeg_exe()
        except RuntimeError as error:
            raise EngineError("no FFmpeg on this machine; install ffmpeg or name it in VOICECAST_FFMPEG") from error
    if not Path(named).is_file():
        raise EngineError(f"there is no FFmpeg at {named}; VOICECAST_FFMPEG must name the program")
    return Path(named)


@contextmanager
def open_media(path: Path) -> Iterator[av.container.InputContainer]:
    """A file opened for reading; RecordingError says what is wrong with one that cannot be."""
    if path.stat().st_size == 0:
        raise RecordingError("the file is empty (0 bytes); copy it again from where it came from")
    try:
        container = _open(f"file:{path}")
    except av.error.FFmpegError as error:
        spliced = repaired_wav(path)
        if spliced is None:
            raise RecordingError(_unreadable(path, error)) from error
        container = _open(spliced)
    with container:
        yield container


def _open(source: str | IO[bytes]) -> av.container.InputContainer:
    return av.open(source, options=_OPTIONS, timeout=_STALL_SECONDS, metadata_errors="replace")


def _unreadable(path: Path, error: av.error.FFmpegError) -> str:
    with open(path, "rb") as stream:
        head = stream.read(4096)
    if not head.strip(b"\0"):
        what = "the file begins with nothing but zeros"
    elif b"\0" not in head and all(byte >= 32 or byte in b"\t\r\n\f\x1b" for byte in head):
        what = "the file is text or a playlist, and no video"
    elif head[4:8] == b"ftyp":
        what = "the MP4 is cut off or damaged: the index, usually at its end, is missing"
    else:
        what = "this is no video or sound file that FFmpeg can read, or its beginning is damaged"
    return f"{what} ({error.strerror}); get a whole copy, or leave it out"


def tracks_of(container: av.container.InputContainer) -> tuple[stages.Track, ...]:
    """The audio tracks in the file's order."""
    return tuple(
        stages.Track(
            index=index,
            codec=_codec(stream),
            channels=stream.codec_context.channels if stream.codec_context else 0,
            sample_rate_hz=(stream.codec_context.sample_rate or 0) if stream.codec_context else 0,
            language=_tag(stream, "language"),
            title=_tag(stream, "title"),
            default=bool(stream.disposition & stream.disposition.default),
        )
        for index, stream in enumerate(container.streams.audio)
    )


def subtitles_of(container: av.container.InputContainer) -> tuple[stages.SubtitleTrack, ...]:
    """The subtitle tracks in the file's order; `text` only where this build can read the text."""
    return tuple(
        stages.SubtitleTrack(
            index=index,
            codec=_codec(stream),
            text=bool(stream.codec_context and stream.codec_context.codec.text_sub),
            language=_tag(stream, "language"),
            title=_tag(stream, "title"),
            default=bool(stream.disposition & stream.disposition.default),
        )
        for index, stream in enumerate(container.streams.subtitles)
    )


def _codec(stream: av.stream.Stream) -> str:
    return stream.codec_context.codec.canonical_name if stream.codec_context else "unknown"


def _tag(stream: av.stream.Stream, name: str) -> str | None:
    value = stream.metadata.get(name, "").strip()
    return value if value and value != "und" else None


def choose_track(
    tracks: tuple[stages.Track, ...], language: str | None = None, track: int | None = None
) -> tuple[int, tuple[stages.Problem, ...]]:
    """The track to take: the one asked for, else by language, else the file's default, else the first.

    Among equals a track that is no commentary or audio description wins, then the default one.
    """
    if not tracks:
        raise RecordingError("the file has no audio track; get a copy with sound, or leave it out")
    if track is not None:
        if not 0 <= track < len(tracks):
            raise RecordingError(f"audio track {track} is asked for, the file has only 0 to {len(tracks) - 1}")
        return track, ()
    spoken = [each for each in tracks if same_language(each.language, language)]
    best = min(spoken or tracks, key=lambda each: (_is_aside(each), not each.default, each.index))
    if spoken or not language or (len(tracks) == 1 and best.language is None):
        return best.index, ()
    there = ", ".join(each.language or "unknown" for each in tracks)
    text = f"no audio track says it is {language} (there are: {there}); took track {best.index}, check that it is right"
    return best.index, (stages.Problem(kind="language", text=text),)


def _is_aside(track: stages.Track) -> bool:
    return bool(track.title and _ASIDE.search(track.title))


def duration_of(container: av.container.InputContainer) -> float | None:
    """Seconds, as the container says or as FFmpeg estimates; None if nobody knows."""
    return container.duration / av.time_base if container.duration and container.duration > 0 else None


def start_of(container: av.container.InputContainer) -> float:
    """The container's first time stamp in seconds, the zero of the recording's timeline.

    Negative starts are encoder delay (samples that are decoded and thrown away), so zero stays zero.
    """
    return max(0.0, (container.start_time or 0) / av.time_base)


def probe(request: stages.ProbeRequest, item: Item) -> stages.ProbeResult:
    """What the file holds, from its headers."""
    with open_media(item.input(request.video)) as container:
        tracks = tracks_of(container)
        track, problems = choose_track(tracks, request.language)
        return stages.ProbeResult(
            container=container.format.name,
            duration=duration_of(container),
            tracks=tracks,
            subtitles=subtitles_of(container),
            chapters=tuple(_chapters(container)),
            track=track,
            problems=problems,
        )


def _chapters(container: av.container.InputContainer) -> Iterator[stages.Chapter]:
    for number, chapter in enumerate(container.chapters(), start=1):
        scale = float(chapter["time_base"])
        title = chapter["metadata"].get("title", f"Chapter {number}")
        yield stages.Chapter(start=chapter["start"] * scale, end=chapter["end"] * scale, title=title)
