"""Questions: only about who is in doubt and matters; who is not asked about is in no data set."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

from tasks.clips.dataset import judge
from tasks.domain import NOBODY, Speaker, Suggestion
from tasks.labelling.decisions import Labels, decide, derive
from tasks.labelling.label_rules import auto_decision
from tasks.series import Series
from tasks.speakers.cast import suggest
from tasks.speakers.casting import Cast
from tasks.speakers.linking import link
from tasks.speakers.questions import open_questions
from tasks.studio import Studio
from tests.unit.voices import heard, reference

NOTHING = derive([])


def studio(**more: Any) -> Studio:
    told = {
        "series": "kaze",
        "episodes": "episodes",
        "language": "ja",
        "characters": {
            "endou": {"name": "円堂", "references": "refs/e*"},
            "gouenji": {"name": "豪炎寺", "references": "refs/g*"},
        },
    }
    return cast(Studio, SimpleNamespace(series=Series.model_validate(told | more)))


def cast_with(*speakers: tuple[str, float, str, str | None]) -> Cast:
    """Speakers of (id, seconds, band, character)."""
    return Cast(
        identity="made",
        model="resemblyzer 0.1.4",
        speakers=tuple(Speaker(id=id, clips=(id,), episodes=("s01e01",), seconds=s) for id, s, _, _ in speakers),
        suggestions=tuple(
            Suggestion(speaker=id, character=character, score=0.8, margin=0.1, band=band)
            for id, _, band, character in speakers
        ),
    )


def asked(found: Cast, labels: Labels = NOTHING, **more: Any) -> list[str]:
    return [each.speaker for each in open_questions(studio(**more), found, labels)]


def test_a_walk_on_of_two_seconds_is_not_worth_a_question() -> None:
    found = cast_with(("S001", 2.0, "ask", "endou"), ("S002", 30.0, "ask", "endou"), ("S003", 90.0, "accept", "endou"))
    assert asked(found) == ["S002"]
    assert asked(found, questions={"min_seconds": 1}) == ["S002", "S001"]


def test_what_recurs_counts_once_and_the_singer_of_an_opening_is_not_the_first_question() -> None:
    found = cast_with(("S001", 126 * 4.0, "ask", "endou"), ("S002", 30.0, "ask", "endou"))
    sung = replace(found, repeated={"S001": 125 * 4.0})
    assert (asked(found), asked(sung)) == (["S001", "S002"], ["S002"])
    assert asked(sung, quality="all") == ["S001", "S002"]


def test_who_would_add_little_to_what_a_character_has_is_not_worth_a_question() -> None:
    found = cast_with(
        ("S001", 600.0, "accept", "endou"), ("S002", 20.0, "ask", "endou"), ("S003", 90.0, "ask", "endou"),
        ("S004", 20.0, "ask", "gouenji"),
    )  # fmt: skip
    assert asked(found) == ["S003", "S002", "S004"]
    assert asked(found, derive([decide("mika", "cli", {"S001": "endou"})])) == ["S003", "S004"]


def test_who_is_hardly_the_character_is_not_worth_a_question() -> None:
    found = cast_with(("S001", 30.0, "ask", "endou"))
    unlikely = replace(found, suggestions=(replace(found.suggestions[0], chance=0.1),))
    assert (asked(found), asked(unlikely)) == (["S001"], [])


def test_while_somebody_is_looked_for_the_longest_are_asked_about_first() -> None:
    found = cast_with(*((f"S{n:03d}", 10.0 + n, "ask", None) for n in range(1, 31)))
    assert asked(found, characters={"endou": {"name": "円堂"}}) == [f"S{n:03d}" for n in range(30, 18, -1)]


def test_strangers_are_asked_about_only_while_a_character_is_looked_for() -> None:
    found = cast_with(("S001", 30.0, "leave_out", "endou"))
    assert asked(found) == []
    assert asked(found, characters={"endou": {"name": "円堂"}}) == ["S001"]
    assert (
        asked(found, derive([decide("mika", "cli", {"S009": "endou"})]), characters={"endou": {"name": "円堂"}}) == []
    )


def test_strangers_and_walk_ons_never_enter_a_data_set_unasked() -> None:
    references = [reference("endou"), reference("gouenji")]
    whose: dict[str, str] = {}
    episodes = []
    for number in range(1, 9):
        key = f"s01e{number:02d}"
        people = ["endou", "gouenji", f"walk-on {number}", "the teacher"]
        said = [(f"SPEAKER_{n:02d}", who) for n, who in enumerate(people)] * 5 + [("SPEAKER_00", f"crowd {number}")]
        episode = heard(key, said, seconds=2.0)
        whose |= {clip.id: who for clip, (_, who) in zip(episode.clips, said, strict=True)}
        episodes.append(episode)
    speakers = link(episodes)
    accepted = auto_decision(suggest(speakers, episodes, references), NOTHING)
    assert accepted is not None
    kept = [row for row in judge(episodes, speakers, derive([accepted]), references) if row.verdict == "kept"]
    assert {row.character for row in kept} == {"endou", "gouenji"}
    assert len(kept) >= 70
    assert [whose[row.clip] for row in kept] == [row.character for row in kept]
    assert NOBODY not in accepted.labels.values()
