"""A script without an episode: each line a marked file of its own, or all of them one after another in one file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from containers.contract.codec import canonical
from containers.contract.errors import RecordingError
from infra.store import find_json, write_json
from tasks import orders
from tasks.orders import Placed
from tasks.speech.dubbing import line_of
from tasks.speech.saying import Said, say
from tasks.speech.scripts import Script, ScriptLine
from tasks.speech.speaking import Spoken, keep
from tasks.studio import Studio
from tasks.trust import audit
from tasks.trust.provenance import Statement, TrackProvenance, Voice, marked, now
from tasks.trust.rights import recorded
from tasks.trust.watermarking import marks_in, watermarked
from tasks.voices import Card

PAUSE_SECONDS = 0.5
"""Between lines that say no time."""


@dataclass(frozen=True, kw_only=True)
class LineSpoken:
    """A line of a script as a marked file of the store, or why it is none."""

    line: ScriptLine
    said: Said | None = None
    spoken: Spoken | None = None
    problem: str | None = None


@dataclass(frozen=True, kw_only=True)
class Reading:
    """All lines of a script in one marked WAV."""

    key: str
    stated: Statement
    starts: tuple[float, ...]


def speak_line(
    studio: Studio, card: Card, line: ScriptLine, language: str | None, bounds: tuple[float, float]
) -> LineSpoken:
    """A line, marked and entered in the log; what its engines refuse is its own problem."""
    try:
        said = say(studio, card, line_of(line, language, *bounds))
    except RecordingError as error:
        return LineSpoken(line=line, problem=str(error))
    return LineSpoken(line=line, said=said, spoken=keep(studio, card, said))


def read_out(
    studio: Studio, script: Script, cards: Mapping[str, Card], lines: Sequence[LineSpoken], language: str
) -> Reading:
    """One file with every line at its start, or after the one before it."""
    done = [(each.line, each.said) for each in lines if each.said]
    starts = starts_of([(line.start, said.duration) for line, said in done])
    out = [watermarked(studio, said.speech) for _, said in done]
    placed = [Placed(speech=each.speech, start=start) for each, start in zip(out, starts, strict=True)]
    name = hashlib.sha256(canonical([[each.speech.sha256, each.start] for each in placed]).encode()).hexdigest()[:12]
    home = f"{studio.home}/speech/scripts/{name}"
    mixed = studio.make(orders.mix(f"script {script.file.name}", home, None, placed, ()))
    about = {
        "script_sha256": hashlib.sha256(script.file.read_bytes()).hexdigest(),
        "voices": {slug: {"name": card.name, "version": card.version} for slug, card in sorted(cards.items())},
        "engine": ", ".join(sorted({mixed.engine, *(said.engine for _, said in done)})),
        "language": language,
        "watermark": marks_in(out),
    }
    key = f"{home}/script.wav"
    with studio.store.locked(key):
        known = find_json(studio.store, f"{home}/script.json")
        if known is None or any(known.get(each) != value for each, value in about.items()):
            known = {**about, "time": now()}
            data = marked(studio.store.read(mixed.stored(mixed.result.track).key), _stated(studio, known))
            for slug, card in cards.items():
                rights = recorded(studio.series.characters[slug].rights)
                audit.rights_seen(studio.store, studio.series.series, slug, rights)
                said = {"character": slug, "voice": card.version, "script_sha256": about["script_sha256"], "key": key}
                audit.append(
                    studio.store, studio.series.series, "speak", **said, sha256=hashlib.sha256(data).hexdigest()
                )
            studio.store.write(key, data)
            write_json(studio.store, f"{home}/script.json", known)
    return Reading(key=key, stated=_stated(studio, known), starts=tuple(starts))


def starts_of(lines: Sequence[tuple[float | None, float]]) -> list[float]:
    """Where lines begin, from their start (if they say one) and duration.

    >>> starts_of([(None, 1.0), (None, 2.0), (10.0, 1.0), (None, 1.0)])
    [0.0, 1.5, 10.0, 11.5]
    """
    found: list[float] = []
    end = 0.0
    for start, duration in lines:
        found.append(round(start if start is not None else end + (PAUSE_SECONDS if found else 0.0), 4))
        end = found[-1] + duration
    return found


def _stated(studio: Studio, about: Mapping[str, object]) -> TrackProvenance:
    voices: Mapping[str, Mapping[str, str]] = about["voices"]  # type: ignore[assignment]
    return TrackProvenance(
        series=studio.series.series,
        episode=None,
        language=str(about["language"]),
        voices={slug: Voice(**each) for slug, each in voices.items()},
        engine=str(about["engine"]),
        script_sha256=str(about["script_sha256"]),
        time=str(about["time"]),
        watermark=str(about["watermark"]),
    )
