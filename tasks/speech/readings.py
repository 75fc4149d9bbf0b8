"""How words of the series are read: its dictionary, and readings that a line carries itself.

A line may say how a word is read in this place as printed Japanese does: ｜運命《さだめ》, and with its accent
｜豪炎寺《ごうえんじ 0》. The ｜ may be left out before kanji, katakana or a Latin word. All other words are read as the
dictionary of the series says, and each request carries only those that occur in its text: a changed entry makes
nothing anew but the lines that hold the word.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from containers.contract.errors import RecordingError
from containers.contract.readings import accent_of, katakana, occurring
from containers.contract.stages import WordReading
from containers.contract.written_out import folded
from tasks.series import JAPANESE, Series
from tasks.speech.dictionary import dictionary_of

_WITH_READING = re.compile(
    r"(?:[｜|](?P<marked>[^｜|《》\n]+)|(?P<bare>[一-鿿㐀-䶿々〆ヶ]+|[ァ-ヺー・]+|[A-Za-z0-9'’-]+))《(?P<reading>[^《》\n]+)》"
)
_KANA = re.compile(r"[ぁ-ゖァ-ヺ]")
_ACCENT = re.compile(r"\s*\[?(\d+)\]?\s*$")


class ReadingError(RecordingError):
    """A reading written into a line cannot be said: that line's fault. The message shows it and how to write it."""


@dataclass(frozen=True, kw_only=True)
class Said:
    """A line without its marks, and how words in it are read."""

    text: str
    readings: tuple[WordReading, ...]


def said_as(series: Series, line: str, language: str | None = None) -> Said:
    """What an engine gets of a line. SeriesError for a bad dictionary; ReadingError for a bad reading in the line, and
    for kana in a line of another language, which engines would spell out letter by letter.

    `language`: of the line, where it is not the series'; the dictionary is for that of the series.
    """
    language = language or series.language
    japanese = language in JAPANESE
    if not japanese and _KANA.search(line):
        raise ReadingError(
            f"{line[:40]!r} holds kana and is to be said in {language!r}; say --language ja, or translate it"
        )
    text, here = _taken_out(folded(line) if japanese else unicodedata.normalize("NFC", line), japanese)
    known = dictionary_of(series) if language == series.language else ()
    return Said(text=text, readings=(*here, *occurring(text, known, japanese=japanese)))


def _taken_out(line: str, japanese: bool) -> tuple[str, list[WordReading]]:
    text, end, found = "", 0, list[WordReading]()
    for match in _WITH_READING.finditer(line):
        base = match["marked"] or match["bare"]
        if not match["marked"] and japanese and not _is_kana(match["reading"]):
            continue
        text += line[end : match.start()]
        found.append(_reading(base, match["reading"], len(text), japanese))
        text += base
        end = match.end()
    return text + line[end:], found


def _reading(word: str, written: str, at: int, japanese: bool) -> WordReading:
    accent = _ACCENT.search(written) if japanese else None
    kana = written[: accent.start()] if accent else written
    try:
        given = WordReading(word=word, reading=kana, accent=int(accent[1]) if accent else None, at=at)
        if japanese:
            accent_of(given)
    except ValueError as error:
        raise ReadingError(
            f"｜{word}《{written}》: {error}; write it like ｜豪炎寺《ごうえんじ》 or 《ごうえんじ 0》"
        ) from error
    return given


def _is_kana(written: str) -> bool:
    try:
        katakana(_ACCENT.sub("", written))
    except ValueError:
        return False
    return True
