"""Watermark and detect_watermark: an inaudible mark in synthetic speech."""

from __future__ import annotations

from dataclasses import dataclass

from .values import File

MESSAGE_BITS = 16


@dataclass(frozen=True, kw_only=True)
class WatermarkRequest:
    """Put an inaudible mark with a message of MESSAGE_BITS bits (a number, its highest bit first) into a WAV."""

    speech: File
    message: int

    def __post_init__(self) -> None:
        if not 0 <= self.message < 1 << MESSAGE_BITS:
            raise ValueError(f"a watermark's message has {MESSAGE_BITS} bits, got {self.message}")


@dataclass(frozen=True, kw_only=True)
class WatermarkResult:
    """`speech`: WAV with the rate, channels, depth and number of samples of the request's, the mark added to it.

    `mark_db`: level of the mark over that of the speech; None for silence, in which no mark is put.
    """

    speech: File
    mark_db: float | None


@dataclass(frozen=True, kw_only=True)
class DetectWatermarkRequest:
    """Look for this engine's watermark in a sound file, whatever its rate. RecordingError if it cannot be read."""

    sound: File


@dataclass(frozen=True, kw_only=True)
class DetectWatermarkResult:
    """`certainty`: share of the sound in which the detector finds a mark, 0 to 1; `message`: what it reads there, by
    chance where there is none."""

    certainty: float
    message: int
