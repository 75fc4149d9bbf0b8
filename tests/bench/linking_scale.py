"""Linking a long season: purity, completeness, seconds, memory, and questions as the season grows.

    CASES=... python -m tests.bench.linking_scale [--episodes 126] [--keep FOLDER]

The season is synthetic (`synthetic_season`). It is linked at once, then (--incremental) again one episode after
another, first to last and in another order. B-cubed: of a clip's speaker, the share of speech that is the same
person's (purity); of a person's speech, the share with the same speaker (completeness). Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
import tracemalloc
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tasks.domain import HeardEpisode, Speaker
from tasks.speakers.linking import link
from tests.bench.season_stages import Workshop
from tests.bench.synthetic_season import Plan, Season, Spread, make, spread_of


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.linking_scale", description=__doc__)
    parser.add_argument("--episodes", type=int, default=126)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--incremental", action="store_true")
    options = parser.parse_args()
    if "CASES" not in os.environ:
        raise SystemExit("the variable CASES must name the folder of real audio")
    with tempfile.TemporaryDirectory() as folder:
        spread = spread_of(Path(os.environ["CASES"]), Workshop(options.keep or Path(folder)))
    season = make(spread, Plan(episodes=options.episodes, seed=options.seed))
    report: dict[str, Any] = {"likeness": likeness(spread, season), "at_once": at_once(season)}
    if options.incremental:
        report["one_by_one"] = one_by_one(season, season.episodes)
        order = np.random.default_rng(0).permutation(len(season.episodes))
        report["another_order"] = one_by_one(season, [season.episodes[index] for index in order])
    print(json.dumps(report, indent=1))


def at_once(season: Season) -> dict[str, Any]:
    began = time.process_time()
    speakers = link(season.episodes)
    seconds = time.process_time() - began
    tracemalloc.start()
    link(season.episodes)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    clips = sum(len(each.clips) for each in season.episodes)
    held = sum(each.vectors.nbytes for each in season.episodes)
    return {
        "episodes": len(season.episodes),
        "clips": clips,
        "people": len(set(season.whose.values())),
        "speakers": len(speakers),
        "cpu_seconds": round(seconds, 1),
        "peak_mb_beside_the_vectors": round(peak / 1e6, 1),
        "vectors_mb": round(held / 1e6, 1),
        **bcubed(season, speakers),
    }


def one_by_one(season: Season, order: Sequence[HeardEpisode]) -> dict[str, Any]:
    """Every episode joins those before; counts the clips that ever changed their speaker."""
    speakers: tuple[Speaker, ...] = ()
    moved, seconds = 0, 0.0
    for count in range(1, len(order) + 1):
        before = {clip: each.id for each in speakers for clip in each.clips}
        began = time.process_time()
        speakers = link(order[:count], speakers)
        seconds = time.process_time() - began
        after = {clip: each.id for each in speakers for clip in each.clips}
        moved += sum(after[clip] != id for clip, id in before.items())
    return {
        "moved": moved,
        "speakers": len(speakers),
        "last_cpu_seconds": round(seconds, 1),
        **bcubed(season, speakers),
    }


def bcubed(season: Season, speakers: Sequence[Speaker]) -> dict[str, float]:
    """Purity and completeness over all clips, by seconds; and over the regulars' alone."""
    length = {clip.id: clip.duration for episode in season.episodes for clip in episode.clips}
    both: Counter[tuple[str, str]] = Counter()
    for each in speakers:
        for clip in each.clips:
            both[each.id, season.whose[clip]] += length[clip]  # type: ignore[assignment]
    of_speaker: Counter[str] = Counter()
    of_person: Counter[str] = Counter()
    for (id, who), seconds in both.items():
        of_speaker[id] += seconds
        of_person[who] += seconds

    def mean(of: Counter[str], side: int, people: str = "") -> float:
        chosen = {pair: s for pair, s in both.items() if pair[1].startswith(people)}
        return round(sum(s * s / of[pair[side]] for pair, s in chosen.items()) / sum(chosen.values()), 4)

    return {
        "purity": mean(of_speaker, 0),
        "completeness": mean(of_person, 1),
        "regulars_purity": mean(of_speaker, 0, "regular"),
        "regulars_completeness": mean(of_person, 1, "regular"),
    }


def likeness(spread: Spread, season: Season) -> dict[str, Any]:
    """How like clips are, in the season made and in what it was drawn from: mean cosine (and 5th, 95th percentile)."""
    first, last = season.episodes[0], season.episodes[-1]
    made = _pairs(first.vectors, _people(season, first), first.vectors, _people(season, first))
    later = _pairs(first.vectors, _people(season, first), last.vectors, _people(season, last))
    real_vectors, real_people = np.stack([vector for _, vector in spread.clips]), [who for who, _ in spread.clips]
    real = _pairs(real_vectors, real_people, real_vectors, real_people)
    return {
        "real_voices": len(spread.voices),
        "real_one_voice": _three(real[0]),
        "made_one_voice_in_one_episode": _three(made[0]),
        "made_one_voice_in_two_episodes": _three(later[0]),
        "real_two_voices": _three(real[1]),
        "made_two_voices": _three(made[1]),
    }


def _people(season: Season, episode: HeardEpisode) -> list[str]:
    return [season.whose[clip.id] for clip in episode.clips]


def _pairs(one: Any, people: list[str], other: Any, others: list[str]) -> tuple[Any, Any]:
    """Cosines of clips of one voice, and of two; a clip with itself left out."""
    near = one @ other.T
    same = np.array(people, object)[:, None] == np.array(others, object)[None]
    return near[same & (near < 1 - 1e-6)], near[~same]


def _three(values: Any) -> list[float]:
    return [round(float(each), 3) for each in (np.mean(values), np.quantile(values, 0.05), np.quantile(values, 0.95))]


if __name__ == "__main__":
    main()
