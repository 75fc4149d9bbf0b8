"""Guests whom references accept as a character: what tells them, and what a doubt would cost.

    CASES=... python -m tests.bench.guest_study --speech LIBRISPEECH --voices FOLDER [--half report] [--seasons 200]
                                                [--whole 50] [--keep FOLDER]

Seasons of real vectors (`guest_seasons`), three of four with the people who sound most like the characters; `--half
tune` was looked at when rules were chosen. Prints, in JSON: how well each measure tells guests from characters
(0.5: not at all); of each rule the guests and the characters' speakers it doubts, with Wilson's 95 % intervals, and
questions a season; and `--whole` seasons with and without the doubt on a speaker far from the character's main one
(nearness below FAR): what ends in the data sets, with nothing asked and with an honest person, and questions.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tasks.speakers import guests
from tests.bench import guest_seasons, labelling_growth
from tests.bench.guest_measures import MEASURES, Accepted, accepted, rules, separation
from tests.bench.guest_seasons import Cast
from tests.bench.guest_voices import Person, people
from tests.bench.planted_figures import interval
from tests.bench.season_stages import Workshop
from tests.bench.synthetic_season import Season


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.guest_study", description=__doc__)
    parser.add_argument("--speech", type=Path, required=True)
    parser.add_argument("--voices", type=Path, required=True)
    parser.add_argument("--half", choices=("tune", "report"), default="report")
    parser.add_argument("--seasons", type=int, default=200)
    parser.add_argument("--whole", type=int, default=50)
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workshop = Workshop(options.keep or Path(folder))
        model, halves = people(Path(os.environ["CASES"]), options.speech, options.voices, workshop)
    mine = halves[options.half]
    rows, pairs = [], set()
    for number, (season, cast) in enumerate(seasons(mine, model, options.seasons)):
        found = list(accepted(str(number), season.episodes, season.references, season.whose))
        pairs |= {(cast[int(each.character.split()[1])], each.truly) for each in found if each.guest}
        rows += found
    print(json.dumps({"people": len(mine), "pairs": len(pairs), **told(rows, options.seasons)}, indent=1), flush=True)
    print(json.dumps({"whole": whole(mine, model, options.whole)}, indent=1))


def seasons(mine: Sequence[Person], model: str, count: int) -> Iterator[tuple[Season, tuple[str, ...]]]:
    for seed in range(count):
        yield guest_seasons.make(mine, model, seed, Cast(alike=bool(seed % 4), episodes=4 + seed % 3 * 2))


def told(rows: Sequence[Accepted], count: int) -> dict[str, Any]:
    strangers, own = [each for each in rows if each.guest], [each for each in rows if not each.guest]
    return {
        "guests": len(strangers),
        "characters": len(own),
        "guests_share_of_seconds": round(_seconds(strangers) / _seconds(rows), 4),
        "separation": {name: round(separation(rows, name), 3) for name in MEASURES},
        "rules": {
            name: {
                "guests": _counted([each for each in strangers if rule(each)], strangers),
                "characters": _counted([each for each in own if rule(each)], own),
                "questions_a_season": round(sum(each.asked for each in rows if rule(each)) / count, 2),
            }
            for name, rule in rules().items()
        },
    }


def _counted(doubted: Sequence[Accepted], of: Sequence[Accepted]) -> dict[str, Any]:
    low, high = interval(len(doubted), len(of))
    return {
        "doubted": len(doubted),
        "interval": [round(low, 3), round(high, 3)],
        "seconds": round(_seconds(doubted) / max(_seconds(of), 1e-9), 4),
    }


def _seconds(rows: Sequence[Accepted]) -> float:
    return sum(each.seconds for each in rows)


def whole(mine: Sequence[Person], model: str, count: int) -> dict[str, dict[str, float]]:
    """Sums over the seasons."""
    found: dict[str, list[dict[str, Any]]] = {}
    for season, _ in seasons(mine, model, count):
        for doubt, far in (("before", {}), ("with the doubt", dict(guests.FAR))):
            with patch.dict(guests.FAR, far, clear=True):
                unasked = labelling_growth.grown(season, season.references, [], season.episodes)
                asked = labelling_growth.grown(season, season.references, [season.episodes])
            found.setdefault(f"nothing asked, {doubt}", []).append(unasked)
            found.setdefault(f"asked, {doubt}", []).append(asked)
    return {
        way: {
            "questions": sum(each["in_all"] for each in every),
            "minutes_right": round(sum(each["minutes_right"] for each in every), 1),
            "minutes_wrong": round(sum(each["minutes_wrong"] for each in every), 2),
            "minutes_left_out": round(sum(each["minutes_left_out"] for each in every), 1),
            "seasons_with_a_wrong_clip": sum(each["minutes_wrong"] > 0 for each in every),
        }
        for way, every in found.items()
    }


if __name__ == "__main__":
    main()
