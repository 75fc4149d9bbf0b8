"""Files that a command hands out: whole or not there, so that no player and no upload takes half of one."""

from __future__ import annotations

import os
from pathlib import Path


def write_out(path: Path, data: bytes, about: bytes | None = None) -> None:
    """Write a file in place of what was there, and its .json beside it; what is no plain file (a pipe) is written to.

    OSError names the file; half of it is left nowhere.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for to, content in ((path, data), (path.with_suffix(".json"), about)):
        if content is not None:
            _write(to, content)


def _write(path: Path, data: bytes) -> None:
    if path.exists() and not path.is_file():
        path.write_bytes(data)
        return
    partial = path.with_name(f".{os.getpid()}.partial")  # short: the name itself may be as long as a name can be
    try:
        partial.write_bytes(data)
        os.replace(partial, path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error
