"""What stub measures of people: their vectors, their pitch, who takes which turn."""

from __future__ import annotations

import base64
import itertools
import math
import struct

from containers.contract.codec import decode
from containers.contract.stages import Measurements, Segment, Turn

from .forms import noise
from .script import Script, number, speaker_in, speech_in

DIMENSION = 64
"""Enough that strangers stay apart: their cosines spread by 1/8 about 0."""
MODEL = "stub 1"
_NOISE = 0.15
"""Length of what a turn adds to a person's unit vector: turns of one person keep a cosine of about 0.98."""


def vector(person: str | None, *turn: object) -> tuple[float, ...]:
    """A unit vector: the person's direction and a little of the turn's own; nobody's is all the turn's."""
    own = _direction("turn", *turn)
    if person is None:
        return own
    return _unit([a + _NOISE * b for a, b in zip(_direction("person", person), own, strict=True)])


def _direction(*words: object) -> tuple[float, ...]:
    drawn = struct.unpack(f"<{DIMENSION}h", noise(2 * DIMENSION, *words))
    return _unit([value + 0.5 for value in drawn])


def _unit(values: list[float]) -> tuple[float, ...]:
    length = math.sqrt(sum(value * value for value in values))
    return tuple(value / length for value in values)


def packed(vectors: list[tuple[float, ...]]) -> str:
    """Base64 of little-endian float32, row by row."""
    return base64.b64encode(b"".join(struct.pack(f"<{DIMENSION}f", *each) for each in vectors)).decode("ascii")


def share(script: Script, turn: Turn) -> float:
    """Which part of the speech in a turn is its main speaker's, from 0 to 1."""
    seconds = speech_in(script, turn.start, turn.end)
    return max(seconds.values()) / sum(seconds.values()) if seconds else 1.0


def f0_hz(person: str | None) -> float:
    """Median pitch of a person, from 110 to 300 Hz."""
    return round(110 + 190 * number(person, "f0"), 1)


def sweep(turns: tuple[Turn, ...]) -> tuple[tuple[Turn, ...], tuple[Segment, ...]]:
    """The stretches in which exactly one speaks, and those in which more do; sorted by time."""
    edges = sorted({edge for turn in turns for edge in (turn.start, turn.end)})
    alone: list[Turn] = []
    shared: list[Segment] = []
    for start, end in itertools.pairwise(edges):
        speaking = {turn.speaker for turn in turns if turn.start < end and turn.end > start}
        if len(speaking) == 1:
            speaker = speaking.pop()
            if alone and alone[-1].end == start and alone[-1].speaker == speaker:
                start = alone.pop().start  # noqa: PLW2901 (the stretch goes on)
            alone.append(Turn(start=start, end=end, speaker=speaker))
        elif speaking:
            if shared and shared[-1].end == start:
                start = shared.pop().start  # noqa: PLW2901
            shared.append(Segment(start=start, end=end))
    return tuple(alone), tuple(shared)


def measured(script: Script, start: float, end: float, seed: str) -> Measurements:
    """Plausible measurements of a clip; the script has the last word."""
    person = speaker_in(script, start, end)
    f0 = f0_hz(person)
    values: dict[str, float | None] = {
        "snr_db": round(22 + 14 * number(seed, start, "snr"), 2),
        "background_db": round(10 + 15 * number(seed, start, "background"), 2),
        "loudness_lufs": round(-26 + 6 * number(seed, start, "loudness"), 2),
        "peak_dbfs": round(-9 + 6 * number(seed, start, "peak"), 2),
        "clipped_share": 0.0,
        "bandwidth_hz": 15000.0,
        "f0_median_hz": f0,
        "f0_low_hz": round(0.7 * f0, 1),
        "f0_high_hz": round(1.5 * f0, 1),
        "voiced_share": round(0.5 + 0.2 * number(seed, start, "voiced"), 3),
        "speech_probability": 0.05 if person is None else round(0.9 + 0.1 * number(seed, start, "speech"), 3),
        "singing_probability": 0.01,
    }
    values.update(script.measurements.get(person or "", {}))
    return decode(Measurements, values, "stub.measurements")
