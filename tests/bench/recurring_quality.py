"""What recurs over a season, found in real audio: recall, false cuts, seconds, memory.

    CASES=... python -m tests.bench.recurring_quality [--keep FOLDER]

Twelve episodes are mixed (`recurring_season`), separated and fingerprinted by the
light engine, and compared. Then 126 episodes of 24 minutes: their words are
those of the twelve put in other orders and other bands (so that what is new
recurs nowhere), with the openings and endings of the twelve as their codecs left
them. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from containers.contract import stages
from tasks.episodes.recurrence import Search, Words
from tasks.episodes.recurring import Heard, describe, left_out_by_episode, why_recurring
from tests.bench.recurring_season import Season, Stretch
from tests.bench.season_stages import Workshop, sent

HOP = 1365 / 11025
MANY, MINUTES = 126, 24
_TURNED = tuple(np.uint32(each) for each in (0, 0xFFFFFFFF, 0xAAAAAAAA))
"""Bits turned over in the words of 62 episodes each: with 31 turns and two directions no two episodes are alike."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.recurring_quality", description=__doc__)
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    if "CASES" not in os.environ:
        raise SystemExit("the variable CASES must name the folder of real audio")
    with tempfile.TemporaryDirectory() as folder:
        root = options.keep or Path(folder)
        heard, truth = twelve(Path(os.environ["CASES"]), root)
        print(json.dumps({"12 episodes": judged(heard, truth), "126 episodes": many(heard, truth)}, indent=1))


def twelve(cases: Path, root: Path) -> tuple[list[Heard], dict[str, list[Stretch]]]:
    root.mkdir(parents=True, exist_ok=True)
    season, paths, truth = Season(cases, root), {}, {}
    for number in range(1, 13):
        path, stretches = season.episode(number)
        paths[path.stem], truth[path.stem] = path, stretches
    workshop = Workshop(root / "work")
    name = "recording.flac"
    stems = workshop.run(
        "separate",
        {
            key: (stages.SeparateRequest(recording=sent(name, path)), {f"in/{name}": path})
            for key, path in paths.items()
        },
    )
    both = {**paths, **{f"{key} vocals": each.path(each.result.vocals) for key, each in stems.items()}}
    prints = workshop.run(
        "fingerprint",
        {
            key: (stages.FingerprintRequest(recording=sent(name, path)), {f"in/{name}": path})
            for key, path in both.items()
        },
    )
    words = {key: np.load(each.path(each.result.fingerprint), allow_pickle=False) for key, each in prints.items()}
    return [Heard(key=key, recording=words[key], vocals=words[f"{key} vocals"], hop=HOP) for key in paths], truth


def judged(heard: Sequence[Heard], truth: Mapping[str, Sequence[Stretch]]) -> dict[str, Any]:
    began, search = time.process_time(), Search([each.recording for each in heard])
    for number in range(len(heard)):
        search.add(number)
    groups = describe(search.groups, heard)
    seconds = time.process_time() - began
    left_out = left_out_by_episode(groups)
    new, again, themes = [], [], []
    for key, stretches in truth.items():
        cut = left_out.get(key, ())
        for each in stretches:
            said = [why_recurring(start, end, cut) is not None for start, end in each.lines]
            (new if each.new else again).extend(said)
            if each.name in ("opening", "ending"):
                inside = sum(max(0.0, min(each.end, s.end) - max(each.start, s.start)) for s, _ in cut)
                themes.append(inside / (each.end - each.start))
    return {
        "groups": {f"{group.id} {group.name}": len(group.segments) for group in groups},
        "new_lines": len(new),
        "new_lines_cut": sum(new),
        "repeated_lines": len(again),
        "repeated_lines_found": sum(again),
        "themes": len(themes),
        "themes_mostly_left_out": sum(each > 0.7 for each in themes),
        "theme_seconds_left_out": round(float(np.mean(themes)), 3),
        "cpu_seconds": round(seconds, 1),
    }


