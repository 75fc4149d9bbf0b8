"""Synthesize: base speech from a text, and how its words are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .values import File


@dataclass(frozen=True, kw_only=True)
class WordReading:
    """How a word of a text is read: in kana for Japanese, respelled in its own letters for another language.

    `accent` (Japanese): the mora after which the pitch falls, 0 where it does not fall; None: the engine's guess.
    `at`: only where the word begins at this character of the text; None: wherever it stands as a word.
    """

    word: str
    reading: str
    accent: int | None = None
    at: int | None = None

    def __post_init__(self) -> None:
        if not self.word.strip() or not self.reading.strip():
            raise ValueError(f"a word and its reading must not be empty, got {self.word!r} and {self.reading!r}")
        if self.accent is not None and self.accent < 0:
            raise ValueError(f"the accent of {self.word} is the number of a mora or 0, got {self.accent}")


@dataclass(frozen=True, kw_only=True)
class SynthesizeRequest:
    """Say a text; `language` ISO 639-1; `rate` 1.0 is the engine's own pace; `readings` of words that occur in it."""

    text: str
    language: str
    rate: float = 1.0
    readings: tuple[WordReading, ...] = ()

    def __post_init__(self) -> None:
        for each in self.readings:
            if each.at is not None and not (each.at >= 0 and self.text.startswith(each.word, each.at)):
                raise ValueError(f"there is no {each.word} at character {each.at} of the text")


@dataclass(frozen=True, kw_only=True)
class ReadWord:
    """A word as it was read: `text` as written, `reading` as said.

    `origin`: given by the request; known to the engine's dictionary; or in none, so that it was guessed.
    """

    text: str
    reading: str
    origin: Literal["given", "known", "guessed"]


@dataclass(frozen=True, kw_only=True)
class AccentPhrase:
    """Words under one rise and fall of the pitch. `reading`: katakana as said, a mora after the other; `accent`: the
    mora after which the pitch falls, 0 where it does not; `pause`: whether a pause follows."""

    reading: str
    accent: int
    pause: bool
    words: tuple[ReadWord, ...]


@dataclass(frozen=True, kw_only=True)
class SynthesizeResult:
    """`speech`: WAV, mono, 16-bit. `reading`: how the text was read (kana or phonemes). `phrases`: the same with its
    accents, by engines that know them."""

    speech: File
    sample_rate_hz: int
    duration: float
    reading: str
    phrases: tuple[AccentPhrase, ...] = ()
