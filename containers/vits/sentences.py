"""A text in pieces that are said in one breath."""

from __future__ import annotations

import re
import unicodedata

_SENTENCE = re.compile(r"[^。．.！？!?…\n]+(?:\.(?=\w)[^。．.！？!?…\n]*)*[。．.！？!?…\n]*[」』）)\"]*")
_CLOSING = "」』）)"
_GOES_ON = re.compile("と|って")


def sentences(text: str) -> list[str]:
    """Marks are kept, and と with what it quotes; pieces with nothing to say are left out.

    >>> sentences("走れ！ 「まだだ。」と叫ぶ。……3.5点？ Go! Now.")
    ['走れ！', '「まだだ。」と叫ぶ。', '3.5点？', 'Go!', 'Now.']
    """
    found: list[str] = []
    for match in _SENTENCE.finditer(unicodedata.normalize("NFC", text)):
        piece = match.group().strip()
        if found and found[-1][-1] in _CLOSING and _GOES_ON.match(piece):
            piece = found.pop() + piece
        if any(unicodedata.category(each) == "Co" or unicodedata.category(each)[0] in "LN" for each in piece):
            found.append(piece)
    return found
