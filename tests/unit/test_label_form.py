"""The form that asks who is who: an answer is understood whenever it comes, and never overwrites what is newer."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.domain import NOBODY, Speaker, Suggestion
from tasks.labelling.decisions import Decision, How, Labels, decide, derive
from tasks.labelling.label_form import (
    LATER,
    NEW,
    Answer,
    Form,
    choices,
    description,
    field_text,
    lines_to_add,
    prefill,
    read_answer,
)
from tasks.labelling.label_rules import newcomers, seen
from tasks.series import Character

CHARACTERS = {"endou": Character(name="円堂守"), "gouenji": Character(name="豪炎寺 | <b>")}
SUGGESTIONS = (
    Suggestion(speaker="S001", character="endou", score=0.8, margin=0.1, band="ask"),
    Suggestion(speaker="S002", character=None, score=0.0, margin=0.0, band="ask"),
    Suggestion(speaker="S003", character="endou", score=0.3, margin=0.0, band="leave_out"),
)


def form(labels: Labels | None = None) -> Form:
    """The form about all three, built while `labels` counted."""
    labels = labels or derive([])
    return Form(
        run="run",
        number=1,
        version=labels.version,
        prefill={each.speaker: prefill(each, labels) for each in SUGGESTIONS},
        before=seen(labels, [each.speaker for each in SUGGESTIONS]),
        answer="key",
    )


def decided(speaker: str, character: str, who: str = "aki", how: How = "cli") -> Decision:
    return decide(who, how, {speaker: character})


def read(labels: Labels, shown: Form | None = None, **given: Any) -> Answer:
    return read_answer(shown or form(), {"labelled_by": "mika", **given}, labels)


def test_a_field_says_the_suggestion_at_first_strangers_are_nobody_and_the_rest_is_left_for_later() -> None:
    assert form().prefill == {"S001": "endou", "S002": LATER, "S003": NOBODY}


def test_a_label_that_counts_stands_in_its_field() -> None:
    assert form(derive([decided("S001", "gouenji")])).prefill["S001"] == "gouenji"


def test_an_answer_is_what_its_fields_say_and_by_whom() -> None:
    answer = read(derive([]), S001="gouenji", S002=LATER, S003=NOBODY)
    assert answer == Answer(who="mika", said={"S001": "gouenji", "S003": NOBODY}, later=("S002",), again={})


def test_a_speaker_the_answer_does_not_name_stays_open() -> None:
    answer = read(derive([]), S001="endou")
    assert (answer.said, answer.later, answer.again) == ({"S001": "endou"}, (), {})


def test_a_field_left_at_its_prefill_never_overwrites_what_was_decided_meanwhile() -> None:
    answer = read(derive([decided("S001", "gouenji")]), S001="endou", S003=NOBODY)
    assert answer.said == {"S003": NOBODY}
    assert answer.again == {}


@pytest.mark.parametrize("chosen", ["gouenji", LATER])
def test_agreeing_with_what_was_decided_meanwhile_or_leaving_it_asks_nothing_again(chosen: str) -> None:
    shown = form()
    answer = read(derive([decided("S001", "gouenji")]), shown, S001=chosen)
    assert (answer.said, answer.later, answer.again) == ({}, (), {})


def test_the_second_of_two_people_is_told_who_decided_otherwise_meanwhile() -> None:
    answer = read(derive([decided("S001", "gouenji")]), S001=NOBODY)
    assert answer.said == {}
    assert answer.again == {"S001": "meanwhile aki said gouenji, and you said nobody"}


def test_a_person_who_saw_the_newer_label_may_change_it() -> None:
    labels = derive([decided("S001", "gouenji")])
    assert read(labels, form(labels), S001="endou").said == {"S001": "endou"}


def test_a_person_overrules_what_references_accepted_meanwhile() -> None:
    labels = derive([decided("S001", "gouenji", "references", "auto")])
    assert read(labels, S001=NOBODY).said == {"S001": NOBODY}
    assert read(labels, S001="endou").said == {}


def test_the_decision_made_of_an_answer_is_not_taken_for_somebody_elses() -> None:
    shown = form()
    own = Decision(
        id=shown.decision, time="2026-01-01T00:00:00+00:00", who="mika", how="form", labels={"S001": "endou"}
    )
    assert read(derive([own]), shown, S001="endou").again == {}


def test_forms_of_a_run_become_different_decisions_and_the_same_form_always_the_same() -> None:
    first, second = form(), Form(**{**vars(form()), "number": 2})
    assert first.decision == form().decision != second.decision


def test_a_new_character_needs_an_id_and_gets_the_label() -> None:
    answer = read(derive([]), S001=NEW, S002=NEW, new_names="S002 = kidou_yuuto; S999 = aki")
    assert answer.said == {"S002": "kidou_yuuto"}
    assert "has no id yet; write S001 = " in answer.again["S001"]


@pytest.mark.parametrize("name", ["Kidou Yuuto", "鬼道", NOBODY, "", "a/b"])
def test_an_id_that_no_key_could_hold_is_asked_again(name: str) -> None:
    answer = read(derive([]), S002=NEW, new_names=f"S002 = {name}")
    assert answer.said == {}
    assert "cannot be an id" in answer.again["S002"]


def test_an_id_beside_another_choice_is_asked_again() -> None:
    answer = read(derive([]), S001="endou", new_names="S001 = kidou")
    assert answer.said == {}
    assert "endou in its own field, and kidou" in answer.again["S001"]


def test_a_blank_name_is_unknown() -> None:
    assert read(derive([]), labelled_by="  ").who == "unknown"


def test_a_character_named_earlier_can_be_chosen_before_the_series_file_has_it() -> None:
    labels = derive([decided("S001", "kidou")])
    assert choices(CHARACTERS, form(labels)) == ("endou", "gouenji", "kidou", NOBODY, NEW, LATER)
    assert newcomers(labels, CHARACTERS) == {"kidou": ("S001",)}


def test_lines_to_add_are_yaml_that_names_the_character_and_wants_its_rights() -> None:
    yaml = pytest.importorskip("yaml")
    added = yaml.safe_load(lines_to_add({"kidou": ["S001"]}))
    assert added["characters"]["kidou"].keys() == {"name", "rights"}


def test_a_field_tells_the_nearest_character_by_name_and_where_the_speaker_is_heard() -> None:
    speaker = Speaker(id="S001", clips=(), episodes=tuple(f"s01e0{n}" for n in range(1, 8)), seconds=90.0)
    text = field_text(speaker, SUGGESTIONS[0], {"endou": "円堂守"}, "is wrong")
    assert text == (
        "ASKED AGAIN: is wrong. nearest: 円堂守 (0.80, +0.10 over the second); "
        "heard in s01e01, s01e02, s01e03, s01e04 and 3 more"
    )


def test_the_description_lists_who_is_labelled_and_holds_no_markup_of_names() -> None:
    labels = derive([decided("S009", "gouenji", "<i>aki</i>"), decided("S008", NOBODY)])
    text = description("風 [x](javascript:)", CHARACTERS, labels, {"S001": "is `wrong`"})
    assert "| gouenji | 豪炎寺 \\| \\<b\\> | S009 (\\<i\\>aki\\</i\\>) |" in text
    assert "| nobody |  | S008 (aki) |" in text
    assert "- S001 is \\`wrong\\`" in text
    assert "## Who is who in 風 \\[x\\](javascript:)?" in text
