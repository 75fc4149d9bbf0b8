"""Texts and tables of people's: encodings and separators as spreadsheets and editors save them."""

from __future__ import annotations

import re
from pathlib import Path

_KANA = re.compile("[\u3041-\u30ff]")
_LIMIT_BYTES = 32 << 20


class Unreadable(ValueError):
    """A file's text cannot be read; the message names file, line and the way out."""


def decoded(path: Path) -> str:
    """UTF-8 (with or without mark), UTF-16 by its mark, or Japanese Windows (CP932, Shift-JIS).

    What is none of them is refused: a guess would give words that nobody wrote.
    """
    try:
        if path.stat().st_size > _LIMIT_BYTES:
            raise Unreadable(f"{path} is larger than 32 MB, and no text of a person's")
        data = path.read_bytes()
    except OSError as error:
        raise Unreadable(f"{path} cannot be read: {error.strerror}") from error
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
        raise Unreadable(f"{path}: line {line} is neither UTF-8 nor Shift-JIS (CP932); save the file as UTF-8")
    return text


def delimited(text: str) -> tuple[list[str], int, str]:
    """The lines of a table with their ends, how many of them come before its first row, and what separates columns.

    >>> delimited("sep=;\\na;b,c\\n"), delimited("a\\tb\\n")
    ((['sep=;\\n', 'a;b,c\\n'], 1, ';'), (['a\\tb\\n'], 0, '\\t'))
    """
    lines = text.splitlines(keepends=True)
    told = lines[0].strip().lower() if lines else ""
    if told.startswith("sep=") and len(told) == 5:  # a word of Excel's to itself
        return lines, 1, told[4]
    return lines, 0, max(",;\t", key=(lines[0] if lines else "").count)


def _strictly(path: Path, data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise Unreadable(f"{path} begins as {encoding.upper()} and is none; save the file as UTF-8") from error
