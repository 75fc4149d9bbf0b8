"""Preview: small things for a page, of stretches of sound files."""

from __future__ import annotations

from dataclasses import dataclass

from .values import File


@dataclass(frozen=True, kw_only=True)
class Excerpt:
    """A stretch of a sound file to show a person; `end` None: to its end."""

    file: File
    start: float = 0.0
    end: float | None = None


@dataclass(frozen=True, kw_only=True)
class PreviewRequest:
    """Make small things for a page: a player's file and a picture of each excerpt.

    `lossless`: and the excerpt itself, as FLAC.
    """

    excerpts: tuple[Excerpt, ...]
    lossless: bool = False


@dataclass(frozen=True, kw_only=True)
class Preview:
    """`player`: MP3 that every browser plays. `picture`: PNG spectrogram, 0-8 kHz, time to the right.

    `sound`: where it was asked for, FLAC with the samples, rate and channels (at most two) of the excerpt.
    """

    player: File
    picture: File
    duration: float
    sound: File | None = None


@dataclass(frozen=True, kw_only=True)
class PreviewResult:
    previews: tuple[Preview, ...]
