"""The stages: what each one is asked and what it answers.

A request is a value: the same request gives the same result. Files are named
relative to the item's folder and carry their hash. Times are seconds from the
start of the episode, as float. A stage measures and makes; what to keep is
decided by the house, from the measurements.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

CONTRACT = 1
"""Version of the form on disk; raised when an old engine could not read a new request."""


@dataclass(frozen=True, kw_only=True)
class File:
    """A file of an item: POSIX path relative to the item's folder, and its SHA-256 in hex."""

    path: str
    sha256: str

    def __post_init__(self) -> None:
        parts = self.path.split("/")
        if not self.path or self.path.startswith("/") or ".." in parts or "\\" in self.path:
            raise ValueError(f"a file's path stays inside its item, got {self.path!r}")
        if len(self.sha256) != 64 or set(self.sha256) - set("0123456789abcdef"):
            raise ValueError(f"a file needs its SHA-256 in hex, got {self.sha256!r}")


@dataclass(frozen=True, kw_only=True, order=True)
class Segment:
    """A stretch of time without a speaker."""

    start: float
    end: float

    def __post_init__(self) -> None:
        _check_span(self.start, self.end)


@dataclass(frozen=True, kw_only=True, order=True)
class Turn:
    """One speaker, speaking without a break."""

    start: float
    end: float
    speaker: str

    def __post_init__(self) -> None:
        _check_span(self.start, self.end)


def _check_span(start: float, end: float) -> None:
    if not 0 <= start < end:
        raise ValueError(f"a stretch of time needs 0 <= start < end, got {start} and {end}")


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Something a person should know about a recording that is still usable."""

    kind: Literal[
        "truncated", "corrupt", "short", "silent", "quiet", "clipping", "one_sided",
        "phase_inverted", "mono", "telephone", "language", "no_speech", "singing", "other",
    ]  # fmt: skip
    text: str


# ---------------------------------------------------------------- probe, extract


@dataclass(frozen=True, kw_only=True)
class Track:
    """An audio track; `index` counts audio tracks from 0, `language` is ISO 639-2 or 639-1 as the file says."""

    index: int
    codec: str
    channels: int
    sample_rate_hz: int
    language: str | None = None
    title: str | None = None
    default: bool = False


@dataclass(frozen=True, kw_only=True)
class SubtitleTrack:
    """A subtitle track; `index` counts subtitle tracks from 0; pictures (PGS, VobSub) have no text."""

    index: int
    codec: str
    text: bool
    language: str | None = None
    title: str | None = None
    default: bool = False


@dataclass(frozen=True, kw_only=True)
class Chapter:
    start: float
    end: float
    title: str


@dataclass(frozen=True, kw_only=True)
class ProbeRequest:
    """Look into a video without decoding all of it (milliseconds)."""

    video: File
    language: str | None = None


@dataclass(frozen=True, kw_only=True)
class ProbeResult:
    """`track` is what extract would take: by language, else the default track, else the first.

    Raises RecordingError for what is no video, or has no audio.
    """

    container: str
    duration: float | None
    tracks: tuple[Track, ...]
    subtitles: tuple[SubtitleTrack, ...]
    chapters: tuple[Chapter, ...]
    track: int
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ExtractRequest:
    """Take one audio track out of a video; `track` wins over `language` (ISO 639, two or three letters).

    `sample_rate_hz`: None for the track's own, so that what is made of the recording is resampled once at most.
    """

    video: File
    language: str | None = None
    track: int | None = None
    sample_rate_hz: Literal[44100, 48000] | None = 48000
    bit_depth: Literal[16, 24] = 16


@dataclass(frozen=True, kw_only=True)
class Subtitles:
    """Subtitles saved as text (SRT or ASS), times on the same timeline as the recording."""

    file: File
    track: int
    format: Literal["srt", "ass"]
    language: str | None = None
    title: str | None = None


@dataclass(frozen=True, kw_only=True)
class ExtractResult:
    """The recording: FLAC, one or two channels, on the video's timeline (0 = start of the video).

    A late audio stream begins with silence; a surround track is mixed down with its centre kept.
    """

    recording: File
    duration: float
    sample_rate_hz: int
    channels: int
    track: int
    subtitles: tuple[Subtitles, ...] = ()
    problems: tuple[Problem, ...] = ()


# ---------------------------------------------------------------- fingerprint, detect, condense, separate, restore


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
class Stretch:
    """A stretch of a recording that may be one of an earlier recording again; `lag`: its seconds minus those of the
    same sound there, known to a quarter of a second."""

    start: float
    end: float
    lag: float

    def __post_init__(self) -> None:
        _check_span(self.start, self.end)


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
class Reused:
    """A stretch of a recording whose vocals are those of an earlier one, `lag` seconds before, times `gain`."""

    start: float
    end: float
    lag: float
    gain: float

    def __post_init__(self) -> None:
        _check_span(self.start, self.end)


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


# ---------------------------------------------------------------- diarize, embed


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


# ---------------------------------------------------------------- cut, clean


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


# ---------------------------------------------------------------- train, convert, synthesize


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


@dataclass(frozen=True, kw_only=True)
class WordReading:
    """How a word of a text is read: in kana for Japanese, respelled in its own letters for another language.

    `accent` (Japanese): the mora after which the pitch falls, 0 where it does not fall; None: the engine's guess.
    `at`: only where the word begins at this character of the text; None: wherever it stands as a word.
    """

    word: str
    reading: str
    accent: int | None = None
    at: int | None = None

    def __post_init__(self) -> None:
        if not self.word.strip() or not self.reading.strip():
            raise ValueError(f"a word and its reading must not be empty, got {self.word!r} and {self.reading!r}")
        if self.accent is not None and self.accent < 0:
            raise ValueError(f"the accent of {self.word} is the number of a mora or 0, got {self.accent}")


@dataclass(frozen=True, kw_only=True)
class SynthesizeRequest:
    """Say a text; `language` ISO 639-1; `rate` 1.0 is the engine's own pace; `readings` of words that occur in it."""

    text: str
    language: str
    rate: float = 1.0
    readings: tuple[WordReading, ...] = ()

    def __post_init__(self) -> None:
        for each in self.readings:
            if each.at is not None and not (each.at >= 0 and self.text.startswith(each.word, each.at)):
                raise ValueError(f"there is no {each.word} at character {each.at} of the text")


