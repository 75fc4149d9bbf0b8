"""What `separate: {only: speech}` saves, and whether anything said is lost by it.

    CASES=... python -m tests.bench.speech_only [--recall]

Recall: every true turn of 0.5 s or more of CASES (the season, its lines set apart, meetings, a telephone call)
against the segments that would be separated; `short`: turns of which more than 0.1 s lies outside. Then the season with
its lines set apart, separated whole and in part, to diarization, clips and verdicts, in one run. Prints JSON;
CPU-seconds are of the engine's processes. `--recall`: that alone.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from containers.contract import stages
from containers.contract.item import Item
from containers.contract.stages import Segment
from containers.light.detection import detected
from containers.light.speech import WINDOW_SECONDS
from tasks.episodes.separating import Rule, speech_segments
from tests.bench import season_quality, season_stages, sparse_season
from tests.bench.season_stages import Answer, Workshop, sent
from tests.bench.truth import measure, truth

Kept = tuple[str, str, float, float]
"""Episode, character, start and end of a clip."""

EVERYTHING = replace(Rule(), worth=0.0)
LEAST, SHORT = 0.5, 0.1
"""Seconds of a turn that counts, and of it that may lie outside the segments."""


class Silent(Item):
    """An item that says nothing of how far it is."""

    def progress(self, done: float) -> None:
        """Nobody listens."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.speech_only", description=__doc__)
    parser.add_argument("--recall", action="store_true")
    chosen = parser.parse_args()
    if "CASES" not in os.environ:
        raise SystemExit("the variable CASES must name the folder of real audio")
    cases = Path(os.environ["CASES"])
    with tempfile.TemporaryDirectory(prefix="voicecast-bench-") as name:
        folder = Path(name)
        apart = sparse_season.make(cases / "season_small", folder / "apart")
        report: dict[str, Any] = {"recall": recall(cases, folder, apart)}
        if not chosen.recall:
            report |= both_ways(cases / "season_small", folder, apart)
        print(json.dumps(report, indent=1))


# ---------------------------------------------------------------- recall


def recall(cases: Path, folder: Path, apart: Mapping[str, Path]) -> dict[str, Any]:
    workshop = Workshop(folder / "recall")
    season = cases / "season_small"
    videos = {path.stem: path for path in sorted((season / "episodes").glob("*.mkv"))}
    extracted = workshop.run(
        "extract", {n: (stages.ExtractRequest(video=sent("video", p)), {"in/video": p}) for n, p in videos.items()}
    )
    asked: dict[str, list[tuple[Path, Sequence[tuple[float, float, str]]]]] = {
        "season": [(each.path(each.result.recording), truth(season, name)[0]) for name, each in extracted.items()],
        "season, lines set apart": [(path, truth(folder / "apart", name)[0]) for name, path in apart.items()],
        "meetings and telephone": [
            (path, said_in(path.with_suffix(".rttm")))
            for path in sorted((cases / "diarization_real").rglob("*.flac"))
            if path.with_suffix(".rttm").exists()
        ],
        "music": [(path, ()) for path in sorted((season / "stems").glob("*/bgm.opus"))],
    }
    return {name: _recalled(each) for name, each in asked.items()}


def _recalled(files: Sequence[tuple[Path, Sequence[tuple[float, float, str]]]]) -> dict[str, Any]:
    turns = missed = short = 0
    seconds = kept = spoken = used = 0.0
    for path, said in files:
        began = resource.getrusage(resource.RUSAGE_SELF).ru_utime
        rows = detected(path, Silent(path))
        used += resource.getrusage(resource.RUSAGE_SELF).ru_utime - began
        duration = soundfile.info(path).duration
        found = speech_segments(rows, WINDOW_SECONDS, duration, EVERYTHING)
        assert found is not None
        seconds, kept = seconds + duration, kept + sum(each.end - each.start for each in found)
        frames = np.zeros(round(duration / 0.01) + 1, bool)
        for start, end, _ in said:
            frames[round(start / 0.01) : round(end / 0.01)] = True
            if end - start >= LEAST:
                inside = _inside(found, start, end)
                turns, missed, short = turns + 1, missed + (inside == 0), short + (end - start - inside > SHORT)
        spoken += frames.sum() * 0.01
    return {
        "seconds": round(seconds, 1),
        "spoken": round(spoken / seconds, 3),
        "separated": round(kept / seconds, 3),
        "turns": turns,
        "missed": missed,
        "short": short,
        "cpu_ms_a_second": round(1000 * used / seconds, 2),
    }


def _inside(found: Sequence[Segment], start: float, end: float) -> float:
    return sum(max(0.0, min(end, each.end) - max(start, each.start)) for each in found)


def said_in(path: Path) -> list[tuple[float, float, str]]:
    rows = [line.split() for line in path.read_text("utf-8").splitlines() if line.startswith("SPEAKER")]
    return [(float(row[3]), float(row[3]) + float(row[4]), row[7]) for row in rows]


# ---------------------------------------------------------------- both ways


