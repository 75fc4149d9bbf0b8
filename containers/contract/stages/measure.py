"""Measure, transcribe and survey: what is heard in speech that was made, and over time in an episode's stems."""

from __future__ import annotations

from dataclasses import dataclass

from .values import File


@dataclass(frozen=True, kw_only=True)
class MeasureRequest:
    """Measure speech or song; with a `source` (what it was made from, beginning at the same moment) also how its
    pitch follows. `shift_semitones`: by how much the pitch was meant to be moved."""

    speech: File
    source: File | None = None
    shift_semitones: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Following:
    """How the pitch of a copy follows its source's, the meant shift taken off; frames of 10 ms.

    `f0_error_cents`: median distance where both have a pitch and no octave error. Shares of the frames in which both
    have a pitch: `within_50_cents`, and `octave_errors` (within 50 cents of a whole octave away). `voicing_errors`:
    share of all frames in which one alone has a pitch. None: there is no such frame.
    """

    f0_error_cents: float | None
    within_50_cents: float | None
    octave_errors: float | None
    voicing_errors: float


@dataclass(frozen=True, kw_only=True)
class MeasureResult:
    """Of all channels together, but `f0_median_hz` of their mean; loudness by ITU-R BS.1770, None for silence.

    `source_seconds`, `source_f0_median_hz` and `following` are None without a source; medians also without a pitch.
    """

    seconds: float
    loudness_lufs: float | None
    peak_dbfs: float
    clipped_share: float
    f0_median_hz: float | None
    source_seconds: float | None = None
    source_f0_median_hz: float | None = None
    following: Following | None = None


@dataclass(frozen=True, kw_only=True)
class TranscribeRequest:
    """Write down what is said; `language` ISO 639-1."""

    speech: File
    language: str


@dataclass(frozen=True, kw_only=True)
class TranscribeResult:
    """`text`: what was heard, "" where nothing was."""

    text: str


SURVEYED = ("background_power", "vocals_power", "stands_out_db", "tonal_db")
"""Columns of a survey: what is measured of each hop.

`background_power`, `vocals_power`: K-weighted mean square, summed over the channels (ITU-R BS.1770), so that the
loudness of any stretch is -0.691 + 10 log10 of its mean. `stands_out_db`: how far the background rises above what is
usual in the seconds around, where it does so most; for short events. `tonal_db`: how uneven its spectrum is from near
to near; about 2.5 for noise, more for notes.
"""


@dataclass(frozen=True, kw_only=True)
class SurveyRequest:
    """Measure the stems of an episode over time, for the music and the effects in its background."""

    background: File
    vocals: File


@dataclass(frozen=True, kw_only=True)
class SurveyResult:
    """`levels`: NumPy .npy of little-endian float32, a row each `hop` seconds from 0, columns SURVEYED."""

    levels: File
    hop: float
    rows: int
