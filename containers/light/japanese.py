"""Japanese text read by Open JTalk: kana, accent phrases and the words they come from, with given readings."""

from __future__ import annotations

import contextlib
import functools
import io
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import kanalizer
import numpy as np
from numpy.typing import NDArray

from containers.contract.errors import RequestError
from containers.contract.readings import dictionary_rows, marked, surfaces
from containers.contract.stages import AccentPhrase, ReadWord, WordReading
from containers.contract.written_out import folded, written_out

from .sentences import sentences

JTALK_RATE_HZ = 48000
_LATIN = re.compile(r"[A-Za-z]+(?:['’][A-Za-z]+)*")
_INITIALS = 4
"""Capitals alone, no more than these and in no dictionary, are said letter by letter; and letters without a vowel."""

Origin = Literal["given", "known", "guessed"]


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """A sentence as read: `features` are what Open JTalk speaks from."""

    features: list[Any]
    phrases: tuple[AccentPhrase, ...]
    reading: str

    def speech(self, rate: float) -> NDArray[np.float64]:
        """Mono at 48 kHz, full scale 32768; empty where there is nothing to say."""
        jtalk = open_jtalk()
        labels = jtalk.make_label(self.features)
        return np.asarray(jtalk.synthesize(labels, rate)[0] if labels else (), np.float64)


def read(text: str, readings: Iterable[WordReading] = ()) -> list[Sentence]:
    """The sentences of a text. RequestError for a reading that is no kana, or an accent beyond the word's end."""
    given = list(readings)
    guessed = _spelled(folded(text), given)
    text, marks = marked(text, [*given, *guessed])
    pieces = sentences(written_out(text))
    words = surfaces("\n".join(pieces), given)
    english = {surface: each for surface, each in surfaces("\n".join(pieces), guessed).items() if surface not in words}
    try:
        rows = dictionary_rows({**words, **english, **marks})
    except ValueError as error:
        raise RequestError(str(error)) from error
    origins: dict[str, Origin] = {surface: "guessed" for surface in english}
    origins |= {mark: "guessed" if each in guessed else "given" for mark, each in marks.items()}
    with _dictionary(rows) as analyser:
        return [_sentence(piece, analyser, marks, origins) for piece in pieces]


def japanese(sentence: str, rate: float = 1.0) -> NDArray[np.float64]:
    """Open JTalk's speech of one sentence: mono at 48 kHz, full scale 32768; empty if it finds nothing to say."""
    jtalk = open_jtalk()
    labels = jtalk.extract_fullcontext(sentence)
    return np.asarray(jtalk.synthesize(labels, rate)[0] if labels else (), np.float64)


@functools.cache
def open_jtalk() -> ModuleType:
    """pyopenjtalk, without its advertisement on standard output."""
    with contextlib.redirect_stdout(io.StringIO()):
        import pyopenjtalk

    return pyopenjtalk


def _spelled(text: str, given: list[WordReading]) -> list[WordReading]:
    """Latin words that Open JTalk would spell letter by letter, as kanalizer (VOICEVOX) says them."""
    told = {each.word.casefold() for each in given}
    found = []
    for word in dict.fromkeys(_LATIN.findall(text)):
        initials = (word.isupper() and len(word) <= _INITIALS) or not re.search("[aeiouy]", word, re.IGNORECASE)
        if len(word) < 2 or initials or word.casefold() in told or _known(word):
            continue
        letters = re.sub("[^a-z]", "", word.lower())
        found.append(WordReading(word=word, reading=kanalizer.convert(letters)))
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


def _sentence(text: str, analyser: Any, marks: Mapping[str, WordReading], origins: Mapping[str, Origin]) -> Sentence:
    jtalk = open_jtalk()
    features, morphs = jtalk.run_frontend_detailed(text, jtalk=analyser)
    phrases: list[AccentPhrase] = []
    reading, joined = "", False
    for each in jtalk.make_phoneme_mapping(features, morphs, caller_text=text, jtalk=analyser):
        written = text[slice(*each["char_span"])] or each["surface"]
        if each["is_ignored"]:
            reading += written.strip()
        elif each["phonemes"] == ["pau"]:
            reading, joined = reading + written, False
            phrases[-1:] = [replace(last, pause=True) for last in phrases[-1:]]
        else:
            word = _word(each, written, marks, origins)
            reading += word.reading
            if joined and each["chain_flag"] == 1:
                last = phrases.pop()
                phrases.append(replace(last, reading=last.reading + word.reading, words=(*last.words, word)))
            else:
                phrases.append(
                    AccentPhrase(reading=word.reading, accent=each["accent_nucleus"], pause=False, words=(word,))
                )
            joined = True
    return Sentence(features=features, phrases=tuple(phrases), reading=reading)


def _word(
    each: Mapping[str, Any], written: str, marks: Mapping[str, WordReading], origins: Mapping[str, Origin]
) -> ReadWord:
    origin: Origin = "guessed" if each["is_unknown"] else "known"
    if each["user_dictionary_path"]:
        origin = origins.get(written, "given")
    shown = marks[written].word if written in marks else written
    return ReadWord(text=shown, reading=each["pron"].replace("’", ""), origin=origin)
