"""Speech in a character's voice: text or a recording in, a marked sound file out."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from containers.contract.codec import canonical, encode
from infra.store import read_json, write_json
from infra.watermarks import OFF
from tasks import orders
from tasks.speech.saying import Line, NothingToSay, Said, say
from tasks.studio import Stored, Studio
from tasks.trust import audit
from tasks.trust.provenance import Provenance, Statement, marked, now
from tasks.trust.rights import recorded
from tasks.trust.watermarking import watermarked
from tasks.voices import Card, voice_to_speak

__all__ = ["FORMS", "Line", "NothingToSay", "Spoken", "in_form", "keep", "provenance_of", "speak"]


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """A line as spoken: the marked WAV's key, and `about`, what is written beside it."""

    key: str
    about: dict[str, Any]


def speak(studio: Studio, line: Line) -> Spoken:
    """Say a line; raises RightsError or NoVoice before anything is made."""
    card = voice_to_speak(studio, line.character)
    return keep(studio, card, say(studio, card, line))


def of_voice(card: Card) -> dict[str, Any]:
    """What every generated file's document says of the voice."""
    return {
        "synthetic": True,
        "note": card.note,
        "series": card.series,
        "character": card.character,
        "name": card.name,
        "voice": {"version": card.version, "engine": card.engine, "format": card.format},
    }


def keep(studio: Studio, card: Card, said: Said) -> Spoken:
    """Mark a line as said, enter it in the log, and keep it among the character's."""
    made = said.converted
    about = {
        **of_voice(card),
        "engine": said.engine,
        "source": said.source,
        "pitch_shift_semitones": made.pitch_shift_semitones,
        "duration": said.duration,
        "sample_rate_hz": made.sample_rate_hz,
        "similarity": {"before": made.source_similarity, "after": made.similarity},
        "rights": card.rights,
    }
    if said.pace:
        about["pace"] = encode(said.pace)
    return _keep(studio, card, said.speech, about)


FORMS = (".wav", ".flac", ".mp3")


def in_form(studio: Studio, spoken: Spoken, suffix: str) -> bytes:
    """A spoken line as a marked WAV, FLAC or MP3, by the suffix of a file's name; NothingToSay for another."""
    return in_form_of(studio, spoken.key, provenance_of(spoken.about), suffix)


def in_form_of(studio: Studio, key: str, stated: Statement, suffix: str) -> bytes:
    """The same of any marked WAV in the store."""
    if suffix == ".wav":
        return studio.store.read(key)
    if suffix not in FORMS:
        raise NothingToSay(
            f"speech is written as {', '.join(FORMS)}; {suffix or 'a name without suffix'} is none of them"
        )
    wav = studio.store.read(key)
    whole = orders.Shown(file=Stored(key=key, sha256=hashlib.sha256(wav).hexdigest(), size=len(wav)))
    made = studio.make(orders.preview(studio, f"line {key.rpartition('/')[2]}", (whole,), lossless=True))
    (preview,) = made.result.previews
    file = preview.player if suffix == ".mp3" else preview.sound
    if file is None:
        raise NothingToSay(f"{made.engine} made no FLAC; write a .wav")
    return marked(studio.store.read(made.stored(file).key), stated)


def _keep(studio: Studio, card: Card, speech: Stored, about: dict[str, Any]) -> Spoken:
    """Put the marked WAV and what it is into the store, once: the time in it is that of the first making."""
    out = watermarked(studio, speech)
    about = {**about, "watermark": out.by}
    name = hashlib.sha256(canonical([speech.sha256, about]).encode()).hexdigest()[:12]
    key = f"{studio.home}/speech/{card.character}/{name}.wav"
    beside = key.replace(".wav", ".json")
    with studio.store.locked(key):
        if studio.store.size(key) is None or studio.store.size(beside) is None:
            stated = provenance_of({**about, "time": now()})
            data = marked(studio.store.read(out.speech.key), stated)
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
