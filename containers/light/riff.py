"""WAV files whose header lies about sizes, made readable.

Programs that write to a pipe leave 0xFFFFFFFF where sizes belong. FFmpeg reads
past such a `data` chunk, but not past another one (`LIST`) before it.
"""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import IO, cast

_HEAD_BYTES = 1 << 20
"""How far the sound may begin from the start of the file."""


def repaired_wav(path: Path) -> IO[bytes] | None:
    """The file with a sound header of its own: `fmt ` and `data` alone, sizes right.

    None if the file is no WAV, or has no `fmt ` and `data` chunk to go by.
    """
    with open(path, "rb") as stream:
        head = stream.read(_HEAD_BYTES)
    if head[:4] not in (b"RIFF", b"RIFX", b"RF64") or head[8:12] != b"WAVE":
        return None
    fmt, data = head.find(b"fmt ", 12), head.find(b"data", 12)
    if head[:4] == b"RIFX" or fmt < 0 or data < fmt + 24:
        return None
    length = min(struct.unpack_from("<I", head, fmt + 4)[0], data - fmt - 8)
    form = head[fmt + 8 : fmt + 8 + length]
    begin = data + 8
    size = min(path.stat().st_size - begin, 0xFFFFFFFF - 64)
    header = b"RIFF" + struct.pack("<I", size + 20 + length) + b"WAVEfmt " + struct.pack("<I", length) + form
    return cast(IO[bytes], _Spliced(header + b"data" + struct.pack("<I", size), path, begin))


class _Spliced(io.RawIOBase):
    """`header`, then the file from byte `begin` on."""

    def __init__(self, header: bytes, path: Path, begin: int) -> None:
        self._header, self._begin, self._at = header, begin, 0
        self._stream = open(path, "rb")  # noqa: SIM115 (closed with this object)
        self._size = len(header) + path.stat().st_size - begin

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence])
        return self._at

    def read(self, size: int = -1) -> bytes:
        wanted = self._size if size < 0 else size
        first = self._header[self._at : self._at + wanted]
        if len(first) < wanted:
            self._stream.seek(self._begin + max(0, self._at - len(self._header)))
            first += self._stream.read(wanted - len(first))
        self._at += len(first)
        return first

    def close(self) -> None:
        self._stream.close()
        super().close()
