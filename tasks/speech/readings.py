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
from containers.contract.readings import accent_of, katakana, occurring, replaced
from containers.contract.stages import WordReading
from containers.contract.written_out import folded
from tasks.series import JAPANESE, Series
from tasks.speech.dictionary import dictionary_of

_WITH_READING = re.compile(
    r"(?:[｜|](?P<marked>[^｜|《》\n]+)|(?P<bare>[一-鿿㐀-䶿々〆ヶ]+|[ァ-ヺー・]+|[A-Za-z0-9'’-]+))《(?P<reading>[^《》\n]+)》"
)
_CHINESE = ("zh", "zho", "chi", "cmn", "yue", "wuu", "nan", "hak", "gan", "hsn", "lzh")
_KOREAN = ("ko", "kor")
_WRITTEN_IN = (
    ("kana", re.compile(r"[ぁ-ゖァ-ヺー・ｦ-ﾟ]*[ぁ-ゖァ-ヺｦ-ﾟ]+[ぁ-ゖァ-ヺー・ｦ-ﾟ]*"), JAPANESE),
    ("Chinese characters", re.compile(r"[一-鿿㐀-䶿々〆]+"), (*JAPANESE, *_CHINESE, *_KOREAN)),
    ("hangul", re.compile(r"[가-힣]+"), _KOREAN),
)
"""Letters, and the languages whose engines know how they are said; others spell them out by their names."""
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
    for words in letters of another language that no reading says, which engines would spell out.

    `language`: of the line, where it is not the series'; the dictionary is for that of the series.
    """
    language = language or series.language
    spoken = _of_region(language)
    japanese = spoken in JAPANESE
    text, here = _taken_out(folded(line) if japanese else unicodedata.normalize("NFC", line), japanese)
    alike = spoken == series.language or (japanese and series.japanese)
    known = dictionary_of(series) if alike else ()
    readings = (*here, *occurring(text, known, japanese=japanese))
    if not japanese:
        _check_letters(replaced(text, readings), spoken, language)
    return Said(text=text, readings=readings)


def _of_region(language: str) -> str:
    """`zh` of zh-TW and zh_Hant."""
    return re.split("[-_]", language.strip().lower())[0]


def _check_letters(said: str, spoken: str, language: str) -> None:
    for letters, pattern, languages in _WRITTEN_IN:
        found = pattern.search(said)
        if found and spoken not in languages:
            word = found.group()[:20]
            raise ReadingError(
                f"{word!r} is written in {letters} and the line is to be said in {language!r}: write how it is said "
                f"there, as ｜{word}《...》, translate it, or say which language the line is in (--language; in a "
                "table, a column `language` for single lines)"
            )


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
