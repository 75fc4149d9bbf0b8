"""FLAC by hand (RFC 9639): frames of constant subframes, and one line of text that travels along.

Not a codec: every block holds one value, which is all that stub has to say.
What it writes any program opens; of other programs' files it reads the header.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

BLOCK = 16384
"""Samples in a frame; the last one may be shorter."""
_BLOCK_CODE = 0b1110  # 256 x 2^6
_DEPTH_CODES = {16: 0b100, 24: 0b110}
_VENDOR = b"voicecast stub"
_FIELD = b"VOICECAST_STUB="


@dataclass(frozen=True, kw_only=True)
class About:
    """STREAMINFO, and the text that stub put into the file (None in other programs' files)."""

    sample_rate_hz: int
    channels: int
    bit_depth: int
    samples: int
    text: str | None


def write(path: Path, levels: Sequence[int], about: About) -> Path:
    """Write `about.samples` samples: block i holds the value `levels[i]` in every channel."""
    width = about.bit_depth // 8
    digest = hashlib.md5(usedforsecurity=False)
    with open(path, "wb") as stream:
        stream.write(bytes(42 + len(_comment(about))))
        for number, level in enumerate(levels):
            size = min(BLOCK, about.samples - number * BLOCK)
            stream.write(_frame(number, size, level, about))
            digest.update(level.to_bytes(width, "little", signed=True) * (size * about.channels))
        stream.seek(0)
        stream.write(b"fLaC" + _stream_info(about, digest.digest()) + _comment(about))
    return path


def blocks(samples: int) -> int:
    """Frames that `samples` samples need."""
    return -(-samples // BLOCK)


def _stream_info(about: About, md5: bytes) -> bytes:
    facts = about.sample_rate_hz << 44 | (about.channels - 1) << 41 | (about.bit_depth - 1) << 36 | about.samples
    sizes = BLOCK.to_bytes(2, "big") * 2 + bytes(6)  # block sizes; frame sizes unknown
    return bytes([0, 0, 0, 34]) + sizes + facts.to_bytes(8, "big") + md5


def _comment(about: About) -> bytes:
    field = _FIELD + (about.text or "").encode()
    body = len(_VENDOR).to_bytes(4, "little") + _VENDOR + (1).to_bytes(4, "little")
    body += len(field).to_bytes(4, "little") + field
    return bytes([0x80 | 4]) + len(body).to_bytes(3, "big") + body


def _frame(number: int, size: int, level: int, about: About) -> bytes:
    code = _BLOCK_CODE if size == BLOCK else 0b0111  # 0111: size - 1 follows in 16 bits
    header = bytes([0xFF, 0xF8, code << 4, (about.channels - 1) << 4 | _DEPTH_CODES[about.bit_depth] << 1])
    header += _coded(number) + (b"" if size == BLOCK else (size - 1).to_bytes(2, "big"))
    header += bytes([_crc(header, _CRC8, 8)])
    subframe = b"\x00" + level.to_bytes(about.bit_depth // 8, "big", signed=True)  # type 000000: constant
    frame = header + subframe * about.channels
    return frame + _crc(frame, _CRC16, 16).to_bytes(2, "big")


def _coded(number: int) -> bytes:
    """A frame's number, in UTF-8's scheme (RFC 9639, 9.1.5)."""
    return chr(number).encode("utf-8", "surrogatepass")


def _table(polynomial: int, bits: int) -> list[int]:
    table = []
    for value in range(256):
        rest = value << (bits - 8)
        for _ in range(8):
            rest = rest << 1 ^ (polynomial if rest >> (bits - 1) else 0)
            rest &= (1 << bits) - 1
        table.append(rest)
    return table


_CRC8 = _table(0x07, 8)
_CRC16 = _table(0x8005, 16)


def _crc(data: bytes, table: list[int], bits: int) -> int:
    rest, mask = 0, (1 << bits) - 1
    for byte in data:
        rest = (rest << 8 & mask) ^ table[rest >> (bits - 8) ^ byte]
    return rest


def read(path: Path) -> About | None:
    """What the header says; None for what is no FLAC."""
    with open(path, "rb") as stream:
        if stream.read(4) != b"fLaC":
            return None
        facts, text, last = 0, None, False
        while not last:
            head = stream.read(4)
            if len(head) < 4:
                return None
            last, kind, size = bool(head[0] & 0x80), head[0] & 0x7F, int.from_bytes(head[1:], "big")
            body = stream.read(size)
            if kind == 0 and size == 34:
                facts = int.from_bytes(body[10:18], "big")
            elif kind == 4 and _FIELD in body:
                at = body.index(_FIELD)
                size = int.from_bytes(body[at - 4 : at], "little")
                text = body[at + len(_FIELD) : at + size].decode("utf-8", "replace")
    return About(
        sample_rate_hz=facts >> 44,
        channels=(facts >> 41 & 7) + 1,
        bit_depth=(facts >> 36 & 31) + 1,
        samples=facts & (1 << 36) - 1,
        text=text,
    )
