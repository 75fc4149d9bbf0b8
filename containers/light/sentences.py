"""A text in sentences: what is said in one breath, with its marks."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_LONG = 300
"""Characters, above which a sentence is cut at its commas too, so that a text without full stops shows its progress."""
_SENTENCE = re.compile(r"[^。．！？!?\n]+[。．！？!?\n]*[」』）)\"]*")
_CLOSING = "」』）)"
_GOES_ON = re.compile("と|って")
_CLAUSE = re.compile(r"[^、，,]+[、，,]*")


def speakable(text: str) -> bool:
    """Whether there is a letter or a digit in it, or a word that a private letter stands for."""
    return any(unicodedata.category(each) == "Co" or unicodedata.category(each)[0] in "LN" for each in text)


def sentences(text: str) -> list[str]:
    """Never cut within a word, nor between what is quoted and its と; those with nothing to say are left out.

    >>> sentences("走れ！ 「まだだ。」と叫ぶ。……いくぞ")
    ['走れ！', '「まだだ。」と叫ぶ。', '……いくぞ']
    """
    found: list[str] = []
    for match in _SENTENCE.finditer(text):
        whole = match.group().strip()
        if found and found[-1][-1] in _CLOSING and _GOES_ON.match(whole):
            whole = found.pop() + whole
        found += [whole] if len(whole) <= _LONG else list(_clauses(whole))
    return [each for each in found if speakable(each)]


def _clauses(sentence: str) -> Iterator[str]:
    said = ""
    for match in _CLAUSE.finditer(sentence):
        if said and len(said) + len(match.group()) > _LONG:
            yield said
            said = ""
        said += match.group()
    yield said
