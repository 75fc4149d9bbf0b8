"""Speech in a character's voice: text or a recording in, a marked sound file out."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from containers.contract.codec import canonical
from infra.sources import sha256_known
from infra.store import read_json, write_json
from infra.watermarks import OFF, watermark
from tasks import audit, orders
from tasks.provenance import Provenance, marked, now
from tasks.rights import recorded
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


FORMS = (".wav", ".flac", ".mp3")


def in_form(studio: Studio, spoken: Spoken, suffix: str) -> bytes:
    """A spoken line as a marked WAV, FLAC or MP3, by the suffix of a file's name; NothingToSay for another."""
    if suffix == ".wav":
        return studio.store.read(spoken.key)
    if suffix not in FORMS:
        raise NothingToSay(
            f"speech is written as {', '.join(FORMS)}; {suffix or 'a name without suffix'} is none of them"
        )
    wav = studio.store.read(spoken.key)
    whole = orders.Shown(file=Stored(key=spoken.key, sha256=hashlib.sha256(wav).hexdigest(), size=len(wav)))
    made = studio.make(orders.preview(studio, f"line of {spoken.about['character']}", (whole,), lossless=True))
    (preview,) = made.result.previews
    file = preview.player if suffix == ".mp3" else preview.sound
    if file is None:
        raise NothingToSay(f"{made.engine} made no FLAC; write a .wav")
    return marked(studio.store.read(made.stored(file).key), provenance_of(spoken.about))


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
    """Put the marked WAV and what it is into the store, once: the time in it is that of the first making."""
    mark = watermark()
    about = {**about, "watermark": mark.name if mark else OFF}
    name = hashlib.sha256(canonical([speech.sha256, about]).encode()).hexdigest()[:12]
    key = f"{studio.home}/speech/{card.character}/{name}.wav"
    beside = key.replace(".wav", ".json")
    with studio.store.locked(key):
        if studio.store.size(key) is None or studio.store.size(beside) is None:
            wav = studio.store.read(speech.key)
            stated = provenance_of({**about, "time": now()})
            data = marked(mark.embed(wav) if mark else wav, stated)
            sha256 = hashlib.sha256(data).hexdigest()
            _enter(studio, stated, key, sha256)
            studio.store.write(key, data)
            write_json(studio.store, beside, {**about, "time": stated.time, "sha256": sha256})
    return Spoken(key=key, about=read_json(studio.store, beside))


def _enter(studio: Studio, stated: Provenance, key: str, sha256: str) -> None:
    """Into the audit log, before the line is there."""
    series, about = studio.series.series, studio.series.characters[stated.character]
    audit.rights_seen(studio.store, series, stated.character, recorded(about.rights))
    said = {"character": stated.character, "voice": stated.voice, **stated.source, "key": key, "sha256": sha256}
    audit.append(studio.store, series, "speak", **said)


def provenance_of(about: dict[str, Any]) -> Provenance:
    """What a spoken line's files say of themselves."""
    source = about["source"]
    text = source.get("text")
    return Provenance(
        series=about["series"],
        character=about["character"],
        name=about["name"],
        voice=about["voice"]["version"],
        engine=about["engine"],
        source={"text_sha256": hashlib.sha256(text.encode()).hexdigest()}
        if text
        else {"recording_sha256": source["recording_sha256"]},
        time=about.get("time") or now(),
        watermark=about.get("watermark", OFF),
    )