@dataclass(frozen=True, kw_only=True)
class ReadWord:
    """A word as it was read: `text` as written, `reading` as said.

    `origin`: given by the request; known to the engine's dictionary; or in none, so that it was guessed.
    """

    text: str
    reading: str
    origin: Literal["given", "known", "guessed"]


@dataclass(frozen=True, kw_only=True)
class AccentPhrase:
    """Words under one rise and fall of the pitch. `reading`: katakana as said, a mora after the other; `accent`: the
    mora after which the pitch falls, 0 where it does not; `pause`: whether a pause follows."""

    reading: str
    accent: int
    pause: bool
    words: tuple[ReadWord, ...]


@dataclass(frozen=True, kw_only=True)
class SynthesizeResult:
    """`speech`: WAV, mono, 16-bit. `reading`: how the text was read (kana or phonemes). `phrases`: the same with its
    accents, by engines that know them."""

    speech: File
    sample_rate_hz: int
    duration: float
    reading: str
    phrases: tuple[AccentPhrase, ...] = ()


# ---------------------------------------------------------------- measure, transcribe


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


# ---------------------------------------------------------------- retime, mix, mux


@dataclass(frozen=True, kw_only=True)
class RetimeRequest:
    """Bring a line of speech to a length. Silence at its ends is taken off, but for a margin: no word is cut.

    `seconds`: the length wanted; None: only the ends. `slowest` and `fastest`: what the tempo may become, 1 being the
    line's own; where they do not suffice the line stays longer or shorter than wanted. `natural`: seconds at the line's
    own tempo, where synthesis has changed it already, so that the bounds hold for both changes together.
    """

    speech: File
    seconds: float | None = None
    slowest: float = 1.0
    fastest: float = 1.0
    natural: float | None = None

    def __post_init__(self) -> None:
        if not 0.5 <= self.slowest <= 1 <= self.fastest <= 2:
            raise ValueError(f"tempo needs 0.5 <= slowest <= 1 <= fastest <= 2, got {self.slowest} and {self.fastest}")
        if min(self.seconds or 1, self.natural or 1) <= 0:
            raise ValueError(f"a line has a length above 0, got {self.seconds} and {self.natural} s")


@dataclass(frozen=True, kw_only=True)
class RetimeResult:
    """`speech`: WAV, mono, 16-bit, at the source's rate. `natural`: seconds from its first sound to its last before
    `tempo` changed them, margins included."""

    speech: File
    sample_rate_hz: int
    duration: float
    natural: float
    tempo: float


