"""The text of a script: encodings as spreadsheets and subtitle editors write them, rows, and times."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tasks import tables

_SECONDS = re.compile(r"\d+(?:[.,]\d+)?")
_CLOCK = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:[.,]\d+)?)")


class ScriptError(ValueError):
    """A script cannot be used; the message names file, line and the way out."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A line of a script as it was written; `row`: its line in the file, from 1."""

    row: int
    character: str = ""
    text: str = ""
    source: str = ""
    start: str = ""
    end: str = ""
    notes: str = ""
    pitch_shift: str = ""
    language: str = ""


def decoded(path: Path) -> str:
    """Text of a script; ScriptError where it is in no encoding that is known."""
    try:
        return tables.decoded(path)
    except tables.Unreadable as error:
        raise ScriptError(str(error)) from error


def seconds_of(said: str) -> float | None:
    """Seconds that a person wrote as a number or a clock; None for what is neither.

    >>> seconds_of("62.5"), seconds_of("1:02,5"), seconds_of("00:01:02.500"), seconds_of("00:01:02:12")
    (62.5, 62.5, 62.5, None)
    """
    said = said.strip()
    if _SECONDS.fullmatch(said):
        return float(said.replace(",", "."))
    found = _CLOCK.fullmatch(said)
    if found is None:
        return None
    hours, minutes, seconds = int(found[1] or 0), int(found[2]), float(found[3].replace(",", "."))
    return None if seconds >= 60 or (found[1] and minutes >= 60) else 3600 * hours + 60 * minutes + seconds