def both_ways(season: Path, folder: Path, recordings: Mapping[str, Path]) -> dict[str, Any]:
    """The same episodes separated whole and in part, and all that follows."""
    workshop, said, used = Workshop(folder / "work"), {}, {}
    with _cpu(used, "whole"):
        whole = _separated(workshop, recordings)
    with _cpu(used, "in part"):
        in_part = _separated_in_part(workshop, recordings)
    references = season_stages.references(workshop, season / "refs")
    names = sorted({each.character for each in references})
    kept: dict[str, set[Kept]] = {}
    for way, stems in (("whole", whole), ("in part", in_part)):
        paths = {
            name: (each.path(each.result.vocals), each.path(each.result.background)) for name, each in stems.items()
        }
        with _cpu(used, f"{way}: diarize, cut, embed"):
            who = {
                name: each.result
                for name, each in season_stages.diarized(workshop, {n: p[0] for n, p in paths.items()}).items()
            }
            heard = season_stages.heard(workshop, paths, who)
        speakers, rows = season_quality.decide(heard, references)
        kept[way] = {(row.episode, row.character, row.start, row.end) for row in rows if row.verdict == "kept"}
        said[way] = {
            "turns": sum(len(each.turns) for each in who.values()),
            "clips": sum(len(each.clips) for each in heard),
            "speakers": len(speakers),
            "kept": len(kept[way]),
            **measure(season_quality._given(rows), folder / "apart", list(recordings), names),
        }
    both = [each for each in kept["whole"] if any(_same(each, other) for other in kept["in part"])]
    per_second = _marginal(workshop, recordings, whole, in_part)
    return {
        "both_ways": said,
        "kept_the_same_within_0.1_s": len(both),
        "kept_seconds": _shared(kept["whole"], kept["in part"]),
        "cpu_seconds_with_starts": used,
        "cpu_ms_a_second": per_second,
        "ratio_of_separation": round(per_second["whole"] / per_second["in part"], 2),
    }


def _shared(one: set[Kept], other: set[Kept]) -> dict[str, float]:
    """Seconds kept both ways for the same character, for another, and in one way alone."""
    frames: list[dict[tuple[str, int], str]] = [{}, {}]
    for found, kept in zip(frames, (one, other), strict=True):
        for episode, character, start, end in kept:
            found |= {(episode, index): character for index in range(round(start / 0.01), round(end / 0.01))}
    both = frames[0].keys() & frames[1].keys()
    same = sum(frames[0][each] == frames[1][each] for each in both)
    return {
        "both, same character": round(0.01 * same, 1),
        "both, another character": round(0.01 * (len(both) - same), 1),
        "whole alone": round(0.01 * len(frames[0].keys() - both), 1),
        "in part alone": round(0.01 * len(frames[1].keys() - both), 1),
    }


def _marginal(
    workshop: Workshop, recordings: Mapping[str, Path], whole: Mapping[str, Answer], in_part: Mapping[str, Answer]
) -> dict[str, float]:
    """CPU for each second of the recordings, without the start of a process and its imports, which many share."""
    seconds = {name: soundfile.info(path).duration for name, path in recordings.items()}
    separate = workshop.folder / "separate" / "items"
    shorter = [each for each in separate.glob("*") if each not in {answer.folder for answer in whole.values()}]
    folders = {
        "whole": [each.folder for each in whole.values()],
        "detect": list((workshop.folder / "detect" / "items").glob("*")),
        "condense": list((workshop.folder / "condense" / "items").glob("*")),
        "separate condensed": shorter,
        "restore": [each.folder for each in in_part.values()],
    }
    found = {name: _after_the_first(each, sum(seconds.values()) / len(seconds)) for name, each in folders.items()}
    return {**found, "in part": round(sum(found.values()) - found["whole"], 2)}


def _after_the_first(items: Sequence[Path], seconds: float) -> float:
    """CPU milliseconds a second of a recording of mean length, of the items of one start but for its first."""
    used = sorted(json.loads((each / "run.json").read_text("utf-8"))["process_cpu_seconds"] for each in items)
    return round(1000 * (used[-1] - used[0]) / (len(used) - 1) / seconds, 2)


def _same(one: Kept, other: Kept) -> bool:
    return one[:2] == other[:2] and abs(one[2] - other[2]) <= SHORT and abs(one[3] - other[3]) <= SHORT


def _separated(workshop: Workshop, recordings: Mapping[str, Path]) -> dict[str, Answer]:
    return workshop.run(
        "separate",
        {
            n: (stages.SeparateRequest(recording=sent("recording.flac", p)), {"in/recording.flac": p})
            for n, p in recordings.items()
        },
    )


def _separated_in_part(workshop: Workshop, recordings: Mapping[str, Path]) -> dict[str, Answer]:
    name = "recording.flac"
    heard = workshop.run(
        "detect", {n: (stages.DetectRequest(recording=sent(name, p)), {f"in/{name}": p}) for n, p in recordings.items()}
    )
    segments = {}
    for episode, each in heard.items():
        rows = np.load(each.path(each.result.speech), allow_pickle=False)
        duration = soundfile.info(recordings[episode]).duration
        segments[episode] = speech_segments(rows, each.result.hop, duration, EVERYTHING) or ()
    shorter = workshop.run(
        "condense",
        {
            n: (stages.CondenseRequest(recording=sent(name, p), segments=segments[n]), {f"in/{name}": p})
            for n, p in recordings.items()
        },
    )
    separated = _separated(workshop, {n: each.path(each.result.recording) for n, each in shorter.items()})
    vocals = {n: each.path(each.result.vocals) for n, each in separated.items()}
    return workshop.run(
        "restore",
        {
            n: (
                stages.RestoreRequest(
                    recording=sent(name, p), segments=segments[n], vocals=sent("vocals.flac", vocals[n])
                ),
                {f"in/{name}": p, "in/vocals.flac": vocals[n]},
            )
            for n, p in recordings.items()
        },
    )


@contextmanager
def _cpu(used: dict[str, float], name: str) -> Iterator[None]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    yield
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used[name] = round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1)


if __name__ == "__main__":
    main()
