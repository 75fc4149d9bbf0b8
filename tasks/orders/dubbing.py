"""What the stages of dubbing are asked, and where their files are kept: retime, mix, mux."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from containers.contract import stages
from containers.contract.stages import File, PlacedLine, Segment
from tasks.domain import Episode
from tasks.orders.episodes import video_of
from tasks.studio import Order, Stored, Studio, sent


class BadTiming(ValueError):
    """Bounds between which no pace lies."""


@dataclass(frozen=True, kw_only=True)
class Timing:
    """A slot of so many seconds (None: as long as the line is, without silence at its ends), and how much slower and
    faster than at its own pace a line may be said to fill it."""

    seconds: float | None = None
    slowest: float = 0.85
    fastest: float = 1.25

    def __post_init__(self) -> None:
        if not 0.5 <= self.slowest <= 1 <= self.fastest <= 2:
            raise BadTiming(f"a pace from {self.slowest:g} to {self.fastest:g}: the bounds are 0.5 to 1, and 1 to 2")


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A line of speech at its place in a track; loudness in LUFS, None: as it is."""

    speech: Stored
    start: float
    loudness_lufs: float | None = None


@dataclass(frozen=True, kw_only=True)
class Under:
    """What lies under the lines: recording and background of an episode, and how long the track is at least."""

    recording: Stored
    background: Stored
    seconds: float


def retime(
    studio: Studio, speech: Stored, timing: Timing | None = None, natural: float | None = None
) -> Order[stages.RetimeResult]:
    """Without silence at its ends; in its slot, with a `timing`. `natural`: RetimeRequest says it."""
    if timing is None or timing.seconds is None:
        timing = Timing(slowest=1.0, fastest=1.0)
    order = Order(
        stage="retime",
        of=f"line {speech.sha256[:12]}",
        request=stages.RetimeRequest(
            speech=sent("speech.wav", speech),
            seconds=timing.seconds,
            slowest=timing.slowest,
            fastest=timing.fastest,
            natural=natural,
        ),
        result=stages.RetimeResult,
        inputs={"in/speech.wav": speech},
        folder="",
        keep={"out/": ""},
    )
    return replace(order, folder=f"{studio.home}/speech/retimed/{studio.identity(order)[:12]}")


def mix(
    of: str, folder: str, under: Under | None, lines: Sequence[Placed], replaced: Sequence[Segment]
) -> Order[stages.MixResult]:
    """Lines over an episode, or alone; the track lies in `folder`."""
    files = {f"in/lines/{each.speech.sha256[:16]}.wav": each.speech for each in lines}
    bed = {"in/recording.flac": under.recording, "in/background.flac": under.background} if under else {}
    return Order(
        stage="mix",
        of=of,
        request=stages.MixRequest(
            recording=sent("recording.flac", under.recording) if under else None,
            background=sent("background.flac", under.background) if under else None,
            lines=tuple(
                PlacedLine(
                    speech=File(path=f"in/lines/{each.speech.sha256[:16]}.wav", sha256=each.speech.sha256),
                    start=each.start,
                    loudness_lufs=each.loudness_lufs,
                )
                for each in lines
            ),
            replaced=tuple(replaced),
            seconds=under.seconds if under else None,
        ),
        result=stages.MixResult,
        inputs={**bed, **files},
        folder=folder,
        keep={"out/": ""},
    )


@dataclass(frozen=True, kw_only=True)
class Label:
    """How a track is named in a video."""

    language: str
    title: str
    tags: dict[str, str]
    default: bool = False


def mux(episode: Episode, folder: str, track: Stored, label: Label) -> Order[stages.MuxResult]:
    """The episode's video with the track beside its own."""
    video = video_of(episode)
    return Order(
        stage="mux",
        of=f"dub of {episode.key}",
        request=stages.MuxRequest(
            video=sent("video", video),
            track=sent("track.flac", track),
            language=label.language,
            title=label.title,
            tags=label.tags,
            default=label.default,
        ),
        result=stages.MuxResult,
        inputs={"in/video": video, "in/track.flac": track},
        folder=folder,
        keep={"out/": ""},
    )
