"""Scripts as tables: CSV with commas, semicolons or tabs, the first row naming the columns in English or Japanese."""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Iterator

from tasks.speech.scripts_text import Row, ScriptError
from tasks.tables import delimited

COLUMNS = {
    "character": ("character", "speaker", "role", "キャラクター", "キャラ", "役名", "話者"),
    "text": ("text", "line", "セリフ", "台詞", "テキスト"),
    "source": ("source", "audio", "recording", "音声", "音源"),
    "start": ("start", "begin", "開始"),
    "end": ("end", "終了"),
    "notes": ("notes", "note", "comment", "備考", "メモ"),
    "pitch_shift": ("pitch_shift", "pitch shift", "ピッチ"),
    "language": ("language", "lang", "言語"),
}
"""Field -> what its column may be called."""


def rows(name: str, text: str) -> list[Row]:
    """The rows of a table; ScriptError if its columns are not those of a script."""
    lines, skipped, delimiter = delimited(text)
    reader = csv.reader(io.StringIO("".join(lines[skipped:]), newline=""), delimiter=delimiter, strict=True)
    try:
        return list(_rows(name, reader, skipped))
    except csv.Error as error:
        raise ScriptError(f"{name}: line {reader.line_num + skipped} is no row of a table: {error}") from error


def _rows(name: str, reader: Iterator[list[str]], skipped: int) -> Iterator[Row]:
    header = next(reader, [])
    fields = _fields(name, header, skipped + 1)
    last = reader.line_num  # type: ignore[attr-defined]
    for cells in reader:
        first, last = last + 1, reader.line_num  # type: ignore[attr-defined]
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) > len(header) and any(cell.strip() for cell in cells[len(header) :]):
            raise ScriptError(
                f"{name}: line {first + skipped} has {len(cells)} columns, the first row names {len(header)}; "
                "put a text with commas into double quotes"
            )
        said = {field: cells[at] for field, at in fields.items() if at < len(cells)}
        yield Row(row=first + skipped, **said)


def _fields(name: str, header: list[str], line: int) -> dict[str, int]:
    """Field -> column."""
    known = {word: field for field, words in COLUMNS.items() for word in words}
    found: dict[str, int] = {}
    for at, cell in enumerate(header):
        word = cell.strip().lower()
        field = known.get(word)
        if field in found:
            raise ScriptError(f"{name}: line {line} names two columns for {field}; leave one of them out")
        if field:
            found[field] = at
        elif word and (near := difflib.get_close_matches(word, list(known), 1, 0.8)):
            raise ScriptError(f"{name}: line {line}: the column {cell.strip()!r} is unknown; did you mean {near[0]}?")
    if "text" not in found and "source" not in found:
        raise ScriptError(
            f"{name}: line {line} must name the columns: character, text or source, and as you need them start, end, "
            f"notes, pitch_shift, language (it says: {', '.join(header)[:80]!r})"
        )
    return found
