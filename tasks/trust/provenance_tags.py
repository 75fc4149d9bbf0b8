"""Tags of sound files: written to WAV (RIFF INFO), FLAC (Vorbis) and MP3 (ID3), read also from Ogg, MP4, Matroska."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import IO, Any

MIME = {"wav": "audio/wav", "flac": "audio/flac", "mp3": "audio/mpeg"}
"""Kinds of file that can be marked."""
READABLE = {**MIME, "mp4": "audio/mp4", "mkv": "video/x-matroska"}
_INFO_BYTES = 1 << 20
"""The longest list of tags that is read from a WAV."""
_MATROSKA_BYTES = 4 << 20
"""So far from its start a Matroska file is searched for tags."""
_TAG_STRING = b"\x44\x87"


def kind_of(head: bytes, after_id3: bytes = b"") -> str | None:
    """wav, flac, mp3, mp4, mkv or ogg by a file's first bytes (`after_id3`: behind an ID3 header); None for another."""
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        return "wav"
    if head[:4] == b"fLaC" or (head[:3] == b"ID3" and after_id3[:4] == b"fLaC"):
        return "flac"
    if head[:3] == b"ID3" or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0):
        return "mp3"
    if head[4:8] == b"ftyp":
        return "mp4"
    if head[:4] == b"\x1aE\xdf\xa3":
        return "mkv"
    return "ogg" if head[:4] == b"OggS" else None


def kind_in(stream: IO[bytes]) -> str | None:
    """The kind of an open file; its place is left at the start."""
    head = stream.read(64)
    after = b""
    if head[:3] == b"ID3" and len(head) >= 10:
        stream.seek(10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True)))
        after = stream.read(4)
    stream.seek(0)
    return kind_of(head, after)


def tagged(data: bytes, kind: str, title: str, comment: str, tool: str) -> bytes:
    """The file with these tags in it, its sound as it was."""
    if kind == "wav":
        return _with_info(data, ((b"INAM", title), (b"ICMT", comment), (b"ISFT", tool)))
    from mutagen.flac import FLAC
    from mutagen.id3 import COMM, ID3, TENC, TIT2

    stream = io.BytesIO(data)
    if kind == "flac":
        flac = FLAC(stream)
        flac["TITLE"], flac["COMMENT"], flac["ENCODED-BY"] = title, comment, tool
        stream.seek(0)
        flac.save(stream)
    else:
        id3 = ID3()
        id3.add(TIT2(encoding=3, text=title))
        id3.add(COMM(encoding=3, lang="eng", desc="", text=comment))
        id3.add(TENC(encoding=3, text=tool))
        id3.save(stream)
    return stream.getvalue()


def texts_in(stream: IO[bytes], kind: str) -> list[str]:
    """All texts in a file's tags, in no order; none where tags are broken or of no known form."""
    if kind == "mkv":
        return _matroska_texts(stream)
    found = list(_info_texts(stream)) if kind == "wav" else []
    stream.seek(0)
    return found + _mutagen_texts(stream, kind)


def _matroska_texts(stream: IO[bytes]) -> list[str]:
    """Strings of the tags that stand before a Matroska file's sound and pictures, where FFmpeg writes them.

    Found by the id of a tag's string (TagString, 0x4487; RFC 9559), each with its length behind it.
    """
    stream.seek(0)
    head = stream.read(_MATROSKA_BYTES)
    found, at = [], head.find(_TAG_STRING)
    while at >= 0:
        size, begins = _matroska_size(head, at + 2)
        if 0 < size <= len(head) - begins:
            found.append(head[begins : begins + size].decode(errors="replace"))
        at = head.find(_TAG_STRING, at + 2)
    return found


def _matroska_size(data: bytes, at: int) -> tuple[int, int]:
    """The length that stands here, of 1 to 8 bytes, and where it ends; 0 for none."""
    first = data[at] if at < len(data) else 0
    length = 9 - first.bit_length()
    if not first or at + length > len(data):
        return 0, at
    return int.from_bytes(data[at : at + length], "big") & ((1 << (7 * length)) - 1), at + length


def _mutagen_texts(stream: IO[bytes], kind: str) -> list[str]:
    import mutagen
    from mutagen.flac import FLAC
    from mutagen.id3 import ID3
    from mutagen.wave import WAVE

    try:
        readers: dict[str, Any] = {"wav": WAVE, "flac": FLAC, "mp3": ID3}
        opened = readers[kind](stream) if kind in readers else mutagen.File(stream)
        tags = opened if kind == "mp3" else getattr(opened, "tags", None)
        return [text for value in (tags or {}).values() for text in _texts(value)]
    except (mutagen.MutagenError, ValueError, KeyError, struct.error):
        return []


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _texts(each)
    elif hasattr(value, "text"):
        yield from _texts(value.text)


def _with_info(wav: bytes, fields: tuple[tuple[bytes, str], ...]) -> bytes:
    body = b"".join(_field(name, text) for name, text in fields)
    info = b"LIST" + struct.pack("<I", 4 + len(body)) + b"INFO" + body
    whole = wav[12:] + b"\0" * (len(wav) % 2) + info
    return b"RIFF" + struct.pack("<I", 4 + len(whole)) + b"WAVE" + whole


def _field(name: bytes, text: str) -> bytes:
    data = text.encode() + b"\0"
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def _info_texts(stream: IO[bytes]) -> Iterator[str]:
    """Texts of the RIFF INFO lists, chunk by chunk; a broken chunk ends the reading."""
    stream.seek(0, io.SEEK_END)
    end, at = stream.tell(), 12
    while at + 8 <= end:
        stream.seek(at)
        name, size = struct.unpack("<4sI", stream.read(8))
        if name == b"LIST" and size <= _INFO_BYTES and stream.read(4) == b"INFO":
            yield from _fields(stream.read(size - 4))
        at += 8 + size + size % 2


def _fields(data: bytes) -> Iterator[str]:
    at = 0
    while at + 8 <= len(data):
        (size,) = struct.unpack_from("<I", data, at + 4)
        yield data[at + 8 : at + 8 + size].rstrip(b"\0").decode(errors="replace")
        at += 8 + size + size % 2
