"""Damaged files that the house reads itself: each is read, or refused in words by the error that is meant for it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from containers.contract.parcel import ParcelError, pack, unpack
from tasks.episodes.subtitles import SubtitlesError, read_cues
from tasks.labelling.labels import LabelsError
from tasks.labelling.labels_file import read_labels_file, read_sheet_answer
from tasks.series import SeriesError, read_series
from tests.fuzz.mutations import BINARY, TEXT, damaged

SERIES = """series: kaze
title: 風の十一人
episodes: episodes/*.mkv
language: ja
characters:
  endou:
    name: 円堂守
    references: refs/endou/*.flac
    rights: {basis: "licence", by: "us", date: 2026-11-22}
  kidou: {name: 鬼道}
engines: {separate: light, diarize: light}
options: {light: {}}
targets: {minutes: 25, min_minutes: 5}
labels: ask
"""
SRT = "1\n00:00:01,000 --> 00:00:02,500\n円堂：行くぞ！\n\n2\n00:00:03,000 --> 00:00:04,000\n- はい\n- うん\n\n"
ASS = (
    "[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\nFormat: Name, Fontname, Fontsize\nStyle: Default,Arial,20\n\n"
    "[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
    "Dialogue: 0,0:00:01.00,0:00:02.50,Default,円堂,0,0,0,,行くぞ！\n"
    "Dialogue: 0,0:00:03.00,0:00:04.00,Default,,0,0,0,,{\\\\an8}看板\n"
)
LABELS = {".csv": "speaker,character\nS001,endou\nS002,nobody\n", ".yaml": "S001: endou\nS002: nobody\nS003:\n",
          ".json": '{"S001": "endou", "S002": "nobody"}'}  # fmt: skip
ANSWER = '{"id": "a1", "who": "mika", "labels": {"S001": "endou"}, "before": {"S001": null}, "rejected": ["s01e01/1"]}'


@dataclass(frozen=True, kw_only=True)
class Target:
    """`read` takes a file; what it raises must be one of `refusals`, and say something."""

    name: str
    whole: tuple[bytes, ...]
    ending: str
    read: Callable[[Path], object]
    refusals: tuple[type[Exception], ...]
    ways: tuple[Callable[[random.Random, bytes], bytes], ...] = TEXT


def _labels(path: Path) -> object:
    if path.suffix == ".json":
        read_sheet_answer(path)
    return read_labels_file(path, {"S001", "S002", "S003"}, {"endou", "kidou"})


def _parcel(path: Path) -> object:
    inside = path.parent / "unpacked"
    written = unpack(BytesIO(path.read_bytes()), inside, lambda _: True, 1 << 20)
    if any(inside.resolve() not in each.resolve().parents for each in inside.rglob("*")):
        raise AssertionError("a tar wrote outside its folder")
    return written


def _tar(folder: Path) -> bytes:
    for name in ("a.flac", "b.json"):
        (folder / name).write_bytes(name.encode() * 300)
    pack(folder / "whole.tar", [("a.flac", folder / "a.flac"), ("turns/b.json", folder / "b.json")])
    return (folder / "whole.tar").read_bytes()


def targets(folder: Path) -> tuple[Target, ...]:
    """All of them; `folder` is for what has to be made first."""
    return (
        Target(name="series", whole=(SERIES.encode(),), ending=".yaml", read=read_series, refusals=(SeriesError,)),
        *(
            Target(
                name=f"labels{ending}", whole=(text.encode(), *((ANSWER.encode(),) if ending == ".json" else ())),
                ending=ending, read=_labels, refusals=(LabelsError,),
            )
            for ending, text in LABELS.items()
        ),
        *(
            Target(
                name=f"subtitles.{form}", whole=(text.encode(),), ending=f".{form}",
                read=lambda path, form=form: read_cues(path.read_bytes(), form), refusals=(SubtitlesError,),  # type: ignore[misc]
            )
            for form, text in (("srt", SRT), ("ass", ASS))
        ),
        Target(name="parcel", whole=(_tar(folder),), ending=".tar", read=_parcel, refusals=(ParcelError,), ways=BINARY),
    )  # fmt: skip


@dataclass(kw_only=True)
class Counts:
    read: int = 0
    refused: int = 0
    failed: int = 0


def fuzz(target: Target, folder: Path, cases: int, seed: int) -> tuple[Counts, list[str]]:
    """How many damaged files were read and refused; what failed otherwise, with the seed that makes it again."""
    counts, failures = Counts(), []
    for number in range(cases):
        dice = random.Random(f"{seed} {target.name} {number}")
        inside = folder / f"{target.name} {number}"
        inside.mkdir()
        path = inside / f"given{target.ending}"
        path.write_bytes(damaged(dice, dice.choice(target.whole), target.ways))
        try:
            target.read(path)
            counts.read += 1
        except target.refusals as refusal:
            counts.refused += 1
            if len(str(refusal)) < 10:
                failures.append(f"{target.name} {number}: says only {str(refusal)!r}")
        except Exception as error:  # noqa: BLE001 (what is looked for)
            counts.failed += 1
            failures.append(f"{target.name} {number}: {type(error).__name__}: {error}")
    return counts, failures
