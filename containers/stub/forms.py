"""Small files of other forms, written by hand: .npy, safetensors, MP3 and PNG."""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from pathlib import Path

_MP3_FRAME_S = 1152 / 48000
_MP3_FRAME = bytes([0xFF, 0xFB, 0x14, 0xC0]) + bytes(92)
"""MPEG-1 layer III, 32 kbit/s, 48 kHz, mono; side information of zeros is silence."""


def noise(size: int, *words: object) -> bytes:
    """Bytes that are always the same for the same words."""
    return hashlib.shake_256(repr(words).encode()).digest(size)


def write_npy(path: Path, words: bytes) -> Path:
    """Little-endian uint32 in one dimension as NumPy's format 1.0."""
    return _write_npy(path, words, "<u4", f"({len(words) // 4},)")


def write_npy_table(path: Path, values: bytes, columns: int) -> Path:
    """Little-endian float32 in rows of so many columns."""
    return _write_npy(path, values, "<f4", f"({len(values) // (4 * columns)}, {columns})")


def _write_npy(path: Path, words: bytes, kind: str, shape: str) -> Path:
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}"
    header += " " * (-(10 + len(header) + 1) % 64) + "\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode("ascii") + words)
    return path


def write_safetensors(path: Path, values: bytes, about: dict[str, str]) -> Path:
    """One tensor `voice` of float32, and text about it."""
    tensor = {"dtype": "F32", "shape": [len(values) // 4], "data_offsets": [0, len(values)]}
    header = json.dumps({"__metadata__": about, "voice": tensor}, sort_keys=True).encode()
    header += b" " * (-len(header) % 8)
    path.write_bytes(len(header).to_bytes(8, "little") + header + values)
    return path


def safetensors_about(path: Path) -> dict[str, str]:
    """The text in a safetensors file; empty for what is none."""
    with open(path, "rb") as stream:
        size = int.from_bytes(stream.read(8), "little")
        if size > 1 << 20:
            return {}
        try:
            return dict(json.loads(stream.read(size)).get("__metadata__", {}))
        except (ValueError, AttributeError, TypeError):
            return {}


def write_mp3(path: Path, seconds: float) -> Path:
    """Silence."""
    path.write_bytes(_MP3_FRAME * max(1, round(seconds / _MP3_FRAME_S)))
    return path


def write_png(path: Path, width: int, height: int, seed: str) -> Path:
    """Grey noise."""
    rows = b"".join(b"\x00" + noise(width, seed, row) for row in range(height))
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + _png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
        + _png_chunk(b"IDAT", zlib.compress(rows, 1))
        + _png_chunk(b"IEND", b"")
    )
    return path


def _png_chunk(name: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + name + body + zlib.crc32(name + body).to_bytes(4, "big")
