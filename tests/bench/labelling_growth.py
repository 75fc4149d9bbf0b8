"""How much is asked as a long season grows, and what labelling a sample of it brings.

    CASES=... python -m tests.bench.labelling_growth [--episodes 126] [--step 6] [--keep FOLDER]

The season of `synthetic_season`, five regulars being the characters. `growing`: episodes arrive a few at a time, and
an honest person answers all questions before the next come; with references, and without. `sample`: without
references, eight episodes spread over the season are labelled, and the rest is accepted or left out unasked. Prints
a line of JSON for each; clips as they would be in the data sets, by who truly speaks.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from tasks.clips import dataset
from tasks.domain import NOBODY, Episode, HeardEpisode, Reference, Speaker
from tasks.episodes.episodes import choose
from tasks.labelling.decisions import Decision, decide, derive
from tasks.labelling.label_rules import auto_decision
from tasks.series import Character, Series
from tasks.speakers import learnt, linking
from tasks.speakers.casting import Cast
from tasks.speakers.parting import who_is_who
from tasks.speakers.questions import open_questions
from tasks.studio import Studio
from tests.bench.season_stages import Workshop
from tests.bench.synthetic_season import Plan, Season, make, spread_of


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.labelling_growth", description=__doc__)
    parser.add_argument("--episodes", type=int, default=126)
    parser.add_argument("--step", type=int, default=6)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--only", nargs="*", help="names of parts; default: all")
    options = parser.parse_args()
    if "CASES" not in os.environ:
        raise SystemExit("the variable CASES must name the folder of real audio")
    with tempfile.TemporaryDirectory() as folder:
        spread = spread_of(Path(os.environ["CASES"]), Workshop(options.keep or Path(folder)))
    season = make(spread, Plan(episodes=options.episodes, seed=options.seed))
    steps = [season.episodes[: count + options.step] for count in range(0, options.episodes, options.step)]
    ids = [Episode(key=each.episode, file="", sha256="") for each in season.episodes]
    sampled = {each.key for each in choose(ids, sample=8)}
    few = [each for each in season.episodes if each.episode in sampled]
    parts = {
        "sample_without_references": lambda: grown(season, (), [few], season.episodes),
        "growing_with_references": lambda: grown(season, season.references, steps),
        "growing_without_references": lambda: grown(season, (), steps),
        "nothing_asked_with_references": lambda: grown(season, season.references, [], season.episodes),
    }
    for name, part in parts.items():
        if name in (options.only or parts):
            print(json.dumps({name: part()}), flush=True)


class Labeller:
    """A season on its way, and an honest person beside it."""

    def __init__(self, season: Season, references: Sequence[Reference]) -> None:
        self._season, self._references = season, tuple(_renamed(references))
        names = [f"r{number}" for number in range(5)]
        given = {each.character for each in self._references}
        characters = {name: Character(name=name, references=("x",) if name in given else ()) for name in names}
        series = Series(series="bench", episodes=("none",), language="en", characters=characters)
        self._studio = cast(Studio, SimpleNamespace(series=series))
        self.speakers: tuple[Speaker, ...] = ()
        self.decisions: list[Decision] = []

    def take(self, heard: Sequence[HeardEpisode]) -> Cast:
        """Link, learn, suggest and accept, as `casting` does."""
        said = derive(self.decisions)
        people = {name: each.character for name, each in learnt.by_people(said).speakers.items()}
        linked = linking.link(heard, self.speakers, said=linking.Said(characters=people))
        self.speakers, suggestions = who_is_who(linked, self.speakers, heard, said, self._references)
        accepted = auto_decision(suggestions, said)
        self.decisions += [accepted] if accepted else []
        return Cast(identity="", model=heard[0].model, speakers=self.speakers, suggestions=suggestions)

    def ask(self, heard: Sequence[HeardEpisode]) -> int:
        """Answer until nobody is asked about; how many questions that took."""
        asked = 0
        while questions := open_questions(self._studio, self.take(heard), derive(self.decisions)):
            asked += len(questions)
            answers = {each.speaker: self._truly(each.speaker, heard) for each in questions}
            self.decisions.append(decide("bench", "cli", answers))
        return asked

    def _truly(self, speaker: str, heard: Sequence[HeardEpisode]) -> str:
        length = {clip.id: clip.duration for episode in heard for clip in episode.clips}
        (clips,) = [each.clips for each in self.speakers if each.id == speaker]
        seconds: Counter[str] = Counter()
        for clip in clips:
            seconds[self._season.whose[clip]] += round(1000 * length[clip])
        return _character(seconds.most_common(1)[0][0])

    def measured(self, heard: Sequence[HeardEpisode]) -> dict[str, Any]:
        rows = dataset.judge(heard, self.speakers, derive(self.decisions), self._references)
        kept = [row for row in rows if row.verdict == "kept"]
        length = {clip.id: clip.duration for episode in heard for clip in episode.clips}
        wanted = sum(length[clip] for clip in length if _character(self._season.whose[clip]) != NOBODY)
        right = sum(row.duration for row in kept if _character(self._season.whose[row.clip]) == row.character)
        wrong = [row for row in kept if _character(self._season.whose[row.clip]) != row.character]
        return {
            "minutes_right": round(right / 60, 1),
            "minutes_wrong": round(sum(row.duration for row in wrong) / 60, 2),
            "minutes_left_out": round((wanted - right) / 60, 1),
            "wrong_share": round(len(wrong) / max(len(kept), 1), 5),
        }


def _renamed(references: Sequence[Reference]) -> list[Reference]:
    return [
        Reference(character=_character(each.character), model=each.model, vectors=each.vectors) for each in references
    ]


def _character(person: str) -> str:
    return person.replace("regular ", "r") if person.startswith("regular") else NOBODY


def grown(
    season: Season,
    references: Sequence[Reference],
    steps: Sequence[Sequence[HeardEpisode]],
    last: Sequence[HeardEpisode] = (),
) -> dict[str, Any]:
    """Questions for each step; then `last` is taken with nothing asked."""
    began = time.process_time()
    labeller = Labeller(season, references)
    questions = [labeller.ask(heard) for heard in steps]
    if last:
        labeller.take(last)
    return {
        "questions": questions,
        "in_all": sum(questions),
        "cpu_seconds": round(time.process_time() - began),
        **labeller.measured(last or steps[-1]),
    }


if __name__ == "__main__":
    main()
