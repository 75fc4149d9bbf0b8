"""Tars that travel between the house and a container: plain files under plain names, and nothing else.

Either side may be hostile to the other, so headers are read one by one: a link,
a device, an extended header or a path that leaves the folder ends the reading.
"""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO

from .errors import EngineError

BLOCK = 512
MEMBERS = 100_000
"""The most files a tar may hold."""


class ParcelError(EngineError):
    """A tar that is not what was agreed."""


def pack(target: Path, files: Iterable[tuple[str, Path]]) -> None:
    """Write a tar of files under the names given, in their order; the same files give the same bytes."""
    with tarfile.open(target, "w", format=tarfile.USTAR_FORMAT) as tar:
        for name, path in files:
            with open(path, "rb") as stream:
                about = tarfile.TarInfo(name)
                about.size = stream.seek(0, 2)
                stream.seek(0)
                try:
                    tar.addfile(about, stream)
                except ValueError as error:
                    raise ParcelError(f"{name[:80]!r} is no name for a file that travels: {error}") from error


def unpack(stream: BinaryIO, folder: Path, wanted: Callable[[str], bool], limit: int) -> dict[str, str]:
    """Write the files of a tar into a folder; gives name -> SHA-256.

    ParcelError for a member that is no plain file or not wanted, one that is there twice, and a tar of more than
    `limit` bytes. What was written by then is left to the caller.
    """
    written: dict[str, str] = {}
    left = limit
    while (about := _header(stream)) is not None:
        name = _checked(about, wanted)
        left -= about.size
        if left < 0 or len(written) >= MEMBERS:
            raise ParcelError(f"the tar holds more than {limit} bytes or {MEMBERS} files")
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(target, "xb") as file:
                written[name] = _copied(stream, file, about.size)
        except OSError as error:
            raise ParcelError(f"{name[:80]!r} cannot be written: {error.strerror}") from error
        _exactly(stream, -about.size % BLOCK)
    return written


def is_inside(name: str) -> bool:
    """Whether a name, split at slashes, stays below the folder it is put into."""
    parts = name.split("/")
    return all(part not in ("", ".", "..") for part in parts) and "\\" not in name and "\0" not in name


def _header(stream: BinaryIO) -> tarfile.TarInfo | None:
    block = stream.read(BLOCK)
    if len(block) == BLOCK and not any(block):
        return None
    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "strict")
    except (tarfile.HeaderError, ValueError) as error:
        raise ParcelError(f"the tar is damaged or cut off: {error}") from error


def _checked(about: tarfile.TarInfo, wanted: Callable[[str], bool]) -> str:
    if about.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or about.size < 0:
        raise ParcelError(f"{about.name[:80]!r} is no plain file")
    if not is_inside(about.name) or not wanted(about.name):
        raise ParcelError(f"{about.name[:80]!r} has no place here")
    return about.name


def _copied(stream: BinaryIO, file: BinaryIO, size: int) -> str:
    digest = hashlib.sha256()
    while size:
        block = stream.read(min(size, 1 << 20))
        if not block:
            raise ParcelError("the tar is cut off")
        digest.update(block)
        file.write(block)
        size -= len(block)
    return digest.hexdigest()


def _exactly(stream: BinaryIO, size: int) -> None:
    if len(stream.read(size)) != size:
        raise ParcelError("the tar is cut off")
