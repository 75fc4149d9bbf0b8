"""Muxing: a sound track into a copy of a video, in Matroska; every stream is copied as it is, nothing is encoded.

By the FFmpeg program, which keeps chapters, attachments (fonts) and dispositions. Two things are seen to: the new
track begins where the recording does, at the container's first time stamp (`media.start_of`), and streams that
Matroska has no form for are left out and named.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av.container
import av.error

from containers.contract.errors import EngineError, RecordingError
from containers.contract.item import Item
from containers.contract.stages import MuxRequest, MuxResult

from .languages import three_letters
from .media import FORMATS, ffmpeg, open_media, subtitles_of, tracks_of

_SAFE = ("-protocol_whitelist", "file,pipe", "-format_whitelist", FORMATS)
_TO_SRT = frozenset({"mov_text"})
"""Text subtitles that Matroska has no form for, and that SRT holds."""
_NO_SUBTITLES = frozenset({"dvb_teletext", "eia_608", "ttml", "xsub", "hdmv_text_subtitle", "arib_caption", "unknown"})
_SECONDS = 1200.0


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """What of a video goes into the copy: indices of streams, those of subtitles that become SRT, what is left out."""

    streams: tuple[int, ...]
    to_srt: tuple[int, ...]
    sounds: int
    left_out: tuple[str, ...]
    delay: float


def mux(request: MuxRequest, item: Item) -> MuxResult:
    video, track = item.input(request.video), item.input(request.track)
    with open_media(video) as container:
        plan = _plan(container)
    made = item.output("video.mkv")
    _run(_command(request, plan, video, track, made))
    with open_media(made) as container:
        tracks, subtitles = tracks_of(container), subtitles_of(container)
    if len(tracks) != plan.sounds + 1:
        raise EngineError(f"FFmpeg wrote {len(tracks)} sound tracks in place of {plan.sounds + 1}; try again")
    return MuxResult(
        video=item.file(made), tracks=tracks, subtitles=subtitles, track=plan.sounds, left_out=plan.left_out
    )


def _plan(container: av.container.InputContainer) -> _Plan:
    kept, left_out, to_srt, sounds, subtitles = [], [], [], 0, 0
    for stream in container.streams:
        codec = stream.codec_context.name if stream.codec_context else "unknown"
        if stream.type in ("video", "attachment"):
            kept.append(stream.index)
        elif stream.type == "audio":
            kept.append(stream.index)
            sounds += 1
        elif stream.type == "subtitle" and codec not in _NO_SUBTITLES:
            kept.append(stream.index)
            if codec in _TO_SRT:
                to_srt.append(subtitles)
            subtitles += 1
        else:
            left_out.append(f"stream {stream.index}: {stream.type} ({codec})")
    early = -min(0.0, (container.start_time or 0) / av.time_base)
    return _Plan(streams=tuple(kept), to_srt=tuple(to_srt), sounds=sounds, left_out=tuple(left_out), delay=early)


def _command(request: MuxRequest, plan: _Plan, video: Path, track: Path, made: Path) -> list[str]:
    new = f"a:{plan.sounds}"
    language = three_letters(request.language) or request.language
    return [
        *(str(ffmpeg()), "-v", "error", "-nostdin", "-y"),
        *(*_SAFE, "-fflags", "+genpts", "-i", f"file:{video}"),
        *(*_SAFE, "-itsoffset", f"{plan.delay:.6f}", "-i", f"file:{track}"),
        *(word for index in plan.streams for word in ("-map", f"0:{index}")),
        *("-map", "1:a:0", "-map_chapters", "0", "-map_metadata", "0", "-c", "copy"),
        *(word for index in plan.to_srt for word in (f"-c:s:{index}", "srt")),
        *(f"-metadata:s:{new}", f"language={language}", f"-metadata:s:{new}", f"title={request.title}"),
        *_tags(request, new),
        *_dispositions(request, plan, new),
        *("-max_interleave_delta", "0", "-bitexact", "-f", "matroska", f"file:{made}"),
    ]


def _tags(request: MuxRequest, new: str) -> Iterator[str]:
    for name, text in sorted(request.tags.items()):
        yield from ("-metadata", f"{name}={text}", f"-metadata:s:{new}", f"{name}={text}")


def _dispositions(request: MuxRequest, plan: _Plan, new: str) -> Iterator[str]:
    if request.default:
        for index in range(plan.sounds):
            yield from (f"-disposition:a:{index}", "-default")
    yield from (f"-disposition:{new}", "default+dub" if request.default else "dub")


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise EngineError(f"FFmpeg did not finish within {_SECONDS:.0f} s; try again") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()[-400:]
        raise RecordingError(
            f"this video cannot be copied into Matroska ({said}); take the track, and mux it with another program"
        )
