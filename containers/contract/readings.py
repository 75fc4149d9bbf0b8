"""Readings of words, the same for every engine: kana as people write them to kana as said, and words replaced by them.

Morphemes are what it does not know: whether a one-kanji word stands alone is for an engine with a dictionary to tell.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from .stages import WordReading

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
    given = sorted(readings, key=lambda each: (each.at is None, -len(each.word)))
    spans: list[tuple[int, int, str]] = []
    for each in given:
        places = [each.at] if each.at is not None else _places(text, each.word, bounded=not japanese)
        said = katakana(each.reading) if japanese else each.reading
        for start in places:
            end = start + len(each.word)
            if all(end <= first or last <= start for first, last, _ in spans):
                spans.append((start, end, said))
    for start, end, said in sorted(spans, reverse=True):
        text = text[:start] + said + text[end:]
    return text


def _places(text: str, word: str, *, bounded: bool) -> list[int]:
    edges = r"(?<!\w){}(?!\w)" if bounded else "{}"
    return [match.start() for match in re.finditer(edges.format(re.escape(word)), text, re.IGNORECASE)]
