"""Retime, mix and mux: lines of speech brought to length, laid over an episode and put into its video."""

from __future__ import annotations

from dataclasses import dataclass, field

from .extract import SubtitleTrack, Track
from .values import File, Segment


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
