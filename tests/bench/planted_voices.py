"""Whose speech planted clips are made of: two halves of the people in CASES, and which of it are references.

A person with references has ten recordings, of which three are references: in rotation 0 those that CASES
names, in rotations 1 and 2 others, and those of CASES give clips. What `season_small` says of a
recording after the 8 s at which CASES ends its probes are further clips.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Half = Literal["tune", "report", "unseen", "fresh"]
HALVES: dict[str, tuple[str, ...]] = {"tune": ("Ren", "Hana", "Peggy"), "report": ("Goro", "Yuki", "Taro")}
ROTATIONS = (0, 1, 2)
PROBE_SECONDS = 8.0
"""Of the longest probes: they are cut there."""
_REFERENCES = 3


@dataclass(frozen=True, kw_only=True)
class Utterance:
    """A stretch of a sound file; `recording`: the one of the source corpus that it is of."""

    path: Path
    recording: str
    start: float = 0.0
    end: float | None = None


def voices(cases: Path, half: Half, rotation: int = 0) -> tuple[dict[str, list[Utterance]], dict[str, list[Utterance]]]:
    """What each person of a half says, and the references of those who have any.

    Of strangers (UNKNOWN-n) and Japanese readers (JA-n), who have one recording each, every second is a half's.
    """
    known, strangers = _recordings(cases, half)
    references = {name: _references(cases, name, own, rotation) for name, own in known.items()}
    taken = {each.recording for some in references.values() for each in some}
    japanese = sorted((cases / "japanese").glob("common_voice_*.flac"))[half == "report" :: 2]
    spoken = {name: [each for each in own if each.recording not in taken] for name, own in known.items()}
    spoken |= {f"JA-{number}": [Utterance(path=path, recording=path.name)] for number, path in enumerate(japanese)}
    return spoken | strangers, references


def everything(cases: Path, half: Half) -> dict[str, list[Utterance]]:
    """All that the people of a half say, references too."""
    spoken, references = voices(cases, half)
    return {name: [*own, *references.get(name, ())] for name, own in spoken.items()}


def _recordings(cases: Path, half: Half) -> tuple[dict[str, list[Utterance]], dict[str, list[Utterance]]]:
    """All that people with references say (references, probes, the season's), and what strangers say."""
    folder = cases / "speaker_match"
    known: dict[str, list[Utterance]] = {name: [] for name in HALVES[half]}
    for row in _table(folder / "manifest.csv"):
        if row["speaker"] in known:
            known[row["speaker"]].append(_utterance(folder, row))
    strangers: dict[str, list[Utterance]] = {}
    number = 0
    for row in _table(folder / "key.csv"):
        if row["speaker"] in known:
            known[row["speaker"]].append(_utterance(folder, row))
        elif row["speaker"] == "UNKNOWN":
            number += 1
            if number % 2 == (half == "tune"):
                strangers[f"UNKNOWN-{number}"] = [_utterance(folder, row)]
    for name in known:
        known[name] += _after_the_probes(cases, name)
    return known, strangers


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return sorted(csv.DictReader(file), key=lambda row: row["file"])


def _utterance(folder: Path, row: dict[str, str]) -> Utterance:
    return Utterance(path=folder / row["file"], recording=Path(row["source"]).name)


def _after_the_probes(cases: Path, name: str) -> Iterator[Utterance]:
    """Turns of the season that begin where the probe of their recording has ended."""
    season = cases / "season_small"
    for truth in sorted((season / "truth").glob("S*E*.json")):
        for turn in json.loads(truth.read_text("utf-8"))["turns"]:
            if turn["speaker"] == name and not turn["phone"] and turn["src_in"] >= PROBE_SECONDS:
                path = season / "stems" / truth.stem / f"speaker_{name}.flac"
                recording = Path(turn["source"]).name
                yield Utterance(path=path, recording=recording, start=turn["start"], end=turn["end"])


def _references(cases: Path, name: str, own: list[Utterance], rotation: int) -> list[Utterance]:
    """Whole recordings only: no turns of the season."""
    whole = [each for each in own if each.path.parent.parent.name != "stems"]
    theirs = [each for each in whole if each.path.parent.parent.name == "refs"]
    others = sorted((each for each in whole if each not in theirs), key=lambda each: each.recording)
    return theirs if rotation == 0 else others[(rotation - 1) * _REFERENCES : rotation * _REFERENCES]
