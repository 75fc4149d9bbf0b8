"""One small, fitting request for each stage, and the ways to spoil it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from containers.contract import stages
from containers.contract.codec import canonical, encode
from containers.contract.item import sha256_of
from containers.contract.stages import CONTRACT, Excerpt, File
from tests.contract.material import Material


@dataclass
class Parcel:
    """The files that go with a request: name inside the item -> file of this machine."""

    files: dict[str, Path] = field(default_factory=dict)

    def __call__(self, path: Path) -> File:
        self.files[f"in/{path.name}"] = path
        return File(path=f"in/{path.name}", sha256=sha256_of(path))

    def all(self, paths: tuple[Path, ...]) -> tuple[File, ...]:
        return tuple(self(path) for path in paths)


Voice = tuple[Path, ...]

REQUESTS: dict[str, Callable[[Parcel, Material, Voice], Any]] = {
    "probe": lambda send, made, _: stages.ProbeRequest(video=send(made.video), language="ja"),
    "extract": lambda send, made, _: stages.ExtractRequest(video=send(made.video), language="ja"),
    "fingerprint": lambda send, made, _: stages.FingerprintRequest(recording=send(made.recording)),
    "detect": lambda send, made, _: stages.DetectRequest(recording=send(made.recording)),
    "compare": lambda send, made, _: stages.CompareRequest(
        recording=send(made.recording),
        earlier=send(made.recording),
        stretches=(stages.Stretch(start=1.0, end=9.0, lag=0.1),),
    ),
    "condense": lambda send, made, _: stages.CondenseRequest(
        recording=send(made.recording),
        segments=tuple(stages.Segment(start=each.start - 0.2, end=each.end + 0.2) for each in made.turns),
    ),
    "separate": lambda send, made, _: stages.SeparateRequest(recording=send(made.recording)),
    "restore": lambda send, made, _: stages.RestoreRequest(
        recording=send(made.recording), segments=(stages.Segment(start=0.0, end=60.0),), vocals=send(made.vocals)
    ),
    "diarize": lambda send, made, _: stages.DiarizeRequest(vocals=send(made.vocals), max_speakers=4),
    "embed": lambda send, made, _: stages.EmbedRequest(vocals=send(made.vocals), turns=made.turns),
    "cut": lambda send, made, _: stages.CutRequest(
        vocals=send(made.vocals), background=send(made.background), turns=made.turns
    ),
    "clean": lambda send, made, _: stages.CleanRequest(clips=send.all(made.clips)),
    "train": lambda send, made, _: stages.TrainRequest(character="endou_mamoru", clips=send.all(made.lessons)),
    "convert": lambda send, made, voice: stages.ConvertRequest(source=send(made.clips[0]), voice=send.all(voice)),
    "synthesize": lambda _send, _made, _: stages.SynthesizeRequest(
        text="試合開始です。", language="ja", readings=(stages.WordReading(word="試合", reading="しあい", accent=0),)
    ),
    "measure": lambda send, made, _: stages.MeasureRequest(speech=send(made.clips[0]), source=send(made.clips[0])),
    "transcribe": lambda send, made, _: stages.TranscribeRequest(speech=send(made.clips[0]), language="ja"),
    "retime": lambda send, made, _: stages.RetimeRequest(speech=send(made.clips[0]), seconds=1.5, fastest=1.25),
    "mix": lambda send, made, _: stages.MixRequest(
        recording=send(made.recording),
        background=send(made.background),
        lines=(stages.PlacedLine(speech=send(made.clips[1]), start=1.0, loudness_lufs=-20.0),),
        replaced=(stages.Segment(start=0.9, end=4.0),),
        seconds=20.0,
    ),
    "mux": lambda send, made, _: stages.MuxRequest(
        video=send(made.video), track=send(made.recording), language="en", title="Dub", tags={"COMMENT": "synthetic"}
    ),
    "watermark": lambda send, made, _: stages.WatermarkRequest(speech=send(made.line), message=0b1010_0101_1100_0011),
    "detect_watermark": lambda send, made, _: stages.DetectWatermarkRequest(sound=send(made.line)),
    "survey": lambda send, made, _: stages.SurveyRequest(background=send(made.background), vocals=send(made.vocals)),
    "preview": lambda send, made, _: stages.PreviewRequest(
        excerpts=(Excerpt(file=send(made.recording), start=0.5, end=3.5), Excerpt(file=send(made.clips[0]))),
        lossless=True,
    ),
}
"""Stage -> its request; convert needs the files of a voice that the same engine trained."""


@dataclass
class Letter:
    """What an item's folder will hold: the envelope as plain JSON, and its input files."""

    envelope: dict[str, Any]
    files: dict[str, Path]

    def lay(self, folder: Path) -> Path:
        folder.mkdir(parents=True)
        for name, path in self.files.items():
            (folder / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(path, folder / name)
        (folder / "request.json").write_text(canonical(self.envelope), "utf-8")
        return folder


def letter(stage: str, material: Material, voice: Voice = ()) -> Letter:
    """The fitting request of a stage."""
    parcel = Parcel()
    request = encode(REQUESTS[stage](parcel, material, voice))
    return Letter({"contract": CONTRACT, "stage": stage, "request": request}, parcel.files)


# ---------------------------------------------------------------- spoiled, each in one way


def with_unknown_field(sound: Letter, _: Material) -> Letter:
    sound.envelope["request"]["nonsense"] = 1
    return sound


def with_more_envelope(sound: Letter, _: Material) -> Letter:
    sound.envelope["nonsense"] = 1
    return sound


def of_contract_two(sound: Letter, _: Material) -> Letter:
    sound.envelope["contract"] = CONTRACT + 1
    return sound


def without_a_field(sound: Letter, _: Material) -> Letter:
    sound.envelope["request"].pop(next(iter(sound.envelope["request"])))
    return sound


def leaving_the_item(sound: Letter, _: Material) -> Letter:
    text = json.dumps(sound.envelope)
    sound.envelope = json.loads(text.replace('"in/', '"../other/in/'))
    return sound


def with_absolute_path(sound: Letter, _: Material) -> Letter:
    text = json.dumps(sound.envelope)
    sound.envelope = json.loads(text.replace('"in/', '"/in/'))
    return sound


def with_file_missing(sound: Letter, _: Material) -> Letter:
    sound.files.pop(next(iter(sound.files)))
    return sound


def with_other_file(sound: Letter, material: Material) -> Letter:
    sound.files[next(iter(sound.files))] = material.no_sound
    return sound


def with_no_sound(sound: Letter, material: Material) -> Letter:
    return _with_first_file(sound, material.no_sound)


def _with_first_file(sound: Letter, path: Path) -> Letter:
    """The same request of another file: the first one, under the same name."""
    name = next(iter(sound.files))
    before, after = sha256_of(sound.files[name]), sha256_of(path)
    sound.files[name] = path
    sound.envelope = json.loads(json.dumps(sound.envelope).replace(before, after))
    return sound


SPOILED: dict[str, tuple[Callable[[Letter, Material], Letter], str]] = {
    "unknown_field": (with_unknown_field, "request"),
    "more_envelope": (with_more_envelope, "request"),
    "contract_two": (of_contract_two, "request"),
    "field_left_out": (without_a_field, "request"),
    "leaving_the_item": (leaving_the_item, "request"),
    "absolute_path": (with_absolute_path, "request"),
    "file_missing": (with_file_missing, "machine"),
    "other_file": (with_other_file, "machine"),
    "no_sound": (with_no_sound, "recording"),
}
"""How a request is spoiled -> the kind of error that every engine must answer with."""

NEED_FILES = {"leaving_the_item", "absolute_path", "file_missing", "other_file", "no_sound"}


def spoilings(engine: str, stage: str) -> list[str]:
    """The ways that make sense of a stage: a text has no files, and stub takes any file for a video."""
    ways = [way for way in SPOILED if stage != "synthesize" or way not in NEED_FILES]
    return [way for way in ways if way != "no_sound" or engine != "stub" or stage not in ("probe", "extract", "mux")]


def with_silence(sound: Letter, material: Material) -> Letter:
    """Train gets it alone, so that there is nothing else to learn from; convert gets a little of it."""
    if sound.envelope["stage"] == "train":
        del sound.envelope["request"]["clips"][1:]
    return _with_first_file(sound, material.pause if sound.envelope["stage"] == "convert" else material.silence)


def with_telephone(sound: Letter, material: Material) -> Letter:
    return _with_first_file(sound, material.telephone)


def with_blink(sound: Letter, material: Material) -> Letter:
    return _with_first_file(sound, material.blink)


DIFFICULT: dict[str, tuple[Callable[[Letter, Material], Letter], frozenset[str]]] = {
    "silence": (
        with_silence,
        frozenset(
            {
                "fingerprint",
                "detect",
                "separate",
                "diarize",
                "embed",
                "cut",
                "clean",
                "train",
                "convert",
                "measure",
                "survey",
                "preview",
                "detect_watermark",
            }
        ),
    ),
    "telephone": (
        with_telephone,
        frozenset(
            {"fingerprint", "detect", "condense", "separate", "diarize", "embed", "cut", "clean", "survey", "preview"}
        ),
    ),
    "blink": (
        with_blink,
        frozenset(
            {
                "fingerprint",
                "detect",
                "separate",
                "diarize",
                "clean",
                "convert",
                "measure",
                "survey",
                "detect_watermark",
            }
        ),
    ),
}
"""Files that are whole and hard, and the stages whose requests they fit: an engine makes something of them,
or says that the recording is at fault."""


def difficulties(stage: str) -> list[str]:
    return [way for way, (_, fits) in DIFFICULT.items() if stage in fits]
