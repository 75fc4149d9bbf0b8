"""Text subtitles of a video, saved beside the recording on the same timeline.

ASS stays ASS, with its styles and the actors' names; every other text becomes
SRT. Subtitles that are pictures are left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import av
import av.container
import av.error

from containers.contract import stages
from containers.contract.item import Item

from .languages import three_letters
from .media import subtitles_of

LIMIT_BYTES = 32 << 20
"""Text kept of all tracks together; an episode has some 100 kB."""

_WITHOUT_END = 3.0
"""Seconds that a subtitle without a duration stays."""

_TAGS = re.compile(r"\{\\[^}]*\}")
"""Styles and places in a line of ASS, which is what FFmpeg makes of any text."""

_FORMAT = "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text"
_EVENTS = re.compile(r"^\s*\[Events\].*", re.IGNORECASE | re.MULTILINE | re.DOTALL)


@dataclass(kw_only=True)
class _Pages:
    about: stages.SubtitleTrack
    header: str | None
    events: list[tuple[float, float, str]] = field(default_factory=list)


class SubtitleWriter:
    """Takes subtitle packets while a file is read, and writes them at the end."""

    def __init__(self, container: av.container.InputContainer) -> None:
        self._bytes = 0
        self._pages: dict[int, _Pages] = {}
        for about, stream in zip(subtitles_of(container), container.streams.subtitles, strict=True):
            if about.text:
                header = _text(stream.codec_context.extradata or b"") if about.codec in {"ass", "ssa"} else None
                self._pages[stream.index] = _Pages(about=about, header=header)

    def take(self, packet: av.Packet, shift: float) -> None:
        """Keep one packet; `shift` is added to its times, in seconds."""
        pages = self._pages.get(packet.stream.index)
        if pages is None or packet.pts is None or self._bytes > LIMIT_BYTES:
            return
        self._bytes += packet.size
        start = float(packet.pts * packet.time_base) + shift
        end = start + (float(packet.duration * packet.time_base) if packet.duration else _WITHOUT_END)
        text = _text(bytes(packet)) if pages.header is not None else _decoded(packet)
        if text.strip() and end > 0:
            pages.events.append((max(0.0, start), end, text))

    def write(self, item: Item) -> tuple[stages.Subtitles, ...]:
        """The tracks that have text, as files in `out/subtitles`."""
        return tuple(self._write(pages, item) for pages in self._pages.values() if pages.events)

    def _write(self, pages: _Pages, item: Item) -> stages.Subtitles:
        about, ass = pages.about, pages.header is not None
        language = three_letters(about.language) or "und"
        name = language if re.fullmatch("[a-z]{2,3}", language) else "und"
        path = item.output(f"subtitles/{about.index:02d}.{name}.{'ass' if ass else 'srt'}")
        _save(path, _as_ass(pages.header or "", pages.events) if ass else _as_srt(pages.events))
        return stages.Subtitles(
            file=item.file(path),
            track=about.index,
            format="ass" if ass else "srt",
            language=about.language,
            title=about.title,
        )


def _decoded(packet: av.Packet) -> str:
    try:
        parts = [rect.dialogue for rect in packet.decode() if hasattr(rect, "dialogue")]
    except (av.error.FFmpegError, NotImplementedError):
        return ""
    return "\n".join(_text(part) for part in parts)


def _text(raw: bytes) -> str:
    return raw.rstrip(b"\0").decode("utf-8-sig", errors="replace").replace("\r\n", "\n").replace("\r", "\n")


def _as_srt(events: list[tuple[float, float, str]]) -> str:
    pages = []
    for number, (start, end, text) in enumerate(sorted(events, key=lambda event: event[0]), start=1):
        plain = _TAGS.sub("", text).replace("\\N", "\n").replace("\\h", " ")
        lines = "\n".join(line.strip() for line in plain.splitlines() if line.strip())
        pages.append(f"{number}\n{_clock(start, 3, ',')} --> {_clock(end, 3, ',')}\n{lines}\n")
    return "\n".join(pages)


def _as_ass(header: str, events: list[tuple[float, float, str]]) -> str:
    """The track's header, and its events in the order of the file they came from.

    A packet says `ReadOrder,Layer,Style,Name,MarginL,MarginR,MarginV,Effect,Text` (Matroska's codec mapping).
    """
    lines = []
    for start, end, text in events:
        order, _, rest = " ".join(text.splitlines()).partition(",")
        layer, _, tail = rest.partition(",")
        if tail:
            line = f"Dialogue: {layer},{_clock(start, 2, '.')},{_clock(end, 2, '.')},{tail}"
            lines.append((int(order) if order.isdigit() else len(lines), line))
    styles = _EVENTS.sub("", header).rstrip()
    return "\n".join([styles, "", "[Events]", _FORMAT, *(line for _, line in sorted(lines))]) + "\n"


def _clock(seconds: float, digits: int, point: str) -> str:
    """Time of day form: 00:00:01,500 in SRT (three digits), 0:00:01.50 in ASS (two)."""
    units = round(seconds * 10**digits)
    whole, part = divmod(units, 10**digits)
    hours = f"{whole // 3600:02d}" if digits == 3 else str(whole // 3600)
    return f"{hours}:{whole // 60 % 60:02d}:{whole % 60:02d}{point}{part:0{digits}d}"


def _save(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
