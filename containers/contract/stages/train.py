"""Train and convert: a character's voice from its clips, and speech brought into it."""

from __future__ import annotations

from dataclasses import dataclass

from .values import File


@dataclass(frozen=True, kw_only=True)
class TrainRequest:
    """Learn a character's voice from its clips; `voice` (files of an earlier one) to go on from."""

    character: str
    clips: tuple[File, ...]
    voice: tuple[File, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TrainResult:
    """A voice: its files (`<character>.pth`, `.safetensors`, `.index`, as the engine has them).

    `format` says who can load it. `scores`: what the engine measured on held-out clips, each
    named with its unit, such as `similarity_held_out`.
    """

    files: tuple[File, ...]
    format: str
    sample_rate_hz: int
    seconds: float
    f0_median_hz: float | None
    scores: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class ConvertRequest:
    """Say `source` in the voice. Without `pitch_shift_semitones` the engine moves the source's
    median f0 to the voice's."""

    source: File
    voice: tuple[File, ...]
    pitch_shift_semitones: float | None = None


@dataclass(frozen=True, kw_only=True)
class ConvertResult:
    """`speech`: WAV, mono, as long as the source; 16-bit unless an option of the engine asks for another form.

    `similarity`: cosine to the character's mean vector before (`source_similarity`) and after, None where the engine
    has no speaker model.
    """

    speech: File
    sample_rate_hz: int
    duration: float
    pitch_shift_semitones: float
    source_similarity: float | None = None
    similarity: float | None = None
