"""What is asked of the clips of a data set: dereverb (separate) and clean."""

from __future__ import annotations

from collections.abc import Mapping

from containers.contract import stages
from containers.contract.stages import File
from tasks.studio import Order, Stored, Studio, sent


def clean(studio: Studio, character: str, batch: str, clips: Mapping[str, Stored]) -> Order[stages.CleanResult]:
    """`clips`: name of a clip in the data set -> the clip as cut; one order holds a batch of them."""
    requested = tuple(File(path=f"in/{i:05d}.flac", sha256=each.sha256) for i, each in enumerate(clips.values()))
    names = {f"out/clips/{i:04d}.wav": f"clips/{name}.wav" for i, name in enumerate(clips)}
    return Order(
        stage="clean",
        of=f"{character} {batch}",
        request=stages.CleanRequest(clips=requested, denoise=studio.series.denoise),
        result=stages.CleanResult,
        inputs={file.path: each for file, each in zip(requested, clips.values(), strict=True)},
        folder=f"{studio.home}/characters/{character}",
        keep=names,
        record=f"clean-{batch}",
    )


def dereverb(studio: Studio, character: str, name: str, clip: Stored) -> Order[stages.SeparateResult]:
    """`name`: of the clip in the data set. For a series that asks for it."""
    wanted = studio.series.dereverb
    assert wanted is not None
    return Order(
        stage="separate",
        of=f"{character} {name}",
        request=stages.SeparateRequest(recording=sent("clip.flac", clip)),
        result=stages.SeparateResult,
        inputs={"in/clip.flac": clip},
        folder=f"{studio.home}/characters/{character}",
        keep={"out/": f"dry/{name}/"},
        record=dereverb_record(name),
        engine=wanted.engine,
        options=wanted.options,
    )


def dereverb_record(name: str) -> str:
    return f"dereverb-{name}"
