"""How well the light engine says who speaks when, beside a plain way with the same models.

    CASES=... python -m tests.bench.diarization_quality [--keep FOLDER] [--separated] [--long]

Prints JSON. `error`: diarization error rate, 0.25 s collar on each side of each true edge, overlap
scored. `purity`: share of the seconds in which one person speaks alone and the answer names a
speaker, that belong to that speaker's main person; `exclusive_purity` the same of the exclusive turns,
`exclusive_share` how much of the speech they hold. Whole files are scored, no fixed speaker count unless told.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import pdist

from containers.light import voiceprint
from containers.light.speech import file_speech_probabilities, speech_segments
from tests.bench.season_stages import Workshop, diarized, separated
from tests.bench.truth import LATE, Turns, error_rate, frames

LONG_SECONDS = 24 * 60


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A file and who speaks in it."""

    path: Path
    turns: Turns
    seconds: float

    @property
    def speakers(self) -> int:
        return len({name for *_, name in self.turns})


@dataclass(frozen=True, kw_only=True)
class Answer:
    turns: Turns
    exclusive: Turns


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=Path, help="folder to keep results in, so that a second run is quick")
    parser.add_argument("--separated", action="store_true", help="also on vocals that the engine separates itself")
    parser.add_argument("--long", action="store_true", help="also time and memory of an episode of 24 minutes")
    options = parser.parse_args()
    if "CASES" not in os.environ:
        raise SystemExit("the variable CASES must name the folder of real audio")
    cases = Path(os.environ["CASES"])
    with tempfile.TemporaryDirectory() as folder:
        workshop = Workshop(options.keep or Path(folder))
        groups = {
            "season, oracle speech": _season(cases, None),
            "meetings (AMI)": _recordings(cases / "diarization_real" / "ami"),
            "telephone": _recordings(cases / "diarization_real" / "pyannote_sample"),
        }
        if options.separated:
            groups["season, separated"] = _season(cases, workshop)
        report: dict[str, Any] = {name: bench(workshop, scenes) for name, scenes in groups.items()}
        if options.long:
            report["24 minutes"] = _long(workshop, groups["season, oracle speech"], Path(folder))
        print(json.dumps(report, indent=1))


def bench(workshop: Workshop, scenes: Mapping[str, Scene]) -> dict[str, Any]:
    files = {name: scene.path for name, scene in scenes.items()}
    counts = {name: scene.speakers for name, scene in scenes.items()}
    free, told = _answers(workshop, files, None), _answers(workshop, files, counts)
    plain = {name: _plain(scene.path, None) for name, scene in scenes.items()}
    plain_told = {name: _plain(scene.path, scene.speakers) for name, scene in scenes.items()}
    report = {
        "engine": _score(scenes, free),
        "engine, count told": _score(scenes, told),
        "plain": _score(scenes, plain),
        "plain, count told": _score(scenes, plain_told),
    }
    report["each"] = {
        name: {
            "error": round(error_rate(free[name].turns, scene.turns, scene.seconds), 4),
            "error, count told": round(error_rate(told[name].turns, scene.turns, scene.seconds), 4),
            "speakers": [len({turn[2] for turn in free[name].turns}), scene.speakers],
        }
        for name, scene in scenes.items()
    }
    return report


def _answers(workshop: Workshop, files: Mapping[str, Path], counts: Mapping[str, int] | None) -> dict[str, Answer]:
    return {
        name: Answer(
            turns=[(turn.start, turn.end, turn.speaker) for turn in answer.result.turns],
            exclusive=[(turn.start, turn.end, turn.speaker) for turn in answer.result.exclusive],
        )
        for name, answer in diarized(workshop, files, counts).items()
    }


def _plain(path: Path, count: int | None) -> Answer:
    """Silero, Resemblyzer windows of 1.6 s each 0.8 s, average linkage to a cosine of 0.6 or the count; no more."""
    segments = speech_segments(file_speech_probabilities(path), soundfile.info(path).duration)
    windows, times = [], []
    for start, end in segments:
        mel = voiceprint.speech_mel(path, start, end)
        for first, last in voiceprint.spans(len(mel), 160, 80):
            windows.append(np.pad(mel[first:last], ((0, 160 - (last - first)), (0, 0))))
            times.append((start + first / 100, min(end, start + min(last, first + 80) / 100)))
            times[-1] = (times[-1][0], end) if last == len(mel) else times[-1]
    vectors = voiceprint.encode(windows)
    labels = np.ones(len(vectors), int)
    if len(vectors) > 1:
        tree = linkage(pdist(vectors, "cosine"), "average")
        labels = fcluster(tree, count, "maxclust") if count else fcluster(tree, 0.4, "distance")
    turns = [(start, end, str(label)) for (start, end), label in zip(times, labels, strict=True)]
    return Answer(turns=turns, exclusive=turns)


