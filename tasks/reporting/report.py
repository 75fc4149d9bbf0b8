"""The report, as values: what the page shows on which a person listens to what was made.

Whoever has the results fills a `Report`; `report_page.render` makes HTML of it.
Times are seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from containers.contract.stages import Measurements, Problem, Turn
from tasks.clips.dataset import Row
from tasks.domain import Suggestion

REASONS: Mapping[str, str] = {
    "rejected": "rejected by a person",
    "short": "too short",
    "long": "too long",
    "overlap": "two people at once",
    "clipped": "clipped",
    "noisy": "noisy",
    "music": "music under the voice",
    "not_speech": "not speech",
    "unvoiced": "hardly voiced",
    "mixed": "two voices in one clip",
    "other_voice": "another voice",
    "unsure": "unsure whose voice",
    "identified": "found by voice, not by label",
    "recurring": "said before, in a recap or a theme",
    "silent": "silence",
    "singing": "sung",
    "telephone": "sounds as by telephone",
    "upsampled": "narrow sound",
    "cut_word": "cut within a word",
    "duplicate": "the same recording again",
    "enough": "more than needed",
}
"""A data set's reasons in words for the page; a reason that is not here is shown as it is."""


@dataclass(frozen=True, kw_only=True)
class Sound:
    """Something to hear: `player` (MP3) and `picture` (PNG spectrogram), as the page finds them (`media/...`)."""

    player: str
    duration: float
    picture: str | None = None

    def __post_init__(self) -> None:
        for path in (self.player, self.picture):
            if path is not None and (not path.startswith("media/") or ".." in path.split("/") or "\\" in path):
                raise ValueError(f"the page's media are files below media/, got {path!r}")


@dataclass(frozen=True, kw_only=True)
class StageTime:
    """Seconds an engine took; `audio`: seconds of sound it worked on, None where that means nothing.

    `gpu_hours`: that of all GPUs it could use, 0 on a CPU.
    """

    stage: str
    engine: str
    seconds: float
    audio: float | None = None
    gpu_hours: float = 0.0

    @property
    def times_realtime(self) -> float | None:
        """Seconds of sound worked on in a second."""
        return self.audio / self.seconds if self.audio and self.seconds > 0 else None


@dataclass(frozen=True, kw_only=True)
class EpisodeReport:
    """An episode: its sound in up to three layers, and who speaks when.

    `labels`: speaker of `turns` -> character or "nobody"; a speaker who is missing has no label yet.
    `engines`: stage -> engine, for every stage that gave something shown here. `pruned`: layers that the store does
    not keep. `failed`: why the episode was left out.
    """

    key: str
    title: str
    duration: float
    mix: Sound | None = None
    vocals: Sound | None = None
    background: Sound | None = None
    pruned: tuple[str, ...] = ()
    turns: tuple[Turn, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    engines: Mapping[str, str] = field(default_factory=dict)
    times: tuple[StageTime, ...] = ()
    problems: tuple[Problem, ...] = ()
    failed: str | None = None


@dataclass(frozen=True, kw_only=True)
class ClipReport:
    """A clip to hear, with the verdict on it; `facts`: name -> value, shown as they are."""

    clip: str
    sound: Sound
    verdict: Literal["kept", "dropped", "doubt"]
    reason: str
    detail: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, row: Row, sound: Sound) -> ClipReport:
        """The row of a data set, to hear."""
        facts = facts_of(row.measurements)
        if row.purity is not None:
            facts["Purity"] = f"{row.purity:+.2f}"
        return cls(clip=row.clip, sound=sound, verdict=row.verdict, reason=row.reason, detail=row.detail, facts=facts)


@dataclass(frozen=True, kw_only=True)
class VoiceReport:
    """A trained voice, as its card says; `trained_on` in seconds, `rights`: basis, by, date ..."""

    engine: str
    version: str
    format: str
    trained_on: float
    sample_rate_hz: int | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    rights: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class LineReport:
    """Generated speech: always marked as synthetic. `source`: what was converted, heard beside it.

    `similarity` and `source_similarity`: cosine to the character's voice, after and before.
    """

    text: str
    speech: Sound
    engines: Mapping[str, str]
    source: Sound | None = None
    source_similarity: float | None = None
    similarity: float | None = None


@dataclass(frozen=True, kw_only=True)
class CharacterReport:
    """A character: material (`kept` of `target` seconds; `dropped`: reason -> seconds), voice, speech.

    `real`: a known clip of the character, to compare the generated speech with. `page`: its own page, beside this one.
    """

    slug: str
    name: str
    kept: float = 0.0
    target: float = 1200.0
    dropped: Mapping[str, float] = field(default_factory=dict)
    real: Sound | None = None
    clips: tuple[ClipReport, ...] = ()
    engines: Mapping[str, str] = field(default_factory=dict)
    voice: VoiceReport | None = None
    lines: tuple[LineReport, ...] = ()
    page: str | None = None


@dataclass(frozen=True, kw_only=True)
class SpeakerReport:
    """A speaker of the series whom nobody has named yet, with clips to know them by."""

    speaker: str
    seconds: float
    episodes: tuple[str, ...]
    sounds: tuple[Sound, ...] = ()
    suggestion: Suggestion | None = None


@dataclass(frozen=True, kw_only=True)
class Figure:
    """Something measured on real speech, and the command that measures it again."""

    name: str
    figure: str
    command: str


@dataclass(frozen=True, kw_only=True)
class Report:
    """All that the page says. `synthetic_note`: plain words if the material itself is no real speech.

    `language` (ISO 639-1) is that of names and lines. `how_to_label`: a command for the unnamed.
    """

    series: str
    title: str
    made: datetime
    language: str = "ja"
    synthetic_note: str | None = None
    episodes: tuple[EpisodeReport, ...] = ()
    characters: tuple[CharacterReport, ...] = ()
    speakers: tuple[SpeakerReport, ...] = ()
    how_to_label: str | None = None
    times: tuple[StageTime, ...] = ()
    figures: tuple[Figure, ...] = ()
    notes: tuple[str, ...] = ()
    not_in_this_run: tuple[str, ...] = ()
    assets_page: str | None = None


def facts_of(measured: Measurements) -> dict[str, str]:
    """What a person wants to know of a clip's measurements, in words and units."""
    bandwidth = None if measured.bandwidth_hz is None else measured.bandwidth_hz / 1000
    facts = {
        "SNR": _unit(measured.snr_db, "dB"),
        "Voice over music": _unit(measured.background_db, "dB"),
        "Loudness": _unit(measured.loudness_lufs, "LUFS"),
        "Pitch": _unit(measured.f0_median_hz, "Hz"),
        "Bandwidth": _unit(bandwidth, "kHz", 1),
    }
    return {name: value for name, value in facts.items() if value}


def _unit(value: float | None, unit: str, digits: int = 0) -> str:
    return "" if value is None else f"{value:.{digits}f} {unit}".replace("-", "\N{MINUS SIGN}")


def dropped_seconds(rows: Iterable[Row]) -> dict[str, float]:
    """Seconds of each reason for which a character's clips were not kept, most first."""
    seconds: dict[str, float] = {}
    for row in rows:
        if row.verdict != "kept":
            seconds[row.reason] = seconds.get(row.reason, 0.0) + row.duration
    return dict(sorted(seconds.items(), key=lambda each: (-each[1], each[0])))
