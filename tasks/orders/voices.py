"""What is asked of voices: train, synthesize, convert."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePosixPath

from containers.contract import stages
from containers.contract.stages import File
from tasks.speech.readings import said_as
from tasks.studio import Order, Source, Stored, Studio, sent


def train(
    studio: Studio, character: str, clips: tuple[Stored, ...], voice: Mapping[str, Stored | Source] | None = None
) -> Order[stages.TrainResult]:
    """Its folder is named by what makes the voice, so that an older voice stays beside a newer one.

    `voice`: files of one to go on from, by name.
    """
    before = {f"in/voice/{name}": each for name, each in sorted((voice or {}).items())}
    requested = tuple(File(path=f"in/{i:05d}.wav", sha256=each.sha256) for i, each in enumerate(clips))
    order = Order(
        stage="train",
        of=character,
        request=stages.TrainRequest(
            character=character,
            clips=requested,
            voice=tuple(File(path=path, sha256=each.sha256) for path, each in before.items()),
        ),
        result=stages.TrainResult,
        inputs={**{file.path: each for file, each in zip(requested, clips, strict=True)}, **before},
        folder="",
        keep={"out/": ""},
    )
    return replace(order, folder=f"{studio.home}/voices/{character}/{studio.identity(order)[:12]}")


def synthesize(studio: Studio, text: str, language: str, rate: float = 1.0) -> Order[stages.SynthesizeResult]:
    """Read as the dictionary of the series, and readings in the text itself, say."""
    said = said_as(studio.series, text, language)
    order = Order(
        stage="synthesize",
        of=text[:40],
        request=stages.SynthesizeRequest(text=said.text, language=language, rate=rate, readings=said.readings),
        result=stages.SynthesizeResult,
        inputs={},
        folder="",
        keep={"out/": ""},
    )
    return replace(order, folder=f"{studio.home}/speech/base/{studio.identity(order)[:12]}")


def convert(
    studio: Studio, character: str, source: Stored, voice: tuple[Stored, ...], pitch_shift: float | None
) -> Order[stages.ConvertResult]:
    files = {f"in/voice/{PurePosixPath(each.key).name}": each for each in voice}
    order = Order(
        stage="convert",
        of=f"to {character}",
        request=stages.ConvertRequest(
            source=sent("source.flac", source),
            voice=tuple(File(path=path, sha256=each.sha256) for path, each in files.items()),
            pitch_shift_semitones=pitch_shift,
        ),
        result=stages.ConvertResult,
        inputs={"in/source.flac": source, **files},
        folder="",
        keep={"out/": ""},
    )
    return replace(order, folder=f"{studio.home}/speech/converted/{studio.identity(order)[:12]}")
