"""What labelling brings: a season before and after an honest person answered, with truth as the answer.

    CASES=... python -m tests.bench.season_labelled [--keep FOLDER] [--without NAME ...]

CASES/season_small on light. First what references decide alone; then every speaker of `questions` is answered by who
speaks most of it ("nobody" for a walk-on), as long as anybody is asked about. Counted are seconds in the data sets
by who truly speaks, and of the characters' speech what is left out. `--without`: that character has no references.
A question costs a person SECONDS_A_QUESTION, by assumption. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from tasks.clips import dataset
from tasks.domain import NOBODY, HeardEpisode, Reference, Speaker, Suggestion
from tasks.labelling.decisions import Decision, Labels, decide, derive
from tasks.labelling.label_rules import auto_decision
from tasks.series import Character, Series
from tasks.speakers import learnt, linking
from tasks.speakers.casting import Cast
from tasks.speakers.parting import who_is_who
from tasks.speakers.questions import open_questions
from tasks.studio import Studio
from tests.bench import season_stages
from tests.bench.season_stages import Workshop
from tests.bench.truth import STEP, frames, truth

SECONDS_A_QUESTION = 20.0
"""Two or three clips of a few seconds heard, and a key pressed; nobody was timed."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.season_labelled", description=__doc__)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--without", nargs="*", default=[])
    options = parser.parse_args()
    if "CASES" not in os.environ:
        raise SystemExit("the variable CASES must name the folder of real audio")
    season = Path(os.environ["CASES"]) / "season_small"
    with tempfile.TemporaryDirectory() as folder:
        workshop = Workshop(options.keep or Path(folder))
        heard, references = listen(season, workshop)
    given = tuple(each for each in references if each.character not in options.without)
    print(json.dumps(label(season, heard, given, sorted({each.character for each in references})), indent=1))


def listen(season: Path, workshop: Workshop) -> tuple[tuple[HeardEpisode, ...], tuple[Reference, ...]]:
    videos = {path.stem: path for path in sorted((season / "episodes").glob("*.mkv"))}
    stems = {
        name: (each.path(each.result.vocals), each.path(each.result.background))
        for name, each in season_stages.separated(workshop, videos).items()
    }
    who = season_stages.diarized(workshop, {name: vocals for name, (vocals, _) in stems.items()})
    heard = season_stages.heard(workshop, stems, {name: each.result for name, each in who.items()})
    return heard, season_stages.references(workshop, season / "refs")


def label(
    season: Path, heard: Sequence[HeardEpisode], references: Sequence[Reference], names: Sequence[str]
) -> dict[str, Any]:
    """The report: before, after, and what was asked."""
    series = Series(
        series="bench",
        episodes=("none",),
        language="en",
        characters={
            name.lower(): Character(name=name, references=("given",) if _has(references, name) else ())
            for name in names
        },
    )
    studio = cast(Studio, SimpleNamespace(series=series))
    lower = tuple(
        Reference(character=each.character.lower(), model=each.model, vectors=each.vectors) for each in references
    )
    decisions: list[Decision] = []
    found = make(heard, lower, decisions)
    decisions += _auto(found, derive(decisions))
    before = measured(season, heard, found, derive(decisions), lower, names)
    asked: list[str] = []
    while questions := open_questions(studio, found, derive(decisions)):
        asked += [f"{each.speaker} {each.character} {each.score} {each.margin}" for each in questions]
        answers = {each.speaker: _truly(season, found, each, names) for each in questions}
        decisions.append(decide("bench", "cli", answers))
        found = make(heard, lower, decisions, found.speakers)
        decisions += _auto(found, derive(decisions))
    after = measured(season, heard, found, derive(decisions), lower, names)
    return {
        "speakers": len(found.speakers),
        "questions": len(asked),
        "human_minutes": round(len(asked) * SECONDS_A_QUESTION / 60, 1),
        "asked": asked,
        "before": before,
        "after": after,
    }


def _has(references: Sequence[Reference], name: str) -> bool:
    return any(each.character == name for each in references)


def make(
    heard: Sequence[HeardEpisode],
    references: tuple[Reference, ...],
    decisions: Sequence[Decision],
    previous: Sequence[Speaker] = (),
) -> Cast:
    """The cast as of these decisions, as `casting` makes it of the same parts."""
    said = derive(decisions)
    people = {name: each.character for name, each in learnt.by_people(said).speakers.items()}
    linked = linking.link(heard, previous, said=linking.Said(characters=people, split=said.split))
    speakers, suggestions = who_is_who(linked, previous, heard, said, references)
    return Cast(identity="", model=heard[0].model, speakers=speakers, suggestions=suggestions)


def _auto(found: Cast, said: Labels) -> list[Decision]:
    accepted = auto_decision(found.suggestions, said)
    return [accepted] if accepted else []


def _truly(season: Path, found: Cast, asked: Suggestion, names: Sequence[str]) -> str:
    """Who speaks most of a speaker's clips."""
    (speaker,) = [each for each in found.speakers if each.id == asked.speaker]
    seconds: Counter[str] = Counter()
    for clip in speaker.clips:
        episode, _, start = clip.rpartition("/")
        seconds[who_at(season, episode, int(start) / 1000 + 0.5)] += 1
    best = seconds.most_common(1)[0][0]
    return best.lower() if best in names else NOBODY


def who_at(season: Path, episode: str, time: float) -> str:
    said = truth(season, episode)[0]
    return min(said, key=lambda turn: max(turn[0] - time, time - turn[1], 0.0))[2]


def measured(
    season: Path,
    heard: Sequence[HeardEpisode],
    found: Cast,
    said: Labels,
    references: Sequence[Reference],
    names: Sequence[str],
) -> dict[str, Any]:
    """Seconds kept that are the character's (right), somebody else's (wrong); speech left out; wrong clips."""
    rows = [row for row in dataset.judge(heard, found.speakers, said, references) if row.verdict == "kept"]
    right = wrong = spoken = stranger = 0.0
    clips: list[str] = []
    for episode in heard:
        true, seconds = truth(season, episode.episode)
        people: list[str] = sorted({turn[2] for turn in true} | set(names))
        on = frames(true, people, seconds)
        spoken += float((on & (on.sum(0) == 1))[[people.index(name) for name in names]].sum()) * STEP
        for row in (each for each in rows if each.episode == episode.episode):
            inside = on[:, round(row.start / STEP) : round(row.end / STEP)]
            own = people.index(next(name for name in names if name.lower() == row.character))
            others = inside.copy()
            others[own] = False
            right += float(inside[own].sum()) * STEP
            wrong += float((others.any(0) & ~inside[own]).sum()) * STEP
            stranger += sum(float(inside[people.index(name)].sum()) for name in people if name not in names) * STEP
            if inside.sum(1).argmax() != own:
                clips.append(row.clip)
    return {
        "seconds_right": round(right, 1),
        "seconds_wrong": round(wrong, 1),
        "seconds_left_out": round(spoken - right, 1),
        "wrong_clips": clips,
        "walk_on_seconds": round(stranger, 1),
    }


if __name__ == "__main__":
    main()
