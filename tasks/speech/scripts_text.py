"""The text of a script: encodings as spreadsheets and subtitle editors write them, rows, and times."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

_SECONDS = re.compile(r"\d+(?:[.,]\d+)?")
_CLOCK = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:[.,]\d+)?)")
_KANA = re.compile("[\u3041-\u30ff]")
_LIMIT_BYTES = 32 << 20


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
    """Text of a script: UTF-8 (with or without mark), UTF-16 by its mark, or Japanese Windows (CP932, Shift-JIS).

    What is none of them is refused: a guess would say words that nobody wrote.
    """
    try:
        if path.stat().st_size > _LIMIT_BYTES:
            raise ScriptError(f"{path} is larger than 32 MB, and no script")
        data = path.read_bytes()
    except OSError as error:
        raise ScriptError(f"{path} cannot be read: {error.strerror}") from error
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _strictly(path, data, "utf-16")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
    try:
        text = data.decode("cp932")
    except UnicodeDecodeError:
        text = ""
    if not _KANA.search(text):  # western text of an old code page often is valid CP932, of kanji that nobody wrote
        raise ScriptError(f"{path}: line {line} is neither UTF-8 nor Shift-JIS (CP932); save the file as UTF-8")
    return text


def _strictly(path: Path, data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise ScriptError(f"{path} begins as {encoding.upper()} and is none; save the file as UTF-8") from error


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


def folded(name: str) -> str:
    """A name as it is compared: width and case do not count."""
    return unicodedata.normalize("NFKC", name).strip().casefold()
