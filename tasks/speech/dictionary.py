"""The dictionary of a series: words with their readings, from the series file and from CSV files beside it.

A CSV file has the columns surface, reading and accent (a header may say which is where), or is a user dictionary of
Open JTalk as other programs write it (15 columns).
"""

from __future__ import annotations

import csv
import functools
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from containers.contract.stages import WordReading
from containers.contract.written_out import folded
from tasks.series import Series, SeriesError
from tasks.speech.words import checked

_OPEN_JTALK = 13
"""Columns that a row of MeCab's user dictionaries has at least: surface first, pronunciation and accent last."""


def dictionary_of(series: Series) -> tuple[WordReading, ...]:
    """Its words; of two entries of one word the later. SeriesError names the file and the line of a bad one."""
    found: dict[str, WordReading] = {}
    for each in series.dictionary:
        if isinstance(each, str):
            path = series.folder / each
            found |= {word.word: word for word in _words_in(path, _state(path), series.japanese)}
        else:
            word = _plain(each.surface, series.japanese)
            found[word] = WordReading(word=word, reading=each.reading, accent=each.accent)
    return tuple(found.values())


def _plain(word: str, japanese: bool) -> str:
    """A word in the one way of writing that texts are brought to."""
    return (folded(word) if japanese else unicodedata.normalize("NFC", word)).strip()


def _state(path: Path) -> tuple[int, int]:
    """What changes when the file does."""
    try:
        about = path.stat()
    except OSError as error:
        raise SeriesError(
            f"dictionary: {path} cannot be read ({error.strerror}); name a CSV file of words there, or leave it out"
        ) from error
    return about.st_mtime_ns, about.st_size


@functools.lru_cache(maxsize=8)
def _words_in(path: Path, _: tuple[int, int], japanese: bool) -> tuple[WordReading, ...]:
    lines = _text(path).splitlines()
    rows = csv.reader(lines, delimiter="\t" if lines and "\t" in lines[0] else ",")
    found: dict[str, tuple[int, WordReading]] = {}
    places = (0, 1, 2)
    for number, row in enumerate(rows, 1):
        cells = [cell.strip() for cell in row]
        if not any(cells) or cells[0].startswith("#"):
            continue
        if "surface" in cells and "reading" in cells:
            places = (
                cells.index("surface"),
                cells.index("reading"),
                cells.index("accent") if "accent" in cells else -1,
            )
            continue
        try:
            given = _word(cells, places, japanese)
        except ValueError as error:
            raise SeriesError(f"{path}, line {number}: {error}") from error
        before = found.get(given.word)
        if before and before[1] != given:
            raise SeriesError(f"{path}, line {number}: {given.word} is read otherwise on line {before[0]}; keep one")
        found[given.word] = (number, given)
    return tuple(word for _, word in found.values())


def _word(cells: list[str], places: Iterable[int], japanese: bool) -> WordReading:
    surface, reading, accent = (0, 12, 13) if len(cells) >= _OPEN_JTALK else places
    if len(cells) <= max(surface, reading):
        raise ValueError("a line needs a word and its reading, such as: 豪炎寺,ごうえんじ,0")
    written = cells[accent].split("/")[0].strip("*") if 0 <= accent < len(cells) else ""
    if written and not written.isdecimal():
        raise ValueError(f"the accent of {cells[surface]} is the number of a mora, 0 for none, not {written!r}")
    given = WordReading(
        word=_plain(cells[surface], japanese), reading=cells[reading], accent=int(written) if written else None
    )
    return checked(given, japanese=japanese)


def _text(path: Path) -> str:
    data = path.read_bytes()
    for encoding in ("utf-8-sig", "cp932"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise SeriesError(f"dictionary: {path} is neither UTF-8 nor Shift-JIS text; save it as UTF-8")
