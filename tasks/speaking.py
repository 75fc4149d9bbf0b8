"""Speech in a character's voice: text or a recording in, a marked sound file out."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from containers.contract.codec import canonical
from infra.sources import sha256_known
from infra.store import read_json, write_json
from tasks import orders
from tasks.studio import Source, Stored, Studio
from tasks.voices import Card, voice_to_speak


class NothingToSay(ValueError):
    """Neither a text nor a recording that is there, or both, were given."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """What is to be said: a text, or a recording of somebody saying it; shift in semitones."""

    character: str
    text: str | None = None
    audio: Path | None = None
    pitch_shift: float | None = None

    def __post_init__(self) -> None:
        if bool(self.text and self.text.strip()) == bool(self.audio):
            raise NothingToSay("give either a text (--text) or a recording (--audio)")


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """A line as spoken: the marked WAV's key, and `about`, what is written beside it."""

    key: str
    about: dict[str, Any]


def speak(studio: Studio, line: Line) -> Spoken:
    """Say a line; raises RightsError or NoVoice before anything is made."""
    card = voice_to_speak(studio, line.character)
    source, origin = _source(studio, line)
    voice = tuple(each for _, each in sorted(card.files.items()))
    made = studio.make(orders.convert(studio, line.character, source, voice, line.pitch_shift))
    about = {
        "synthetic": True,
        "note": card.note,
        "series": card.series,
        "character": card.character,
        "name": card.name,
        "voice": {"version": card.version, "engine": card.engine, "format": card.format},
        "engine": made.engine,
        "source": origin,
        "pitch_shift_semitones": made.result.pitch_shift_semitones,
        "duration": made.result.duration,
        "sample_rate_hz": made.result.sample_rate_hz,
        "similarity": {"before": made.result.source_similarity, "after": made.result.similarity},
        "rights": card.rights,
    }
    return _keep(studio, card, made.stored(made.result.speech), about)


def _source(studio: Studio, line: Line) -> tuple[Stored, dict[str, Any]]:
    if line.audio:
        given = Source(path=line.audio.absolute(), sha256=sha256_known(line.audio, studio.store))
        recording = studio.make(orders.extract_given(studio, line.audio.name, given))
        source = recording.stored(recording.result.recording)
        return source, {"recording_sha256": given.sha256, "key": source.key}
    base = studio.make(orders.synthesize(studio, line.text or "", studio.series.language))
    source = base.stored(base.result.speech)
    return source, {"text": line.text, "reading": base.result.reading, "engine": base.engine, "key": source.key}


def _keep(studio: Studio, card: Card, speech: Stored, about: dict[str, Any]) -> Spoken:
    """Put the marked WAV and what it is into the store, once."""
    name = hashlib.sha256(canonical([speech.sha256, about]).encode()).hexdigest()[:12]
    key = f"{studio.home}/speech/{card.character}/{name}.wav"
    beside = key.replace(".wav", ".json")
    if studio.store.size(key) is None or studio.store.size(beside) is None:
        data = marked(studio.store.read(speech.key), f"Synthetic speech in the voice of {card.name} ({card.character})")
        studio.store.write(key, data)
        write_json(studio.store, beside, {**about, "sha256": hashlib.sha256(data).hexdigest()})
    return Spoken(key=key, about=read_json(studio.store, beside))


def marked(wav: bytes, comment: str) -> bytes:
    """A WAV whose RIFF INFO says that it is synthetic (fields ICMT and ISFT); its samples are untouched."""
    if wav[:4] != b"RIFF" or wav[8:12] != b"WAVE":
        raise ValueError("only a WAV file can be marked")
    fields = b"".join(_field(name, text) for name, text in ((b"ICMT", comment), (b"ISFT", "voicecast")))
    info = b"LIST" + struct.pack("<I", 4 + len(fields)) + b"INFO" + fields
    body = wav[12:] + b"\0" * (len(wav) % 2) + info
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


def _field(name: bytes, text: str) -> bytes:
    data = text.encode() + b"\0"
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)
