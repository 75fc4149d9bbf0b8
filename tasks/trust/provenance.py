"""What a generated file says of itself: that it is synthetic, in whose voice, made of what, when and by what.

The same statement goes into the file's tags (any player shows it), into its signed C2PA manifest (which shows whether
the file was changed since) and beside the file as JSON. All of it is container metadata: no sample is touched here.
"""

from __future__ import annotations

import datetime
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from containers.contract.codec import canonical
from infra.signing import Signer, signer
from infra.signing_c2pa import COMPOSITE, SYNTHETIC, sign
from infra.watermarks import OFF
from tasks.trust.provenance_tags import MIME, kind_of, tagged

VERSION = "0.1.0"
TOOL = f"voicecast {VERSION}"
_MARK = "voicecast {"
_TRIED = 8
"""The most places in one text that are read as a statement."""


class Statement(ABC):
    """What a generated file says of itself, for people and for machines."""

    tool = TOOL

    @property
    @abstractmethod
    def title(self) -> str:
        """One sentence without its full stop."""

    @abstractmethod
    def stated(self) -> dict[str, Any]:
        """The statement as machines read it; `synthetic`, `time` and `tool` are among it."""

    @property
    def comment(self) -> str:
        """The statement for people, and behind it for machines: one text, which conversions carry from form to form."""
        return f"{self.title}. voicecast {canonical(self.stated()).strip()}"


@dataclass(frozen=True, kw_only=True)
class Provenance(Statement):
    """A line's origin. `source`: `text_sha256` or `recording_sha256`; `time` in UTC, to the second."""

    series: str
    character: str
    name: str
    voice: str
    engine: str
    source: Mapping[str, str]
    time: str
    watermark: str = OFF

    @property
    def title(self) -> str:
        return f"Synthetic speech in the voice of {self.name} ({self.character})"

    def stated(self) -> dict[str, Any]:
        return {
            "synthetic": True,
            "digital_source_type": SYNTHETIC,
            "series": self.series,
            "character": self.character,
            "voice": self.voice,
            "engine": self.engine,
            **self.source,
            "time": self.time,
            "tool": TOOL,
            "watermark": self.watermark,
        }


@dataclass(frozen=True, kw_only=True)
class Voice:
    """A voice that is heard in a track: the character's name, and its version."""

    name: str
    version: str


@dataclass(frozen=True, kw_only=True)
class TrackProvenance(Statement):
    """The origin of a track in which several voices speak over an episode, or (`episode` None) alone."""

    series: str
    episode: str | None
    language: str
    voices: Mapping[str, Voice]
    engine: str
    script_sha256: str
    time: str
    watermark: str = OFF

    @property
    def title(self) -> str:
        who = ", ".join(f"{voice.name} ({slug})" for slug, voice in self.voices.items())
        return f"Synthetic speech in the voices of {who}, {self.language} dub"

    def stated(self) -> dict[str, Any]:
        return {
            "synthetic": True,
            "digital_source_type": COMPOSITE if self.episode else SYNTHETIC,
            "series": self.series,
            **({"episode": self.episode} if self.episode else {}),
            "language": self.language,
            "characters": {slug: voice.version for slug, voice in self.voices.items()},
            "engine": self.engine,
            "script_sha256": self.script_sha256,
            "time": self.time,
            "tool": TOOL,
            "watermark": self.watermark,
        }


def now() -> str:
    """The time that a statement names."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def marked(data: bytes, stated: Statement, by: Signer | None = None) -> bytes:
    """A WAV, FLAC or MP3 that says what it is: tags, then a signed manifest; ValueError for another kind of file."""
    kind = kind_of(data[:64])
    if kind not in MIME:
        raise ValueError("only WAV, FLAC and MP3 files can be marked")
    return sign(
        tagged(data, kind, stated.title, stated.comment, TOOL),
        MIME[kind],
        stated.title,
        stated.stated(),
        by or signer(),
    )


def statement_in(texts: list[str]) -> dict[str, Any] | None:
    """The statement in a file's tags, whichever of them holds it; None if there is none that says synthetic."""
    for text in texts:
        # A name may hold the mark too; the statement stands last.
        for behind in reversed(text.split(_MARK)[1:][-_TRIED:]):
            try:
                said, _ = json.JSONDecoder().raw_decode("{" + behind)
            except (ValueError, RecursionError):
                continue
            if isinstance(said, dict) and said.get("synthetic") is True:
                return said
    return None
