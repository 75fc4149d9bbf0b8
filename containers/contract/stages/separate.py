"""Separate a recording into voices and all the rest; detect, condense and restore, so that only speech need be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .values import File, Segment, check_span

DETECTED = ("in_course", "afresh")
"""Columns of a detection: the probability of speech as a detector has it that follows the whole recording, and one
that begins anew every few seconds and hears all at an even level, for what is quiet beside the rest."""


@dataclass(frozen=True, kw_only=True)
class DetectRequest:
    """How likely somebody speaks, moment by moment: a cheap look at a recording, before anything is separated."""

    recording: File


@dataclass(frozen=True, kw_only=True)
class DetectResult:
    """`speech`: NumPy .npy of little-endian float32, a row each `hop` seconds from 0, columns DETECTED."""

    speech: File
    hop: float
    rows: int


JOINT_SECONDS = 0.02
"""How long one segment of a condensed recording fades into the next, between the two of them."""


@dataclass(frozen=True, kw_only=True)
class CondenseRequest:
    """Only these segments of a recording (in order, apart from each other), as one shorter recording."""

    recording: File
    segments: tuple[Segment, ...]
    bit_depth: Literal[16, 24] = 16


@dataclass(frozen=True, kw_only=True)
class CondenseResult:
    """FLAC with the recording's rate and channels: the segments sample by sample, from one sample to the next and
    joined by JOINT_SECONDS that belong to none of them."""

    recording: File
    sample_rate_hz: int
    duration: float


@dataclass(frozen=True, kw_only=True)
class SeparateRequest:
    """Split a recording into the voices and all the rest."""

    recording: File
    bit_depth: Literal[16, 24] = 16


@dataclass(frozen=True, kw_only=True)
class SeparateResult:
    """Stems as FLAC, with the recording's rate, channels and length; vocals + background equals the
    recording in every sample (integers of `bit_depth`). Restored: vocals are silent outside segments and what is
    reused."""

    vocals: File
    background: File
    sample_rate_hz: int
    duration: float


@dataclass(frozen=True, kw_only=True)
class Reused:
    """A stretch of a recording whose vocals are those of an earlier one, `lag` seconds before, times `gain`."""

    start: float
    end: float
    lag: float
    gain: float

    def __post_init__(self) -> None:
        check_span(self.start, self.end)


@dataclass(frozen=True, kw_only=True)
class RestoreRequest:
    """Stems of a whole recording from the vocals of its condensed one. `vocals` None: of no segment at all.

    `reused`: stretches whose vocals are those of an `earlier` recording's stem. Where one of them and a segment overlap
    by JOINT_SECONDS, the one is faded into the other.
    """

    recording: File
    segments: tuple[Segment, ...]
    vocals: File | None
    earlier: File | None = None
    reused: tuple[Reused, ...] = ()
    bit_depth: Literal[16, 24] = 16
