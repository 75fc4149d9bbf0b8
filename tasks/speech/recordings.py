"""A recording by somebody, made ready to be said in a character's voice: noise taken off it where that helps, and the
pitch shift that brings its speaker to the character's pitch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2
from pathlib import Path
from statistics import median
from typing import Any

from infra.sources import sha256_known
from tasks import orders
from tasks.studio import Source, Stored, Studio


@dataclass(frozen=True, kw_only=True)
class Quieted:
    """Noise that was taken off, and the signal-to-noise ratio it left."""

    by: str
    snr_db_before: float | None
    snr_db_after: float | None


@dataclass(frozen=True, kw_only=True)
class Heard:
    """A recording as it is converted: `source`, of the recording's length; `quieted`: None where it was left alone.

    `f0_median_hz` of its voiced frames, None without a pitch. `found`: nothing was made anew for it.
    """

    sha256: str
    source: Stored
    quieted: Quieted | None
    seconds: float
    f0_median_hz: float | None
    found: bool

    @property
    def about(self) -> dict[str, Any]:
        """What a spoken line's file says of it."""
        said: dict[str, Any] = {"recording_sha256": self.sha256, "key": self.source.key}
        if self.quieted:
            said["denoised"] = {
                "by": self.quieted.by,
                "snr_db": {"before": self.quieted.snr_db_before, "after": self.quieted.snr_db_after},
            }
        return said


def hear(studio: Studio, path: Path) -> Heard:
    """Raises RecordingError for what is no sound."""
    given = Source(path=path.absolute(), sha256=sha256_known(path, studio.store))
    order = orders.extract_line(studio, path.name, given)
    extracted = studio.make(order)
    recording = extracted.stored(extracted.result.recording)
    cleaned = studio.make(orders.clean_recording(studio, path.name, order.folder, recording))
    (clip,) = cleaned.result.clips
    before, after = clip.snr_db_before, clip.snr_db_after
    worse = before is not None and after is not None and after < before
    quieted = None
    if clip.denoised_by and not worse:
        quieted = Quieted(by=clip.denoised_by, snr_db_before=before, snr_db_after=after)
    source = cleaned.stored(clip.file) if quieted else recording
    measured = studio.make(orders.measure(path.name, order.folder, source))
    return Heard(
        sha256=given.sha256,
        source=source,
        quieted=quieted,
        seconds=extracted.result.duration,
        f0_median_hz=measured.result.f0_median_hz,
        found=extracted.found and cleaned.found and measured.found,
    )


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """The shift that brings a speaker's median f0 to the character's, and both."""

    semitones: float
    speaker_hz: float
    character_hz: float


def suggested(recordings: Sequence[Heard], character_hz: float | None) -> Suggestion | None:
    """One shift for all recordings of a speaker, so that a line said higher than the others stays higher.

    Each second counts the same. None where the voice or all recordings have no pitch.
    """
    pitched = [(each.f0_median_hz, max(1, round(each.seconds))) for each in recordings if each.f0_median_hz]
    if not character_hz or not pitched:
        return None
    speaker = median([f0 for f0, seconds in pitched for _ in range(seconds)])
    return Suggestion(
        semitones=round(12 * log2(character_hz / speaker), 2), speaker_hz=speaker, character_hz=character_hz
    )
