"""Japanese sentences for Open JTalk, and an Open JTalk that knows the given readings and Latin words of the text."""

from __future__ import annotations

import contextlib
import functools
import io
import re
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import kanalizer

from containers.contract.errors import RequestError
from containers.contract.readings import dictionary_rows, marked, surfaces
from containers.contract.stages import WordReading
from containers.contract.written_out import folded, written_out

from .sentences import sentences

_LATIN = re.compile(r"[A-Za-z]+(?:['’][A-Za-z]+)*")
_INITIALS = 4
"""Capitals alone, no more than these and in no dictionary, are said letter by letter; and letters without a vowel."""


@contextlib.contextmanager
def prepared(text: str, readings: Iterable[WordReading]) -> Iterator[tuple[list[str], Any]]:
    """The sentences, and the analyser to read them by. RequestError for a reading that cannot be said."""
    given = list(readings)
    given += _spelled(folded(text), {each.word.casefold() for each in given})
    text, marks = marked(text, given)
    pieces = sentences(written_out(text))
    try:
        rows = dictionary_rows({**surfaces("\n".join(pieces), reversed(given)), **marks})
    except ValueError as error:
        raise RequestError(str(error)) from error
    with _dictionary(rows) as analyser:
        yield pieces, analyser


@functools.cache
def open_jtalk() -> ModuleType:
    """pyopenjtalk, without its advertisement on standard output."""
    with contextlib.redirect_stdout(io.StringIO()):
        import pyopenjtalk

    return pyopenjtalk


def _spelled(text: str, told: set[str]) -> list[WordReading]:
    """Latin words that Open JTalk would spell letter by letter, as kanalizer (VOICEVOX) says them."""
    found = []
    for word in dict.fromkeys(_LATIN.findall(text)):
        initials = (word.isupper() and len(word) <= _INITIALS) or not re.search("[aeiouy]", word, re.IGNORECASE)
        if len(word) < 2 or initials or word.casefold() in told or _known(word):
            continue
        found.append(WordReading(word=word, reading=kanalizer.convert(re.sub("[^a-z]", "", word.lower()))))
    return found


@functools.lru_cache(maxsize=1000)
def _known(word: str) -> bool:
    """Whether Open JTalk has it as one word."""
    _, morphs = open_jtalk().run_mecab_detailed(word)
    return len(morphs) == 1 and not morphs[0]["is_unknown"]


@contextlib.contextmanager
def _dictionary(rows: list[str]) -> Iterator[Any]:
    """Open JTalk with these words beside its own; None, which is its own alone, where there are none."""
    if not rows:
        yield None
        return
    jtalk = open_jtalk()
    with tempfile.TemporaryDirectory(prefix="readings-") as folder:
        written, built = Path(folder) / "words.csv", Path(folder) / "words.dic"
        written.write_text("\n".join(rows) + "\n", "utf-8")
        jtalk.mecab_dict_index(str(written), str(built))
        yield jtalk.OpenJTalk(
            dn_mecab=jtalk.OPEN_JTALK_DICT_DIR,
            userdic=str(built).encode(),
            userdic_reading_protection=[True],
        )
