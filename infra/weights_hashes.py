"""What the files of weights hash to, read once: remembered by place, size and time.

The memory lies in the weights folder as .hashes.json and is disposable. Where
that cannot be written, this process still remembers. Entries lost to a process
that writes at the same time are found again.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from containers.contract.item import sha256_of

Stamp = tuple[str, int, int]
"""Path, size in bytes, time of the last change in nanoseconds."""

_ROWS = TypeAdapter(dict[str, tuple[int, int, str]])
_known: dict[Stamp, str] = {}


def sha256s(folder: Path, files: Mapping[str, Path], *, again: bool = False) -> dict[str, str]:
    """Name -> SHA-256 of these files below `folder`; `again`: all are read, whatever is remembered."""
    stamps = {name: _stamp(path) for name, path in files.items()}
    if not again and not _known.keys() >= set(stamps.values()):
        _known.update(_saved(folder))
    new = {stamp: sha256_of(Path(stamp[0])) for stamp in stamps.values() if again or stamp not in _known}
    if new:
        remember(folder, new)
    return {name: _known[stamp] for name, stamp in stamps.items()}


def remember_files(folder: Path, files: Mapping[Path, str]) -> None:
    """Note the hashes of files that were just written."""
    remember(folder, {_stamp(path): sha256 for path, sha256 in files.items()})


def remember(folder: Path, new: Mapping[Stamp, str]) -> None:
    """Keep hashes for this process and, where the folder can be written, for later ones."""
    _known.update(new)
    every = {path: (size, time, sha256) for (path, size, time), sha256 in {**_saved(folder), **new}.items()}
    rows = {str(Path(path).relative_to(folder)): row for path, row in every.items() if Path(path).exists()}
    with suppress(OSError):
        write_whole(folder / ".hashes.json", json.dumps(rows, sort_keys=True))


def write_whole(path: Path, text: str) -> None:
    """Write a small file that is seen whole or not at all."""
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with open(partial, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _stamp(path: Path) -> Stamp:
    about = path.stat()
    return str(path), about.st_size, about.st_mtime_ns


def _saved(folder: Path) -> dict[Stamp, str]:
    try:
        rows = _ROWS.validate_json((folder / ".hashes.json").read_bytes())
    except (OSError, ValidationError):
        return {}
    return {(str(folder / inside), size, time): sha256 for inside, (size, time, sha256) in rows.items()}
