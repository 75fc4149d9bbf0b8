"""Songs in a character's voice: separated, the vocals converted with their pitch kept, the accompaniment laid under.

A song stays in its key: vocals are moved by whole octaves, the number that brings their median pitch nearest to the
voice's. The accompaniment is the separated background in every sample, but where a limiter lets down a peak under the
vocals; the vocals are as loud as those that were sung.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from containers.contract import stages
from containers.contract.codec import canonical
from containers.contract.stages import MeasureResult
from infra.sources import sha256_known
from infra.store import read_json, write_json
from tasks import orders
from tasks.orders import Shown
from tasks.speech import judging
from tasks.speech.speaking import NothingToSay, Spoken, of_voice, provenance_of
from tasks.studio import Made, Order, Source, Stored, Studio, sent
from tasks.trust import audit
from tasks.trust.provenance import marked, now
from tasks.trust.rights import recorded
from tasks.trust.watermarking import watermarked
from tasks.voices import Card, voice_to_speak

FORMS = (".flac", ".mp3")
PEAK_DBFS = -0.1
"""Songs are mastered to the brim; what is louder with the new vocals is let down to this."""
STEREO_DB = 10 * math.log10(2)
"""What is heard from two channels is louder by this than from one (ITU-R BS.1770)."""


@dataclass(frozen=True, kw_only=True)
class Song:
    """`audio`: any sound or video file; `alone`: nobody plays along, so nothing is separated. `shift_semitones` None:
    whole octaves towards the voice."""

    character: str
    audio: Path
    alone: bool = False
    shift_semitones: float | None = None


def sing(studio: Studio, song: Song) -> Spoken:
    """The song with the voice in place of its singer's; RightsError or NoVoice before anything is made."""
    card = voice_to_speak(studio, song.character)
    given = Source(path=song.audio.absolute(), sha256=sha256_known(song.audio, studio.store))
    extracted = studio.make(orders.extract_given(studio, song.audio.name, given))
    recording = extracted.stored(extracted.result.recording)
    stems = None if song.alone else studio.make(separate(studio, song.audio.name, given, recording))
    vocals = stems.stored(stems.result.vocals) if stems else recording
    sung = judging.measure(studio, song.character, vocals).result
    if sung.loudness_lufs is None:
        raise NothingToSay(f"{song.audio}: nobody is heard in it; is it a song? (with --alone nothing is separated)")
    shift = octaves(sung.f0_median_hz, card.f0_median_hz) if song.shift_semitones is None else song.shift_semitones
    made = judging.converted(studio, card, vocals, shift)
    out = watermarked(studio, made.stored(made.result.speech))  # the voice and not the orchestra
    voice = out.speech
    figures = judging.measure(studio, song.character, voice, vocals, shift).result
    level = sung.loudness_lufs - (STEREO_DB if stems and extracted.result.channels == 2 else 0)
    bed = stems.stored(stems.result.background) if stems else None
    mixed = studio.make(mix(studio, song.character, voice, bed, level, extracted.result.duration))
    return _keep(studio, card, mixed, {
        "kind": "song",
        **of_voice(card),
        "engine": made.engine,
        "separated_by": stems.engine if stems else None,
        "source": {"recording_sha256": given.sha256, "key": recording.key},
        "pitch_shift_semitones": shift,
        "pitch": _pitch(figures),
        "duration": mixed.result.duration,
        "sample_rate_hz": mixed.result.sample_rate_hz,
        "similarity": {"before": made.result.source_similarity, "after": made.result.similarity},
        "rights": card.rights,
        "watermark": out.by,
    })  # fmt: skip


def octaves(sung_hz: float | None, voice_hz: float | None) -> float:
    """Semitones: the whole octaves that bring a sung median nearest to a voice's; 0 where one is not known.

    >>> octaves(330, 150), octaves(200, 260)
    (-12.0, 0.0)
    """
    if not sung_hz or not voice_hz:
        return 0.0
    return 12.0 * round(math.log2(voice_hz / sung_hz))


def separate(studio: Studio, of: str, given: Source, recording: Stored) -> Order[stages.SeparateResult]:
    """Stems of a file that a person gave, beside its recording."""
    return Order(
        stage="separate",
        of=of,
        request=stages.SeparateRequest(recording=sent("recording.flac", recording)),
        result=stages.SeparateResult,
        inputs={"in/recording.flac": recording},
        folder=f"{studio.home}/given/{given.sha256[:16]}",
        keep={"out/": "stems/"},
    )


def mix(
    studio: Studio, character: str, vocals: Stored, bed: Stored | None, level_lufs: float, seconds: float
) -> Order[stages.MixResult]:
    """The vocals over their accompaniment, which is both recording and background: nothing else is in it."""
    line = stages.PlacedLine(speech=sent("vocals.wav", vocals), start=0.0, loudness_lufs=level_lufs)
    under = sent("background.flac", bed) if bed else None
    order = Order(
        stage="mix",
        of=f"a song as {character}",
        request=stages.MixRequest(
            recording=under, background=under, lines=(line,), seconds=None if bed else seconds, peak_dbfs=PEAK_DBFS
        ),
        result=stages.MixResult,
        inputs={"in/vocals.wav": vocals} | ({"in/background.flac": bed} if bed else {}),
        folder="",
        keep={"out/": ""},
    )
    return judging.filed(studio, f"{studio.home}/speech/converted", order)


def in_form(studio: Studio, song: Spoken, suffix: str) -> bytes:
    """A song as a marked FLAC or MP3, by the suffix of a file's name; NothingToSay for another."""
    if suffix not in FORMS:
        raise NothingToSay(
            f"a song is written as {', '.join(FORMS)}; {suffix or 'a name without suffix'} is none of them"
        )
    flac = studio.store.read(song.key)
    if suffix == ".flac":
        return flac
    whole = Shown(file=Stored(key=song.key, sha256=hashlib.sha256(flac).hexdigest(), size=len(flac)))
    made = studio.make(orders.preview(studio, f"song of {song.about['character']}", (whole,)))
    (preview,) = made.result.previews
    return marked(studio.store.read(made.stored(preview.player).key), provenance_of(song.about))


def _pitch(figures: MeasureResult) -> dict[str, float | None]:
    """How the pitch was kept, for the file beside the song."""
    follows = figures.following
    names = ("f0_error_cents", "within_50_cents", "octave_errors", "voicing_errors")
    return {each: getattr(follows, each) if follows else None for each in names}


def _keep(studio: Studio, card: Card, mixed: Made[stages.MixResult], about: dict[str, Any]) -> Spoken:
    """Put the marked FLAC and what it is into the store, once, as a spoken line is."""
    track = mixed.stored(mixed.result.track)
    name = hashlib.sha256(canonical([track.sha256, about]).encode()).hexdigest()[:12]
    key = f"{studio.home}/songs/{card.character}/{name}.flac"
    beside = key.replace(".flac", ".json")
    with studio.store.locked(key):
        if studio.store.size(key) is None or studio.store.size(beside) is None:
            stated = provenance_of({**about, "time": now()})
            data = marked(studio.store.read(track.key), stated)
            sha256 = hashlib.sha256(data).hexdigest()
            rights = recorded(studio.series.characters[card.character].rights)
            audit.rights_seen(studio.store, card.series, card.character, rights)
            said = {"character": card.character, "voice": stated.voice, **stated.source, "key": key, "sha256": sha256}
            audit.append(studio.store, card.series, "speak", **said)
            studio.store.write(key, data)
            write_json(studio.store, beside, {**about, "time": stated.time, "sha256": sha256})
    return Spoken(key=key, about=read_json(studio.store, beside))
