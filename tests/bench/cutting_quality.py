"""How many clips begin or end within a word, and how much speech ends in clips, on real speech with truth.

    CASES=... python -m tests.bench.cutting_quality [--keep FOLDER]

Episodes of CASES/season_small through extract, separate, diarize and cut of the
light engine, and through the plain script; both are judged by the exact speech
stem, which neither has seen. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from containers.contract import stages
from tests.bench import plain_script, season_stages
from tests.bench.season_quality import _true_turns
from tests.bench.season_stages import Workshop, sent
from tests.bench.truth import LATE, STEP, truth

IN_SPEECH_DB = -30.0
"""Level around an edge, over the level of the speech, from which a word is being said there."""
_AROUND = 0.015
_SHORT_REST = 0.1
"""Seconds of silence around an edge under which it may be the closure of a consonant."""

Span = tuple[float, float]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.cutting_quality", description=__doc__)
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    if "CASES" not in os.environ:
        raise SystemExit("the variable CASES must name the folder of real audio")
    with tempfile.TemporaryDirectory() as folder:
        report = bench(Path(os.environ["CASES"]) / "season_small", Workshop(options.keep or Path(folder)))
    print(json.dumps(report, indent=1))


def bench(season: Path, workshop: Workshop) -> dict[str, Any]:
    episodes = {path.stem: path for path in sorted((season / "episodes").glob("*.mkv"))}
    vocals = {n: each.path(each.result.vocals) for n, each in season_stages.separated(workshop, episodes).items()}
    heard = {n: each.result for n, each in season_stages.diarized(workshop, vocals).items()}
    told = {name: _true_turns(season, name) for name in episodes}
    plain: dict[str, list[Span]] = {name: [] for name in episodes}
    for given in plain_script.run(episodes, season / "refs"):
        plain[given.episode].append((given.start, given.end))
    return {
        "voicecast": judged(season, cut(workshop, vocals, heard)),
        "voicecast, true turns": judged(season, cut(workshop, vocals, told)),
        "plain script": judged(season, plain),
    }


def cut(
    workshop: Workshop, vocals: Mapping[str, Path], who: Mapping[str, stages.DiarizeResult]
) -> dict[str, list[Span]]:
    asked = {
        name: (
            stages.CutRequest(vocals=sent("vocals.flac", path), turns=who[name].exclusive, overlap=who[name].overlap),
            {"in/vocals.flac": path},
        )
        for name, path in vocals.items()
    }
    return {
        name: [(clip.start, clip.end) for clip in answer.result.clips]
        for name, answer in workshop.run("cut", asked).items()
    }


def judged(season: Path, spans: Mapping[str, Sequence[Span]]) -> dict[str, Any]:
    """Shares of edges and of clips; `yield`: of the seconds in which just one person speaks."""
    edges, clips, wanted, found, shared = [], [], 0.0, 0.0, 0.0
    for episode, given in spans.items():
        levels, line = exact_levels(season, episode)
        for span in given:
            pair = [edge(levels, line, each - LATE) for each in span]
            edges += pair
            clips.append(max(pair))
        alone, many = spoken(season, episode)
        inside = np.zeros(len(alone), bool)
        for start, end in given:
            inside[round(start / STEP) : round(end / STEP)] = True
        wanted, found, shared = wanted + alone.sum(), found + (alone & inside).sum(), shared + (many & inside).sum()
    return {
        "clips": len(clips),
        "edges_in_speech": round(float(np.mean([each == 2 for each in edges])), 4),
        "edges_in_short_rests": round(float(np.mean([each == 1 for each in edges])), 4),
        "clips_with_a_cut_word": round(float(np.mean([each == 2 for each in clips])), 4),
        "yield": round(float(found / wanted), 4),
        "overlapped_seconds": round(float(shared * STEP), 2),
        "longest": round(max(end - start for given in spans.values() for start, end in given), 2),
    }


def exact_levels(season: Path, episode: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Level in dB of each millisecond (over 30 ms) of what is truly said, and the level from which it is speech.

    That lies 30 dB under the speech, or 8 dB over the noise of the speaker's own recording.
    """
    folder = season / "stems" / episode
    levels = _levels(folder / "speech.flac")
    top = float(10 * np.log10(np.mean(10 ** (levels[levels > -50] / 10))))
    line = np.full(len(levels), top + IN_SPEECH_DB)
    for turn in json.loads((season / "truth" / f"{episode}.json").read_text("utf-8"))["turns"]:
        own = _levels(folder / f"speaker_{turn['speaker']}.flac")
        noise = float(np.percentile(own[own > -70], 2)) + 8
        said = slice(round(1000 * turn["start"]), round(1000 * turn["end"]))
        line[said] = np.maximum(line[said], min(noise, top - 15))
    return levels, line


def _levels(path: Path) -> NDArray[np.float64]:
    samples, rate = soundfile.read(path, dtype="float64")
    window = round(2 * _AROUND * rate)
    sums = np.cumsum(np.pad(np.square(samples), (window // 2 + 1, window - window // 2)))
    power = (sums[window:] - sums[:-window])[: len(samples)] / window
    every = np.round(np.arange(0, len(samples), rate / 1000)).astype(int)
    return 10 * np.log10(power[every[every < len(power)]] + 1e-12)


def edge(levels: NDArray[np.float64], line: NDArray[np.float64], at: float) -> int:
    """2: a word is being said there; 1: it rests for less than 0.1 s; 0: it rests."""
    quiet = levels < line
    index = min(max(0, round(1000 * at)), len(quiet) - 1)
    if not quiet[index]:
        return 2
    reach = round(1000 * _SHORT_REST)
    before = quiet[max(0, index - reach) : index][::-1]
    after = quiet[index : index + reach]
    rest = sum(len(each) if each.all() else int(np.argmin(each)) for each in (before, after))
    return int(rest < reach and 0 < index < len(quiet) - 1)


def spoken(season: Path, episode: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Frames in which one person speaks, and in which several do, pauses left out."""
    turns, seconds = truth(season, episode)
    count = np.zeros(round(seconds / STEP) + 1, int)
    for start, end, _ in turns:
        count[round(start / STEP) : round(end / STEP)] += 1
    levels, line = exact_levels(season, episode)
    at = np.clip(np.round(1000 * (np.arange(len(count)) * STEP - LATE)).astype(int), 0, len(levels) - 1)
    loud = levels[at] > line[at]
    return (count == 1) & loud, (count > 1) & loud


if __name__ == "__main__":
    main()
