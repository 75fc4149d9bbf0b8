"""Fingerprint and compare: what of a recording was heard in an earlier one."""

from __future__ import annotations

from dataclasses import dataclass

from .separate import DETECTED
from .values import File, check_span


@dataclass(frozen=True, kw_only=True)
class FingerprintRequest:
    """Acoustic fingerprint of a recording, for stretches that recur over a season."""

    recording: File


@dataclass(frozen=True, kw_only=True)
class FingerprintResult:
    """`fingerprint`: NumPy .npy of uint32, one word each `hop` seconds, the word at index i being
    centred on (i + 0.5) x hop; words of the same sound differ in few bits."""

    fingerprint: File
    hop: float
    words: int
    method: str


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """A stretch of a recording that may be one of an earlier recording again; `lag`: its seconds minus those of the
    same sound there, known to a quarter of a second."""

    start: float
    end: float
    lag: float

    def __post_init__(self) -> None:
        check_span(self.start, self.end)


COMPARED = ("residual_db", *DETECTED)
"""Columns of a comparison: what is left of a recording when the earlier one is taken off it, over what was taken off
(250 to 4,000 Hz, over 0.3 s, the worst of each channel and their middle), and how likely somebody speaks in it."""


@dataclass(frozen=True, kw_only=True)
class CompareRequest:
    """Whether stretches of a recording are those of an earlier one, and what is in them that is not there."""

    recording: File
    earlier: File
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True, kw_only=True)
class Compared:
    """A stretch of which both go together: `lag` in seconds, to a part of a sample, and the one factor `gain` from the
    earlier recording to this one. Its rows begin at its start."""

    start: float
    end: float
    lag: float
    gain: float
    rows: int


@dataclass(frozen=True, kw_only=True)
class CompareResult:
    """`differences`: NumPy .npy of little-endian float32, columns COMPARED, a row each `hop` seconds, those of the
    first stretch first. A stretch in which nothing goes together is not among `stretches`."""

    differences: File
    hop: float
    stretches: tuple[Compared, ...]