@dataclass(frozen=True, kw_only=True)
class PlacedLine:
    """A line of speech in a track. `loudness_lufs`: what it is brought to (ITU-R BS.1770, in mono); None: as it is."""

    speech: File
    start: float
    loudness_lufs: float | None = None


@dataclass(frozen=True, kw_only=True)
class MixRequest:
    """Lay lines over an episode. Where nothing is `replaced` the track is the recording, sample for sample; where
    something is, the background, with fades of 30 ms inside the stretch. Lines are heard in the middle.

    Without recording and background the lines stand alone, in mono at 48 kHz, 16-bit. `seconds`: a track that would
    be shorter ends with silence. Where lines bring it above `peak_dbfs` a limiter lets it down, there only.
    """

    recording: File | None
    background: File | None
    lines: tuple[PlacedLine, ...]
    replaced: tuple[Segment, ...] = ()
    seconds: float | None = None
    peak_dbfs: float = -1.0


@dataclass(frozen=True, kw_only=True)
class LineMixed:
    """How a line came into a track: gain and loudness before the limiter, which took `limited_db` at most."""

    start: float
    end: float
    gain_db: float
    loudness_lufs: float | None
    limited_db: float


@dataclass(frozen=True, kw_only=True)
class MixResult:
    """`track`: FLAC with the recording's rate, channels and depth, WAV where lines stand alone; `lines` in the
    request's order."""

    track: File
    sample_rate_hz: int
    channels: int
    duration: float
    lines: tuple[LineMixed, ...]


@dataclass(frozen=True, kw_only=True)
class MuxRequest:
    """Put a sound track into a copy of a video, beside all that is in it. `language` ISO 639, two or three letters;
    `tags` are the new file's and the track's. `default`: players choose the new track."""

    video: File
    track: File
    language: str
    title: str
    tags: dict[str, str] = field(default_factory=dict)
    default: bool = False


@dataclass(frozen=True, kw_only=True)
class MuxResult:
    """`video`: Matroska, every stream copied as it was, the new track behind the other sound tracks.

    `left_out`: streams that Matroska cannot hold, in words.
    """

    video: File
    tracks: tuple[Track, ...]
    subtitles: tuple[SubtitleTrack, ...]
    track: int
    left_out: tuple[str, ...] = ()


# ---------------------------------------------------------------- watermark, detect_watermark


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


# ---------------------------------------------------------------- survey, preview


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


# ---------------------------------------------------------------- the list


@dataclass(frozen=True, kw_only=True)
class Stage:
    request: type
    result: type


STAGES: dict[str, Stage] = {
    "probe": Stage(request=ProbeRequest, result=ProbeResult),
    "extract": Stage(request=ExtractRequest, result=ExtractResult),
    "fingerprint": Stage(request=FingerprintRequest, result=FingerprintResult),
    "detect": Stage(request=DetectRequest, result=DetectResult),
    "compare": Stage(request=CompareRequest, result=CompareResult),
    "condense": Stage(request=CondenseRequest, result=CondenseResult),
    "separate": Stage(request=SeparateRequest, result=SeparateResult),
    "restore": Stage(request=RestoreRequest, result=SeparateResult),
    "diarize": Stage(request=DiarizeRequest, result=DiarizeResult),
    "embed": Stage(request=EmbedRequest, result=EmbedResult),
    "cut": Stage(request=CutRequest, result=CutResult),
    "clean": Stage(request=CleanRequest, result=CleanResult),
    "train": Stage(request=TrainRequest, result=TrainResult),
    "convert": Stage(request=ConvertRequest, result=ConvertResult),
    "synthesize": Stage(request=SynthesizeRequest, result=SynthesizeResult),
    "measure": Stage(request=MeasureRequest, result=MeasureResult),
    "transcribe": Stage(request=TranscribeRequest, result=TranscribeResult),
    "retime": Stage(request=RetimeRequest, result=RetimeResult),
    "mix": Stage(request=MixRequest, result=MixResult),
    "mux": Stage(request=MuxRequest, result=MuxResult),
    "survey": Stage(request=SurveyRequest, result=SurveyResult),
    "preview": Stage(request=PreviewRequest, result=PreviewResult),
    "watermark": Stage(request=WatermarkRequest, result=WatermarkResult),
    "detect_watermark": Stage(request=DetectWatermarkRequest, result=DetectWatermarkResult),
}
