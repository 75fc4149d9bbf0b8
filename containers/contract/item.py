"""An item: one request, its folder, and what a backend may do there."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from pathlib import Path

from .errors import EngineError
from .stages import File


class Item:
    """The folder of one request, handed to a backend's stage function."""

    def __init__(self, path: Path) -> None:
        self.id = path.name
        self.path = path
        self._said = 0.0

    def input(self, file: File) -> Path:
        """Where an input file lies, checked against its hash."""
        path = self.path / file.path
        if not path.is_file():
            raise EngineError(f"{file.path} did not arrive with the request; run the stage again")
        if sha256_of(path) != file.sha256:
            raise EngineError(
                f"{file.path} is not the file that was sent: it is damaged in the store (run voicecast repair), or was "
                "on the way here (run the stage again)"
            )
        return path

    def output(self, name: str) -> Path:
        """Where to write an output file, such as `vocals.flac`."""
        path = self.path / "out" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def file(self, path: Path) -> File:
        """An output that has been written, with its hash."""
        return File(path=path.relative_to(self.path).as_posix(), sha256=sha256_of(path))

    @property
    def state(self) -> Path:
        """Kept between attempts at the same request (checkpoints)."""
        path = self.path / "state"
        path.mkdir(exist_ok=True)
        return path

    def progress(self, done: float) -> None:
        """Say how far this item is, from 0 to 1; at most five times a second, loss does no harm."""
        now = time.monotonic()
        if now - self._said >= 0.2 or done >= 1:
            self._said = now
            line = json.dumps({"item": self.id, "done": round(done, 4)}) + "\n"
            with contextlib.suppress(OSError):  # nobody listens any more
                os.write(1, line.encode())


def sha256_of(path: Path) -> str:
    """SHA-256 of a file in hex."""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def cache_folder() -> Path:
    """Engine-wide and disposable: kept between starts where the runner can."""
    path = Path(os.environ.get("VOICECAST_CACHE", "/cache"))
    path.mkdir(parents=True, exist_ok=True)
    return path
