"""Folders that appear whole, and are replaced only if voicecast wrote everything in them.

A mark in the folder names each file with its hash; what it does not name, or
what has changed since, is somebody's own and stays.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from tasks.exporting.exports_material import ExportError

MARK = "voicecast-export.json"


def check_free(output: Path) -> None:
    """ExportError unless a folder may be written at `output`: nothing there, an empty folder, or one of our own."""
    if output.is_symlink():
        raise ExportError(f"{output} is a link; name the folder itself, or another --output")
    if not output.exists():
        return
    if not output.is_dir():
        raise ExportError(f"{output} is a file; name a new folder with --output")
    there = sorted(path.relative_to(output).as_posix() for path in output.rglob("*") if not path.is_dir())
    if not there:
        return
    ours = _marked(output)
    foreign = [name for name in there if name != MARK and _hash(output / name) != ours.get(name)]
    if foreign or MARK not in there:
        what = foreign[0] if foreign else there[0]
        more = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
        raise ExportError(
            f"{output} holds {what!r}{more}, which voicecast did not write (or which has changed since); nothing was "
            "written. Move it away, or name another folder with --output"
        )


def write_folder(output: Path, files: Iterable[tuple[str, bytes]]) -> None:
    """Write all files (path -> contents) into a new folder beside `output`, then put it in its place.

    The mark is written last. A kill leaves what was there before, or, between two renames, nothing: never half of
    it. Whatever an earlier kill left beside is removed.
    """
    output = output.absolute()
    output.parent.mkdir(parents=True, exist_ok=True)
    for left in output.parent.glob(f".{_literal(output.name)[:60]}.voicecast-*"):
        shutil.rmtree(left, ignore_errors=True)
    beside = output.parent / f".{output.name[:60]}.voicecast-{uuid.uuid4().hex}"
    beside.mkdir()
    try:
        hashes = {name: _put(beside, name, data) for name, data in files}
        mark = {"by": "voicecast", "files": hashes}
        _put(beside, MARK, (json.dumps(mark, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode())
        check_free(output)
        if output.exists():
            old = output.parent / f".{output.name[:60]}.voicecast-{uuid.uuid4().hex}"
            os.rename(output, old)
            os.rename(beside, output)
            shutil.rmtree(old, ignore_errors=True)
        else:
            os.rename(beside, output)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _put(folder: Path, name: str, data: bytes) -> str:
    parts = PurePosixPath(name).parts
    if not parts or ".." in parts or name.startswith("/"):
        raise ExportError(f"{name!r} would leave the folder")
    path = folder.joinpath(*parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def _marked(output: Path) -> dict[str, str]:
    try:
        said = json.loads((output / MARK).read_text("utf-8"))
        return {str(name): str(sha256) for name, sha256 in said["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _hash(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() and not path.is_symlink() else None


def _literal(name: str) -> str:
    """A name as a glob pattern that means only itself."""
    return "".join(f"[{each}]" if each in "*?[" else each for each in name)
