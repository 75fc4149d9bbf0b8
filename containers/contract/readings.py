"""Readings of words, the same for every engine: kana as people write them to kana as said, and words replaced by them.

Morphemes are what it does not know: whether a one-kanji word stands alone is for an engine with a dictionary to tell.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

from .stages import WordReading

_FIRST_MARK = "\ue000"
"""Letters for private use, which no text holds: Unicode, U+E000 to U+F8FF."""
_SMALL = "ァィゥェォャュョヮ"
_VOWELS = {
    "オ": "オコソトノホモヨロゴゾドボポォョ",
    "エ": "エケセテネヘメレゲゼデベペェ",
}
_SAID_LONG = {"ウ": "オ", "イ": "エ"}
"""A vowel written after this row of kana makes the one before it long: エンドウ is said エンドー, ケイ ケー."""


def katakana(reading: str) -> str:
    """Kana as said: katakana with ー. A middle dot, or a space, keeps the vowels beside it apart and is left out.

    Raises ValueError for anything but kana.

    >>> katakana("えんどう まもる"), katakana("ｺﾞｯﾄﾞﾊﾝﾄﾞ"), katakana("コ・ウシ")
    ('エンドーマモル', 'ゴッドハンド', 'コウシ')
    """
    written = unicodedata.normalize("NFKC", reading).strip()
    kana = "".join(chr(ord(each) + 0x60) if "ぁ" <= each <= "ゖ" else each for each in written)
    strange = sorted({each for each in kana if not ("ァ" <= each <= "ヺ" or each in "ー・ ")})
    if strange or not re.search("[ァ-ヺ]", kana):
        shown = " ".join(strange) or "nothing else"
        raise ValueError(f"a Japanese reading is written in kana, got {reading!r} (with {shown})")
    parts = re.split("[・ ]+", kana)
    return "".join(_as_said(part) for part in parts)


def _as_said(kana: str) -> str:
    said = ""
    for each in kana:
        row = _VOWELS.get(_SAID_LONG.get(each, ""), "")
        said += "ー" if said and said[-1] in row else each
    return said


def moras(kana: str) -> list[str]:
    """The moras of katakana.

    >>> moras("シュートーッ")
    ['シュ', 'ー', 'ト', 'ー', 'ッ']
    """
    return re.findall(f".[{_SMALL}]?", kana)


def accent_of(word: WordReading) -> int:
    """Where the pitch falls; ValueError where the word has fewer moras.

    Without an accent given: on the third mora from the end, one earlier where that is no vowel of its own (ー ッ ン),
    as in most loanwords and many names (Kubozono, Where does loanword prosody come from?, 2006).

    >>> accent_of(WordReading(word="ゴッドハンド", reading="ゴッドハンド"))
    4
    """
    said = moras(katakana(word.reading))
    if word.accent is None:
        place = max(1, len(said) - 2)
        return place - 1 if place > 1 and said[place - 1] in "ーッン" else place
    if word.accent > len(said):
        raise ValueError(f"{word.word} has {len(said)} moras, so that its accent cannot be on the {word.accent}.")
    return word.accent


def replaced(text: str, readings: Iterable[WordReading], *, japanese: bool = False) -> str:
    """The text with its words respelled: those of a place there, the others wherever they stand, the longest first.

    A word of letters is not replaced within a longer one; Japanese has no spaces, so there every occurrence is one.

    >>> replaced("Endou, Endoute!", [WordReading(word="Endou", reading="En-doe")])
    'En-doe, Endoute!'
    """
    for start, end, each in reversed(_spans(text, readings, bounded=not japanese)):
        text = text[:start] + (katakana(each.reading) if japanese else each.reading) + text[end:]
    return text


def occurring(text: str, readings: Iterable[WordReading], *, japanese: bool) -> tuple[WordReading, ...]:
    """Those whose word stands in the text, in their order."""
    return tuple(each for each in readings if _places(text, each, bounded=not japanese))


def marked(text: str, readings: Iterable[WordReading]) -> tuple[str, dict[str, WordReading]]:
    """Japanese text in which words of one place, and words of more than letters, are a letter each that nobody uses.

    A morphological analyser takes such a letter for a word wherever it stands, if it finds it in its dictionary; words
    of letters alone it tells by itself from longer ones that hold them. Returns the text and what each letter means.

    >>> text, words = marked("モー娘。が来た。", [WordReading(word="モー娘。", reading="モームス")])
    >>> text, [each.word for each in words.values()]
    ('\ue000が来た。', ['モー娘。'])
    """
    text = "".join(each for each in text if not _FIRST_MARK <= each <= "\uf8ff")
    special = [each for each in readings if each.at is not None or not each.word.isalpha()]
    words = {}
    for count, (start, end, each) in enumerate(reversed(_spans(text, special, bounded=False))):
        mark = chr(ord(_FIRST_MARK) + count)
        words[mark] = each
        text = text[:start] + mark + text[end:]
    return text, words


def dictionary_rows(words: Mapping[str, WordReading]) -> list[str]:
    """Rows of a user dictionary of Open JTalk (naist-jdic): surface as the text has it -> how it is read.

    ValueError for a reading that is not kana, or an accent that it has no mora for. The cost falls with the length, so
    that a word of two letters and more wins over what the dictionary makes of them, one of a single kanji does not win
    over a known word that holds it, and the longer of two given ones wins over its parts.
    """
    rows = []
    for surface, each in words.items():
        kana = katakana(each.reading)
        cost = -25000 if _FIRST_MARK <= surface <= "\uf8ff" else max(-30000, 6000 - 3000 * len(surface))
        place = f"{accent_of(each)}/{len(moras(kana))}"
        rows.append(f"{_wide(surface)},,,{cost},名詞,固有名詞,一般,*,*,*,{_wide(surface)},{kana},{kana},{place},*")
    return rows


def surfaces(text: str, readings: Iterable[WordReading]) -> dict[str, WordReading]:
    """Each word as the text writes it (GOAL, Goal), where `marked` left it as it is."""
    found = {}
    for each in readings:
        if each.at is None and each.word.isalpha():
            found.update({text[start : start + len(each.word)]: each for start in _places(text, each, bounded=False)})
    return found


def _spans(text: str, readings: Iterable[WordReading], *, bounded: bool) -> list[tuple[int, int, WordReading]]:
    """Where which word is read as given, in order; none overlaps another."""
    spans: list[tuple[int, int, WordReading]] = []
    for each in sorted(readings, key=lambda each: (each.at is None, -len(each.word))):
        for start in _places(text, each, bounded=bounded):
            end = start + len(each.word)
            if all(end <= first or last <= start for first, last, _ in spans):
                spans.append((start, end, each))
    return sorted(spans, key=lambda span: span[0])


def _places(text: str, each: WordReading, *, bounded: bool) -> list[int]:
    if each.at is not None:
        return [each.at]
    word = re.escape(each.word)
    pattern = rf"(?<!\w){word}(?!\w)" if bounded else word
    return [match.start() for match in re.finditer(pattern, text, re.IGNORECASE)]


def _wide(surface: str) -> str:
    """Letters and digits as Open JTalk's dictionary has them: of the full width."""
    return "".join(chr(ord(each) + 0xFEE0) if "!" <= each <= "~" else each for each in surface)