def many(heard: Sequence[Heard], truth: Mapping[str, Sequence[Stretch]]) -> dict[str, Any]:
    """126 episodes: an opening after 1 to 5 minutes, an ending near the end, all else new."""
    chance = np.random.default_rng(126)
    opening, ending = (_copies(heard, truth, name) for name in ("opening", "ending"))
    season, places = [], []
    for number in range(MANY):
        words, voices = _filler(heard, number, chance)
        spots = (int(chance.integers(500, 2400)), len(words) - 900 + int(chance.integers(0, 200)))
        for spot, (sound, voice) in zip(spots, (opening[number % 12], ending[number % 12]), strict=True):
            words[spot : spot + len(sound)], voices[spot : spot + len(voice)] = sound, voice
            places.append((number, spot, spot + len(sound)))
        season.append(Heard(key=f"e{number:03d}", recording=words, vocals=voices, hop=HOP))
    before, began = _megabytes(), time.process_time()
    search = Search([each.recording for each in season])
    for number in range(MANY - 1):
        search.add(number)
    all_but_one = time.process_time() - began
    one = Search([each.recording for each in season], search.groups)
    began = time.process_time()
    one.add(MANY - 1)
    last = time.process_time() - began
    began = time.process_time()
    groups = describe(one.groups, season)
    described = time.process_time() - began
    return {**_counted(groups, season, places), "cpu_seconds": round(all_but_one + last + described, 1),
            "one_more_episode_cpu_seconds": round(last, 2), "describe_cpu_seconds": round(described, 1),
            "more_memory_mb": round(_megabytes() - before)}  # fmt: skip


def _copies(heard: Sequence[Heard], truth: Mapping[str, Sequence[Stretch]], name: str) -> list[tuple[Words, Words]]:
    found = []
    for each in heard:
        (place,) = [stretch for stretch in truth[each.key] if stretch.name == name]
        first, last = round(place.start / HOP) + 3, round(place.end / HOP) - 3
        found.append((each.recording[first:last], each.vocals[first:last]))
    return found


def _filler(heard: Sequence[Heard], number: int, chance: np.random.Generator) -> tuple[Words, Words]:
    """Pieces of 3 to 10 s of the twelve in random order, their bands turned round by as much as no episode's before."""
    words, voices, count = [], [], 0
    turn = np.uint32(number % 31 + 1)
    while count < MINUTES * 60 / HOP:
        each = heard[int(chance.integers(len(heard)))]
        length = int(chance.integers(24, 80))
        first = int(chance.integers(0, len(each.recording) - length))
        for source, target in ((each.recording, words), (each.vocals, voices)):
            piece = source[first : first + length]
            piece = (piece << turn) | (piece >> (np.uint32(32) - turn))
            target.append(piece[:: -1 if number // 31 % 2 else 1] ^ _TURNED[number // 62])
        count += length
    return np.concatenate(words), np.concatenate(voices)


def _counted(groups: Sequence[Any], season: Sequence[Heard], places: Sequence[tuple[int, int, int]]) -> dict[str, Any]:
    """Of the places that recur, how many were found; and how many seconds beside them are left out."""
    found, beside = 0, 0.0
    cut = left_out_by_episode(groups)
    true = [np.zeros(len(each.recording), bool) for each in season]
    for number, first, last in places:
        true[number][first:last] = True
        span = np.zeros(len(true[number]), bool)
        for each, _ in cut.get(season[number].key, ()):
            span[round(each.start / HOP) : round(each.end / HOP)] = True
        found += span[first:last].mean() > 0.7
    for number, each in enumerate(season):
        for stretch, _ in cut.get(each.key, ()):
            beside += float((~true[number][round(stretch.start / HOP) : round(stretch.end / HOP)]).sum() * HOP)
    return {"themes": len(places), "themes_found": int(found), "other_seconds_left_out": round(beside, 1),
            "groups": len(groups)}  # fmt: skip


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
