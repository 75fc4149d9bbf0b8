"""What every stage speaks of: files of an item, stretches of time, turns, problems of a recording."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

CONTRACT = 1
"""Version of the form on disk; raised when an old engine could not read a new request."""


@dataclass(frozen=True, kw_only=True)
class File:
    """A file of an item: POSIX path relative to the item's folder, and its SHA-256 in hex."""

    path: str
    sha256: str

    def __post_init__(self) -> None:
        parts = self.path.split("/")
        if not self.path or self.path.startswith("/") or ".." in parts or "\\" in self.path:
            raise ValueError(f"a file's path stays inside its item, got {self.path!r}")
        if len(self.sha256) != 64 or set(self.sha256) - set("0123456789abcdef"):
            raise ValueError(f"a file needs its SHA-256 in hex, got {self.sha256!r}")


@dataclass(frozen=True, kw_only=True, order=True)
class Segment:
    """A stretch of time without a speaker."""

    start: float
    end: float

    def __post_init__(self) -> None:
        check_span(self.start, self.end)


@dataclass(frozen=True, kw_only=True, order=True)
class Turn:
    """One speaker, speaking without a break."""

    start: float
    end: float
    speaker: str

    def __post_init__(self) -> None:
        check_span(self.start, self.end)


def check_span(start: float, end: float) -> None:
    if not 0 <= start < end:
        raise ValueError(f"a stretch of time needs 0 <= start < end, got {start} and {end}")


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Something a person should know about a recording that is still usable."""

    kind: Literal[
        "truncated", "corrupt", "short", "silent", "quiet", "clipping", "one_sided",
        "phase_inverted", "mono", "telephone", "language", "no_speech", "singing", "other",
    ]  # fmt: skip
    text: str