def _score(scenes: Mapping[str, Scene], answers: Mapping[str, Answer]) -> dict[str, Any]:
    spoken = {name: sum(end - start for start, end, _ in scene.turns) for name, scene in scenes.items()}
    shared = np.sum([_shared(scene, answers[name]) for name, scene in scenes.items()], axis=0)
    errors = [
        spoken[name] * error_rate(answers[name].turns, scene.turns, scene.seconds) for name, scene in scenes.items()
    ]
    pure = np.sum([_pure(scene, answers[name].turns) for name, scene in scenes.items()], axis=0)
    exclusive = np.sum([_pure(scene, answers[name].exclusive) for name, scene in scenes.items()], axis=0)
    return {
        "error": round(sum(errors) / sum(spoken.values()), 4),
        "purity": round(pure[0] / max(1, pure[1]), 4),
        "exclusive_purity": round(exclusive[0] / max(1, exclusive[1]), 4),
        "exclusive_share": round(exclusive[1] / max(1, pure[1]), 4),
        "overlap_left_in_exclusive": round(shared[0] / max(1, shared[1]), 4),
        "speakers": sum(len({turn[2] for turn in answers[name].turns}) for name in scenes),
        "people": sum(scene.speakers for scene in scenes.values()),
    }


def _pure(scene: Scene, turns: Turns) -> tuple[int, int]:
    """Frames of each speaker's main person, and of anybody; only where one person speaks alone."""
    names, guessed = sorted({turn[2] for turn in scene.turns}), sorted({turn[2] for turn in turns})
    spoken, heard = frames(scene.turns, names, scene.seconds), frames(turns, guessed, scene.seconds)
    alone = spoken.sum(0) == 1
    both = spoken[:, alone].astype(int) @ heard[:, alone].T.astype(int)
    return int(both.max(axis=0, initial=0).sum()), int(both.sum())


def _shared(scene: Scene, answer: Answer) -> tuple[int, int]:
    """Frames in which people speak at once: in the exclusive turns, and all."""
    names, guessed = sorted({turn[2] for turn in scene.turns}), sorted({turn[2] for turn in answer.exclusive})
    together = frames(scene.turns, names, scene.seconds).sum(0) > 1
    kept = frames(answer.exclusive, guessed, scene.seconds).any(0)
    return int((together & kept).sum()), int(together.sum())


def _season(cases: Path, workshop: Workshop | None) -> dict[str, Scene]:
    """On the true speech stems, or on what the engine extracts and separates (later by the delay of AAC)."""
    season = cases / "season_small"
    videos = {path.stem: path for path in sorted((season / "episodes").glob("*.mkv"))}
    paths = {name: season / "stems" / name / "speech.flac" for name in videos}
    if workshop:
        paths = {name: each.path(each.result.vocals) for name, each in separated(workshop, videos).items()}
    return {
        name: _scene(path, season / "truth" / f"{name}.rttm", LATE if workshop else 0.0) for name, path in paths.items()
    }


def _recordings(folder: Path) -> dict[str, Scene]:
    return {path.stem: _scene(path, path.with_suffix(".rttm"), 0.0) for path in sorted(folder.glob("*.flac"))}


def _scene(path: Path, rttm: Path, late: float) -> Scene:
    rows = [line.split() for line in rttm.read_text("utf-8").splitlines() if line.strip()]
    turns = [(float(row[3]) + late, float(row[3]) + float(row[4]) + late, row[7]) for row in rows]
    return Scene(path=path, turns=turns, seconds=soundfile.info(path).duration)


def _long(workshop: Workshop, scenes: Mapping[str, Scene], folder: Path) -> dict[str, float]:
    """An episode said over and over until it is 24 minutes long, in stereo as stems are."""
    scene = next(iter(scenes.values()))
    samples, rate = soundfile.read(scene.path, dtype="int16")
    path = folder / "long.flac"
    with soundfile.SoundFile(path, "w", rate, 2, "PCM_16") as file:
        for _ in range(round(LONG_SECONDS / (len(samples) / rate))):
            file.write(np.stack([samples, samples], axis=1))
    answer = diarized(workshop, {"long": path})["long"]
    run = json.loads((answer.folder / "run.json").read_text("utf-8"))
    return {
        "seconds": run["seconds"],
        "x_realtime": round(soundfile.info(path).duration / run["seconds"], 1),
        "peak_memory_mb": run["peak_memory_mb"],
        "speakers": len({turn.speaker for turn in answer.result.turns}),
    }


if __name__ == "__main__":
    main()
