"""Cut and clean: from turns to measured clips, and from kept clips to what a voice learns from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .values import File, Segment, Turn


@dataclass(frozen=True, kw_only=True)
class CutRequest:
    """Cut exclusive turns into clips at pauses; `background` (if given) lets music be measured.

    `cues`: when lines of dialogue are shown (subtitles); of two pauses, the one where a line ends is the
    better cut, and a pause inside a line the worse. A line that ends within a word cuts no word.
    """

    vocals: File
    turns: tuple[Turn, ...]
    background: File | None = None
    overlap: tuple[Segment, ...] = ()
    min_seconds: float = 1.0
    max_seconds: float = 15.0
    cues: tuple[Segment, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Measurements:
    """What was measured of a clip, for the house to decide on. None: could not be measured.

    `snr_db`: speech level over the level of its own pauses. `background_db`: level of the voice over
    the level of the background stem at the same time. `loudness_lufs`: ITU-R BS.1770.
    `clipped_share`: share of samples in flat tops. `bandwidth_hz`: highest frequency that carries sound.
    `f0_*`: pitch of voiced frames. `speech_probability`: mean over the clip of a speech detector.
    `singing_probability`: from how much of the pitch lies in held notes. `telephone_probability`: that low and
    high are cut off as by a telephone. `second_voice_probability`: that two voices are heard at once.
    `pause_tonality`: share of the pauses in which something with a pitch sounds (music, another voice; noise has
    none). `polyphony`: share of the loud moments with two pitches or more. `edge_db`: level of the louder end
    over the speech: about 0 where a word is cut. `breath_seconds`: audible breaths. `fingerprint`: for the same
    recording of a line to be found again: base64 of little-endian uint16 words, one each 64 ms.
    """

    snr_db: float | None
    background_db: float | None
    loudness_lufs: float | None
    peak_dbfs: float
    clipped_share: float
    bandwidth_hz: float | None
    f0_median_hz: float | None
    f0_low_hz: float | None
    f0_high_hz: float | None
    voiced_share: float
    speech_probability: float
    singing_probability: float | None = None
    telephone_probability: float | None = None
    second_voice_probability: float | None = None
    pause_tonality: float | None = None
    polyphony: float | None = None
    edge_db: float | None = None
    breath_seconds: float | None = None
    fingerprint: str = ""


@dataclass(frozen=True, kw_only=True)
class Clip:
    """A file cut for training: mono FLAC at the stem's rate; `start`/`end` to the sample."""

    file: File
    start: float
    end: float
    speaker: str
    measurements: Measurements


@dataclass(frozen=True, kw_only=True)
class CutResult:
    """Clips in order of time, none longer than asked, none overlapping another."""

    clips: tuple[Clip, ...]


@dataclass(frozen=True, kw_only=True)
class CleanRequest:
    """Make kept clips ready for training. `denoise` auto: only where it helps, as measured.

    `whole`: recordings that are to be converted instead, so that length (to the sample of 44.1 kHz) and level stay.
    """

    clips: tuple[File, ...]
    denoise: Literal["auto", "never", "always"] = "auto"
    loudness_lufs: float = -23.0
    peak_dbfs: float = -1.0
    whole: bool = False


@dataclass(frozen=True, kw_only=True)
class CleanClip:
    """A clip as WAV, 44.1 kHz mono 16-bit; what was done to it, and the noise before and after."""

    file: File
    duration: float
    denoised_by: str | None
    snr_db_before: float | None
    snr_db_after: float | None
    loudness_lufs: float | None
    peak_dbfs: float


@dataclass(frozen=True, kw_only=True)
class CleanResult:
    """One cleaned clip for each of the request's, in its order."""

    clips: tuple[CleanClip, ...]
