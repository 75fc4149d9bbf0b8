"""What labels teach: references from approved speech, thresholds that suit the series, and no more than that."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest

from tasks.domain import NOBODY, HeardEpisode, Speaker
from tasks.labelling.decisions import Label, Labels
from tasks.series import Character, Series
from tasks.speakers.cast import ASK_ABOUT_ALL, RULES, suggest
from tasks.speakers.casting import Cast
from tasks.speakers.embedding_models import ModelsDiffer
from tasks.speakers.learnt import ASK_HIGHER, HIGHER, by_people, calibrated, learnt_references
from tasks.speakers.linking import Said, link
from tasks.speakers.questions import open_questions
from tasks.studio import Studio
from tests.unit.voices import heard, reference

PEOPLE = ["endou", "gouenji", "kazemaru", "kidou"]


def label(character: str, how: str = "sheet") -> Label:
    return Label(character=character, who="mika", how=how, when="", decision="")  # type: ignore[arg-type]


def labels(**speakers: str) -> Labels:
    return Labels(version="1", speakers={name: label(character) for name, character in speakers.items()})


def season(count: int, model: str = "resemblyzer 0.1.4", first: int = 1) -> list[HeardEpisode]:
    """Episodes with all of the people and one stranger each."""
    found = []
    for number in range(first, first + count):
        said = [(f"SPEAKER_{n:02d}", who) for n, who in enumerate([*PEOPLE, f"walk-on {number}"])] * 4
        found.append(heard(f"s01e{number:02d}", said, model=model))
    return found


def said_truly(episodes: list[HeardEpisode], speakers: tuple[Speaker, ...]) -> Labels:
    """Labels of an honest person."""
    whose = {clip.id: [*PEOPLE, NOBODY][int(clip.speaker[-2:])] for episode in episodes for clip in episode.clips}
    return labels(**{each.id: whose[each.clips[0]] for each in speakers if each.clips})


def test_what_a_person_approved_answers_the_questions_of_later_episodes() -> None:
    first, later = season(3), season(2, first=4)
    known = link(first)
    said = said_truly(first, known)
    learnt = learnt_references(first, known, said, [])
    assert {each.character for each in learnt} == set(PEOPLE)
    new = [each for each in link([*first, *later], known) if each.id not in said.speakers]
    alone = link(later)
    found = {each.character for each in suggest(alone, later, learnt) if each.band == "accept"}
    assert found == set(PEOPLE)
    assert not [each for each in suggest(new, [*first, *later], learnt) if each.band == "accept"]


def test_what_references_accepted_teaches_nothing() -> None:
    first = season(2)
    known = link(first)
    said = said_truly(first, known)
    auto = replace(said, speakers={name: replace(each, how="auto") for name, each in said.speakers.items()})
    assert by_people(auto).speakers == {}
    assert learnt_references(first, known, auto, []) == ()


def test_a_mistaken_turn_becomes_no_reference() -> None:
    episode = heard("s01e01", [("SPEAKER_00", "endou")] * 6 + [("SPEAKER_01", "gouenji")] * 6)
    wrong = episode.clips[-1].id
    speakers = (
        Speaker(id="S001", clips=(*(c.id for c in episode.clips[:6]), wrong), episodes=("s01e01",), seconds=21.0),
        Speaker(id="S002", clips=tuple(c.id for c in episode.clips[6:11]), episodes=("s01e01",), seconds=15.0),
    )
    learnt = learnt_references([episode], speakers, labels(S001="endou", S002="gouenji"), [])
    assert {each.character: len(each.vectors) for each in learnt} == {"endou": 6, "gouenji": 5}


def test_clips_a_person_rejected_become_no_reference() -> None:
    episode = heard("s01e01", [("SPEAKER_00", "endou")] * 6)
    speakers = link([episode])
    said = replace(labels(S001="endou"), rejected=(episode.clips[0].id,))
    (learnt,) = learnt_references([episode], speakers, said, [])
    assert len(learnt.vectors) == 5


def test_what_was_learnt_from_one_model_never_meets_another() -> None:
    first = season(2, model="pyannote 4")
    known = link(first)
    with pytest.raises(ModelsDiffer):
        learnt_references(first, known, said_truly(first, known), [reference("endou")])


def test_a_model_nobody_calibrated_is_calibrated_by_the_labels_of_the_first_episodes() -> None:
    model = "mine 1"
    first, later = season(5, model=model), season(2, model=model, first=6)
    known = link(first, rule=None)
    said = said_truly(first, known)
    learnt = learnt_references(first, known, said, [])
    rule = calibrated(ASK_ABOUT_ALL, first, known, said, learnt)
    strangers = [heard("s01e09", [("SPEAKER_00", f"walk-on of another day {n}")] * 4, model=model) for n in range(3)]
    for_later = suggest(link(later), later, learnt, rule)
    assert {each.character for each in for_later if each.band == "accept"} == set(PEOPLE)
    for episode in strangers:
        assert all(each.band != "accept" for each in suggest(link([episode]), [episode], learnt, rule))


def test_a_few_labels_calibrate_nothing() -> None:
    first = season(1, model="mine 1")
    known = link(first)
    said = said_truly(first, known)
    assert calibrated(ASK_ABOUT_ALL, first, known, said, learnt_references(first, known, said, [])).accept == float(
        "inf"
    )


def test_thresholds_move_within_bounds_only() -> None:
    first = season(8)
    known = link(first)
    wrongly = labels(**{each.id: PEOPLE[number % 2] for number, each in enumerate(known)})
    moved = calibrated(RULES["resemblyzer"], first, known, wrongly, [reference(each) for each in PEOPLE])
    assert abs(moved.accept - RULES["resemblyzer"].accept) <= HIGHER + 1e-9
    assert moved.ask - RULES["resemblyzer"].ask <= ASK_HIGHER + 1e-9


def test_two_roles_that_a_person_told_apart_are_told_apart_in_later_episodes() -> None:
    first = heard("s01e01", [("SPEAKER_00", "ichirou"), ("SPEAKER_00", "jirou~ichirou")] * 5)
    said = Said(split={"S001": [clip.id for clip in first.clips[1::2]]})
    known = link([first], link([first]), said=said)
    learnt = learnt_references([first], known, labels(S001="ichirou", S002="jirou"), [])
    later = heard("s01e02", [("SPEAKER_00", "ichirou")] * 4 + [("SPEAKER_01", "jirou~ichirou")] * 4)
    found = suggest(
        [
            Speaker(id="S003", clips=tuple(c.id for c in later.clips[:4]), episodes=("s01e02",), seconds=12.0),
            Speaker(id="S004", clips=tuple(c.id for c in later.clips[4:]), episodes=("s01e02",), seconds=12.0),
        ],
        [later],
        learnt,
    )
    assert [each.character for each in found] == ["ichirou", "jirou"]


@pytest.mark.parametrize(("likeness", "others"), [(0.8, 0.55), (0.7, 0.1), (0.55, 0.05), (0.45, 0.05)])
def test_after_the_first_labelled_episode_a_model_nobody_calibrated_asks_no_more(
    likeness: float, others: float
) -> None:
    """However its cosines are spread. Four characters without references, and a stranger in each episode."""
    characters = {name: Character(name=name) for name in PEOPLE}
    series = Series(series="kaze", episodes=("none",), language="ja", characters=characters)
    studio = cast(Studio, SimpleNamespace(series=series))
    speakers: tuple[Speaker, ...] = ()
    whose: dict[str, str] = {}
    said, episodes, asked = labels(), list[HeardEpisode](), list[int]()
    for number in range(1, 6):
        turns = [(f"SPEAKER_{n:02d}", who) for n, who in enumerate([*PEOPLE, f"walk-on {number}"])] * 5
        episodes.append(
            heard(f"s01e{number:02d}", turns, model="pyannote of weights", likeness=likeness, others=others)
        )
        for clip, (_, who) in zip(episodes[-1].clips, turns, strict=True):
            whose[clip.id] = who if who in PEOPLE else NOBODY
        speakers = link(
            episodes, speakers, said=Said(characters={s: each.character for s, each in said.speakers.items()})
        )
        known = learnt_references(episodes, speakers, said, [])
        rule = calibrated(ASK_ABOUT_ALL, episodes, speakers, said, known)
        suggestions = suggest(speakers, episodes, known, rule)
        found = Cast(identity="", model="", speakers=speakers, suggestions=suggestions)
        open_ones = open_questions(studio, found, said)
        clips = {each.id: each.clips for each in speakers}
        answers = {each.speaker: label(whose[clips[each.speaker][0]]) for each in open_ones}
        said = replace(said, speakers={**said.speakers, **answers})
        asked.append(len(answers))
        accepted = {each.speaker: each.character for each in suggestions if each.band == "accept"}
        assert {s: whose[clips[s][0]] for s in accepted} == accepted
    assert asked[0] == 5
    assert asked[1:] == [0, 0, 0, 0]
    for speaker, each in said.speakers.items():
        assert {whose[clip] for clip in clips[speaker]} == {each.character}
