"""Diarize and embed: who speaks when, and how each turn sounds."""

from __future__ import annotations

from dataclasses import dataclass

from .values import File, Problem, Segment, Turn


@dataclass(frozen=True, kw_only=True)
class DiarizeRequest:
    """Who speaks when. `speakers` if the number is known exactly, else bounds if known."""

    vocals: File
    speakers: int | None = None
    min_speakers: int | None = None
    max_speakers: int | None = None


@dataclass(frozen=True, kw_only=True)
class DiarizeResult:
    """`turns` may overlap; `exclusive` never do and leave out the overlap; all sorted by time.

    Speakers are SPEAKER_00, SPEAKER_01 ... in order of first appearance, and mean nothing outside
    this recording. No speech: all empty, with a problem saying so.
    """

    turns: tuple[Turn, ...]
    exclusive: tuple[Turn, ...]
    overlap: tuple[Segment, ...]
    rttm: File
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, kw_only=True)
class EmbedRequest:
    """One vector for each turn. `turns` None: the file is one person's speech (a reference), and the
    engine takes stretches of at most 10 s of speech from it."""

    vocals: File
    turns: tuple[Turn, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class EmbedResult:
    """One unit vector a turn of `turns` (same order), in `vectors`: canonical JSON
    {"model": "resemblyzer 0.1.4", "dimension": 256, "vectors": base64 of little-endian float32, row by row}.

    `consistency`: for each turn the lowest cosine between a window of about 1.6 s and the turn's
    vector; 1.0 for a turn too short to have two windows. A low value says that two people may share it.
    """

    vectors: File
    model: str
    dimension: int
    turns: tuple[Turn, ...]
    consistency: tuple[float, ...]
