"""How many clips begin or end within a word, and how much speech ends in clips, on real speech with truth.

    CASES=... python -m tests.bench.cutting_quality [--keep FOLDER] [--season small|held-out]

Episodes of CASES/season_small, and of a season that nothing was tuned on
(`cutting_season`), through extract, separate, diarize and cut of the light engine
and through the plain script; both are judged by the exact speech stem, which
neither has seen. Prints JSON. `--keep`: what the stages and the script made
stays there and is not made again; delete it when an engine changed.

Speech is what lies 10 dB over the level of the speaker's own pauses (5 % of their
turns are quieter) and at most 30 dB under all speech. An edge cuts a word when
there is speech all the time from 60 ms before it to 60 ms after it; it touches
one when there is speech in the 30 ms around it.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from containers.contract import stages
from tests.bench import cutting_season, plain_script, season_stages
from tests.bench.season_quality import _true_turns
from tests.bench.season_stages import Workshop, sent
from tests.bench.truth import LATE, STEP, Given, truth

IN_SPEECH_DB = -30.0
PAUSES_PERCENTILE, OVER_PAUSES_DB = 5, 10.0
_AROUND = 0.015
_GOES_ON = 0.06
"""Seconds on both sides of an edge in which speech must go on for a word to be cut."""

Span = tuple[float, float]
Levels = NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.cutting_quality", description=__doc__)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--season", choices=("small", "held-out"), action="append")
    options = parser.parse_args()
    if "CASES" not in os.environ:
        raise SystemExit("the variable CASES must name the folder of real audio")
    cases = Path(os.environ["CASES"])
    with tempfile.TemporaryDirectory() as folder:
        kept = options.keep or Path(folder)
        for name in options.season or ("small", "held-out"):
            small = name == "small"
            season = cases / "season_small" if small else cutting_season.make(cases, kept / "season")
            references = cases / "season_small" / "refs" if small else cases / "speaker_match" / "refs"
            print(json.dumps({name: bench(season, references, Workshop(kept))}, indent=1), flush=True)


def bench(season: Path, references: Path, workshop: Workshop) -> dict[str, Any]:
    episodes = {path.stem: path for path in sorted((season / "episodes").glob("*.mkv"))}
    vocals = {n: each.path(each.result.vocals) for n, each in season_stages.separated(workshop, episodes).items()}
    heard = {n: each.result for n, each in season_stages.diarized(workshop, vocals).items()}
    told = {name: _true_turns(season, name) for name in episodes}
    plain: dict[str, list[Span]] = {name: [] for name in episodes}
    for given in plainly_cut(episodes, references, workshop):
        plain[given.episode].append((given.start, given.end))
    return {
        "voicecast": judged(season, cut(workshop, vocals, heard)),
        "voicecast, true turns": judged(season, cut(workshop, vocals, told)),
        "plain script": judged(season, plain),
    }


def plainly_cut(episodes: Mapping[str, Path], references: Path, workshop: Workshop) -> list[Given]:
    kept = workshop.folder / f"plain-{'-'.join(episodes)}.json"
    if not kept.exists():
        kept.write_text(json.dumps([asdict(each) for each in plain_script.run(episodes, references)]), "utf-8")
    return [Given(**each) for each in json.loads(kept.read_text("utf-8"))]


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
    cuts, touches, clips, wanted, found, shared = [], [], [], 0.0, 0.0, 0.0
    for episode, given in spans.items():
        levels, line = exact_levels(season, episode)
        speech = levels > line
        for span in given:
            within = [cuts_a_word(speech, at - LATE) for at in span]
            cuts += within
            touches += [bool(speech[_index(speech, at - LATE)]) for at in span]
            clips.append(any(within))
        alone, many = spoken(season, episode, speech)
        inside = np.zeros(len(alone), bool)
        for start, end in given:
            inside[round(start / STEP) : round(end / STEP)] = True
        wanted, found, shared = wanted + alone.sum(), found + (alone & inside).sum(), shared + (many & inside).sum()
    return {
        "clips": len(clips),
        "edges_that_cut_a_word": round(float(np.mean(cuts)), 4),
        "edges_that_touch_speech": round(float(np.mean(touches)), 4),
        "clips_with_a_cut_word": round(float(np.mean(clips)), 4),
        "yield": round(float(found / wanted), 4),
        "overlapped_seconds": round(float(shared * STEP), 2),
        "longest": round(max(end - start for given in spans.values() for start, end in given), 2),
    }


def exact_levels(season: Path, episode: str) -> tuple[Levels, Levels]:
    """Level in dB of each millisecond (over 30 ms) of what is truly said, and the level from which it is speech."""
    folder = season / "stems" / episode
    levels = _levels(folder / "speech.flac")
    top = float(10 * np.log10(np.mean(10 ** (levels[levels > -50] / 10))))
    line = np.full(len(levels), top + IN_SPEECH_DB)
    turns = json.loads((season / "truth" / f"{episode}.json").read_text("utf-8"))["turns"]
    for speaker in {turn["speaker"] for turn in turns}:
        said = [
            slice(round(1000 * turn["start"]), round(1000 * turn["end"]))
            for turn in turns
            if turn["speaker"] == speaker
        ]
        own = _levels(folder / f"speaker_{speaker}.flac")
        inner = np.concatenate([own[each.start + 40 : each.stop - 40] for each in said])  # without the stem's fades
        noise = float(np.percentile(inner[inner > -90], PAUSES_PERCENTILE)) + OVER_PAUSES_DB
        for each in said:
            line[each] = np.maximum(line[each], min(noise, top - 15))
    return levels, line


def _levels(path: Path) -> Levels:
    samples, rate = soundfile.read(path, dtype="float64")
    window = round(2 * _AROUND * rate)
    sums = np.cumsum(np.pad(np.square(samples), (window // 2 + 1, window - window // 2)))
    power = (sums[window:] - sums[:-window])[: len(samples)] / window
    every = np.round(np.arange(0, len(samples), rate / 1000)).astype(int)
    return 10 * np.log10(power[every[every < len(power)]] + 1e-12)


def _index(speech: NDArray[np.bool_], at: float) -> int:
    return min(max(0, round(1000 * at)), len(speech) - 1)


def cuts_a_word(speech: NDArray[np.bool_], at: float) -> bool:
    """`speech`: whether there is any, each millisecond."""
    index, reach = _index(speech, at), round(1000 * _GOES_ON)
    return bool(speech[max(0, index - reach) : index + reach].all())


def spoken(season: Path, episode: str, speech: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Frames in which one person speaks, and in which several do, pauses left out."""
    turns, seconds = truth(season, episode)
    count = np.zeros(round(seconds / STEP) + 1, int)
    for start, end, _ in turns:
        count[round(start / STEP) : round(end / STEP)] += 1
    at = np.clip(np.round(1000 * (np.arange(len(count)) * STEP - LATE)).astype(int), 0, len(speech) - 1)
    loud = speech[at]
    return (count == 1) & loud, (count > 1) & loud


if __name__ == "__main__":
    main()
