"""How well music cues and effects are found in the background: `CASES=... python -m tests.bench.assets_quality`.

Prints one JSON object for season_small: as light separates the episodes, and with the exact background in place of
the separated one, to see what separation costs. Turns are the true ones. Cues are counted in seconds, effects in
events: one is found if a candidate lies within 50 ms of it, and a candidate is right if it lies on one.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import soundfile
from numpy.typing import NDArray

from containers.contract import stages
from containers.contract.stages import Turn
from tasks.episodes.assets import Cue, Effect, find_cues, find_effects, survey_columns
from tests.bench.season_stages import Workshop, sent, separated
from tests.bench.truth import LATE, truth

NEAR = 0.05
STEP = 0.1


def main() -> None:
    if "CASES" not in os.environ:
        raise SystemExit("the variable CASES must name the folder of real audio")
    season = Path(os.environ["CASES"]) / "season_small"
    episodes = {path.stem: path for path in sorted((season / "episodes").glob("*.mkv"))}
    with tempfile.TemporaryDirectory() as folder:
        workshop = Workshop(Path(folder))
        made = separated(workshop, episodes)
        stems = {
            name: (each.path(each.result.background), each.path(each.result.vocals)) for name, each in made.items()
        }
        exact = {name: (_exact(season, name, Path(folder)), vocals) for name, (_, vocals) in stems.items()}
        report = {"separated": scored(season, workshop, stems), "exact": scored(season, workshop, exact)}
    print(json.dumps(report, indent=1))


def scored(season: Path, workshop: Workshop, stems: Mapping[str, tuple[Path, Path]]) -> dict[str, Any]:
    """All episodes in one table."""
    surveyed = workshop.run(
        "survey",
        {
            name: (
                stages.SurveyRequest(background=sent("background.flac", b), vocals=sent("vocals.flac", v)),
                {"in/background.flac": b, "in/vocals.flac": v},
            )
            for name, (b, v) in stems.items()
        },
    )
    counts = {"effects": 0, "found": 0, "candidates": 0, "right": 0}
    seconds = {"music": 0.0, "cues": 0.0, "both": 0.0}
    for name, answer in surveyed.items():
        said = json.loads((season / "truth" / f"{name}.json").read_text("utf-8"))
        turns = [Turn(start=start, end=end, speaker=who) for start, end, who in truth(season, name)[0]]
        survey = survey_columns(np.load(answer.path(answer.result.levels), allow_pickle=False))
        cues = find_cues(survey, answer.result.hop, turns)
        _count(counts, find_effects(survey, answer.result.hop, turns, cues), said["sfx"])
        _add(seconds, cues, said["music"], said["seconds"])
    return {
        **counts,
        "effects_recall": round(counts["found"] / counts["effects"], 3),
        "effects_precision": round(counts["right"] / max(1, counts["candidates"]), 3),
        "music_seconds": round(seconds["music"], 1),
        "music_recall": round(seconds["both"] / seconds["music"], 3),
        "music_precision": round(seconds["both"] / max(STEP, seconds["cues"]), 3),
    }


def _count(counts: dict[str, int], effects: list[Effect], true: list[dict[str, Any]]) -> None:
    def near(effect: Effect, said: dict[str, Any]) -> bool:
        return effect.start < said["end"] + LATE + NEAR and effect.end > said["start"] + LATE - NEAR

    counts["effects"] += len(true)
    counts["candidates"] += len(effects)
    counts["found"] += sum(any(near(each, said) for each in effects) for said in true)
    counts["right"] += sum(any(near(each, said) for said in true) for each in effects)


def _add(seconds: dict[str, float], cues: list[Cue], true: list[dict[str, Any]], length: float) -> None:
    def frames(spans: list[tuple[float, float]]) -> NDArray[np.bool_]:
        marks = np.zeros(round(length / STEP), bool)
        for start, end in spans:
            marks[round(start / STEP) : round(end / STEP)] = True
        return marks

    music = frames([(each["start"] + LATE, each["end"] + LATE) for each in true])
    found = frames([(each.start, each.end) for each in cues])
    for name, marks in (("music", music), ("cues", found), ("both", music & found)):
        seconds[name] += float(marks.sum()) * STEP


def _exact(season: Path, episode: str, folder: Path) -> Path:
    """Music and effects as they were mixed, delayed as the episode is."""
    total: NDArray[np.float32] = np.zeros((0, 2), np.float32)
    for stem in ("bgm", "sfx"):
        command = [
            imageio_ffmpeg.get_ffmpeg_exe(),
            "-v",
            "error",
            "-i",
            str(season / "stems" / episode / f"{stem}.opus"),
        ]
        done = subprocess.run(
            [*command, "-f", "f32le", "-ac", "2", "-ar", "48000", "-"], check=True, capture_output=True
        )
        samples = np.frombuffer(done.stdout, "<f4").reshape(-1, 2)
        length = max(len(total), len(samples))
        total = np.pad(total, ((0, length - len(total)), (0, 0))) + np.pad(
            samples, ((0, length - len(samples)), (0, 0))
        )
    path = folder / f"{episode}-exact.flac"
    soundfile.write(path, np.pad(total, ((round(LATE * 48000), 0), (0, 0))), 48000, subtype="PCM_24")
    return path


if __name__ == "__main__":
    main()
