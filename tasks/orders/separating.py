"""What the stages are asked that separate a part of a recording: detect, compare, condense, separate, restore."""

from __future__ import annotations

from containers.contract import stages
from containers.contract.stages import Reused, Segment, Stretch
from tasks.domain import Episode
from tasks.orders.episodes import folder_of, separation
from tasks.studio import Made, Order, Stored, Studio, sent

CONDENSED = "condensed/"
"""Where a shorter recording and its stems lie in an episode's folder until the stems of the whole are there."""


def detect(studio: Studio, episode: Episode, recording: Stored) -> Order[stages.DetectResult]:
    return Order(
        stage="detect",
        of=episode.key,
        request=stages.DetectRequest(recording=sent("recording.flac", recording)),
        result=stages.DetectResult,
        inputs={"in/recording.flac": recording},
        folder=folder_of(studio, episode),
        keep={"out/speech.npy": "speech.npy"},
    )


def compare(
    studio: Studio, episode: Episode, recording: Stored, earlier: Stored, stretches: tuple[Stretch, ...]
) -> Order[stages.CompareResult]:
    """`earlier`: the recording of another episode, which some stretches of this one may have too."""
    return Order(
        stage="compare",
        of=episode.key,
        request=stages.CompareRequest(
            recording=sent("recording.flac", recording), earlier=sent("earlier.flac", earlier), stretches=stretches
        ),
        result=stages.CompareResult,
        inputs={"in/recording.flac": recording, "in/earlier.flac": earlier},
        folder=folder_of(studio, episode),
        keep={"out/": ""},
    )


def condense(
    studio: Studio, episode: Episode, recording: Stored, segments: tuple[Segment, ...]
) -> Order[stages.CondenseResult]:
    return Order(
        stage="condense",
        of=episode.key,
        request=stages.CondenseRequest(recording=sent("recording.flac", recording), segments=segments),
        result=stages.CondenseResult,
        inputs={"in/recording.flac": recording},
        folder=folder_of(studio, episode),
        keep={"out/": CONDENSED},
    )


def separate_condensed(
    studio: Studio, episode: Episode, condensed: Made[stages.CondenseResult]
) -> Order[stages.SeparateResult]:
    return separation(studio, episode, condensed.stored(condensed.result.recording), CONDENSED)


def restore(
    studio: Studio,
    episode: Episode,
    recording: Stored,
    segments: tuple[Segment, ...],
    separated: Made[stages.SeparateResult] | None,
    reused: tuple[Reused, ...] = (),
    earlier: Stored | None = None,
) -> Order[stages.SeparateResult]:
    """`separated`: the stems of the condensed recording; None where there is no segment, and this is all there is.
    `reused`: stretches that take their vocals from those of an `earlier` episode."""
    vocals = separated.stored(separated.result.vocals) if separated else None
    files = {"in/recording.flac": recording, "in/vocals.flac": vocals, "in/earlier.flac": earlier}
    inputs = {path: file for path, file in files.items() if file}
    return Order(
        stage="restore",
        of=episode.key,
        request=stages.RestoreRequest(
            recording=sent("recording.flac", recording),
            segments=segments,
            vocals=sent("vocals.flac", vocals) if vocals else None,
            earlier=sent("earlier.flac", earlier) if earlier else None,
            reused=reused,
        ),
        result=stages.SeparateResult,
        inputs=inputs,
        folder=folder_of(studio, episode),
        keep={"out/": "stems/"},
        record="restore" if vocals else "separate",
    )
