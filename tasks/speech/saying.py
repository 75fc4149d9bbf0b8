"""Saying a line: base speech or a recording, converted into the voice, and brought to its slot where it has one.

A line is timed by the pace at which it is synthesized first, since that is how people speak faster; what is then
left, and recordings, by their tempo. Together they stay within the bounds, and no word is cut.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from containers.contract.stages import ConvertResult
from tasks import orders
from tasks.orders import Timing
from tasks.speech.judging import converted
from tasks.speech.recordings import hear
from tasks.studio import Stored, Studio
from tasks.voices import Card

SAME_PACE = 0.02
"""Paces that differ by less are not heard as different."""


class NothingToSay(ValueError):
    """Neither a text nor a recording that is there, or both, were given."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """What is to be said: a text, or a recording of somebody saying it; shift in semitones.

    `language`: of the text, where it is not the series'. `timing`: None: as the voice says it, silence at the ends too.
    """

    character: str
    text: str | None = None
    audio: Path | None = None
    pitch_shift: float | None = None
    language: str | None = None
    timing: Timing | None = None

    def __post_init__(self) -> None:
        if bool(self.text and self.text.strip()) == bool(self.audio):
            raise NothingToSay("give either a text (--text) or a recording (--audio)")

    @property
    def said(self) -> str:
        """What is said, in a person's words."""
        return self.text or (self.audio.name if self.audio else "")


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How a line was brought to its slot: `natural` seconds at its own pace, `rate` of synthesis, `tempo` after it."""

    natural: float
    rate: float
    tempo: float
    duration: float

    @property
    def pace(self) -> float:
        """How much faster than at its own pace it is said, both ways together."""
        return self.natural / self.duration


@dataclass(frozen=True, kw_only=True)
class Said:
    """A line as said, unmarked: the file, what it was made from, and how. `found`: nothing was made anew for it."""

    speech: Stored
    source: dict[str, Any]
    converted: ConvertResult
    engine: str
    duration: float
    pace: Pace | None
    found: bool


def say(studio: Studio, card: Card, line: Line) -> Said:
    """Have a line said by a voice; raises what its engines raise."""
    source, origin, found = _source(studio, line, 1.0)
    rate, natural = 1.0, None
    if line.timing and line.timing.seconds and line.text:
        spoken = studio.make(orders.retime(studio, source))
        natural, found = spoken.result.natural, found and spoken.found
        rate = _bounded(natural / line.timing.seconds, line.timing)
        if rate != 1:
            source, origin, again = _source(studio, line, rate)
            found = found and again
    made = converted(studio, card, source, line.pitch_shift)
    speech, duration, pace = made.stored(made.result.speech), made.result.duration, None
    found = found and made.found
    if line.timing:
        timed = studio.make(orders.retime(studio, speech, line.timing, natural))
        speech, duration, found = timed.stored(timed.result.speech), timed.result.duration, found and timed.found
        pace = Pace(natural=natural or timed.result.natural, rate=rate, tempo=timed.result.tempo, duration=duration)
    return Said(
        speech=speech,
        source=origin,
        converted=made.result,
        engine=made.engine,
        duration=duration,
        pace=pace,
        found=found,
    )


def _bounded(pace: float, timing: Timing) -> float:
    pace = min(max(pace, timing.slowest), timing.fastest)
    return 1.0 if abs(pace - 1) < SAME_PACE else round(pace, 3)


def _source(studio: Studio, line: Line, rate: float) -> tuple[Stored, dict[str, Any], bool]:
    if line.audio:
        heard = hear(studio, line.audio)
        return heard.source, heard.about, heard.found
    language = line.language or studio.series.language
    base = studio.make(orders.synthesize(studio, line.text or "", language, rate))
    source = base.stored(base.result.speech)
    said = {"text": line.text, "reading": base.result.reading, "engine": base.engine, "key": source.key}
    return source, said, base.found
