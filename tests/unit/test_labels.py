"""Labels: decisions are kept for ever; what counts is derived from them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.store import LocalStore, read_json
from tasks.domain import NOBODY, Suggestion
from tasks.labelling import labels as subject
from tasks.labelling.decisions import Decision, How, decide, derive
from tasks.labelling.label_rules import auto_decision, news, outdated, seen
from tasks.labelling.labels import LabelsError, Overtaken
from tasks.labelling.labels_file import read_labels_file

START = datetime(2026, 1, 1, tzinfo=UTC)


def said(minute: int, labels: dict[str, str] | None = None, how: How = "cli", **more: object) -> Decision:
    return decide("mika", how, labels, now=START + timedelta(minutes=minute), **more)  # type: ignore[arg-type]


def suggestion(speaker: str, character: str | None, band: str, score: float = 0.9) -> Suggestion:
    return Suggestion(speaker=speaker, character=character, score=score, margin=0.2, band=band)


def characters(*decisions: Decision) -> dict[str, str]:
    return {speaker: label.character for speaker, label in derive(decisions).speakers.items()}


def test_the_newest_decision_wins() -> None:
    assert characters(said(1, {"S001": "endou", "S002": "gouenji"}), said(2, {"S001": NOBODY})) == {
        "S001": NOBODY,
        "S002": "gouenji",
    }


def test_what_a_human_said_is_not_overwritten_by_references() -> None:
    assert characters(said(1, {"S001": "endou"}), said(2, {"S001": "gouenji"}, how="auto")) == {"S001": "endou"}


def test_only_the_newest_opinion_of_the_references_counts() -> None:
    assert characters(
        said(1, {"S001": "endou", "S002": "kazemaru"}, how="auto"), said(2, {"S001": "endou"}, how="auto")
    ) == {"S001": "endou"}


def test_an_undone_decision_is_as_if_never_made() -> None:
    first, second = said(1, {"S001": "endou"}), said(2, {"S001": NOBODY}, rejected=["s01e01/00001000"])
    assert characters(first, second, said(3, undoes=second.id)) == {"S001": "endou"}
    assert derive([first, second, said(3, undoes=second.id)]).rejected == ()


def test_an_undo_can_be_undone() -> None:
    first = said(1, {"S001": "endou"})
    back = said(2, undoes=first.id)
    assert characters(first, back) == {}
    assert characters(first, back, said(3, undoes=back.id)) == {"S001": "endou"}


def test_rejected_clips_of_all_decisions_add_up() -> None:
    assert derive([said(1, rejected=["b"]), said(2, rejected=["a", "b"])]).rejected == ("a", "b")


def test_clips_marked_as_somebody_else_add_up_until_taken_back() -> None:
    first = replace(said(1), split={"S007": ("b", "a")})
    second = replace(said(2), split={"S007": ("c",), "S009": ()})
    assert derive([first, second]).split == {"S007": ("a", "b", "c")}
    assert derive([first, second, said(3, undoes=first.id)]).split == {"S007": ("c",)}


def test_a_decision_needs_a_time_with_its_zone() -> None:
    with pytest.raises(ValueError, match="time zone"):
        Decision(id="x", time="2026-01-01T00:00:00", who="mika", how="cli")


def test_references_accept_only_what_needs_no_question() -> None:
    suggestions = [
        suggestion("S001", "endou", "accept"),
        suggestion("S002", "endou", "ask"),
        suggestion("S003", None, "leave_out"),
    ]
    decision = auto_decision(suggestions, derive([]))
    assert decision is not None
    assert decision.labels == {"S001": "endou"}
    assert decision.evidence["S001"].score == 0.9


def test_references_say_nothing_twice_and_nothing_about_what_a_human_labelled() -> None:
    suggestions = [suggestion("S001", "endou", "accept")]
    assert auto_decision(suggestions, derive([said(1, {"S001": NOBODY})])) is None
    once = auto_decision(suggestions, derive([]))
    assert once is not None
    assert auto_decision(suggestions, derive([once])) is None


def test_the_same_file_read_twice_decides_once() -> None:
    assert news({"S001": "endou", "S002": NOBODY}, derive([said(1, {"S001": "endou"})])) == {"S002": NOBODY}


def test_a_file_that_was_written_before_somebody_decided_overwrites_nothing() -> None:
    by_mika = said(10, {"S001": "endou", "S002": "endou"})
    old, new = START + timedelta(minutes=5), START + timedelta(minutes=15)
    line = {"S001": NOBODY, "S002": "endou", "S003": NOBODY}
    assert outdated(line, old, derive([by_mika]), [by_mika]) == {
        "S001": "this says nobody, but mika said endou on 2026-01-01"
    }
    assert outdated(line, new, derive([by_mika]), [by_mika]) == {}
    assert outdated(line, old, derive([said(10, {"S001": "endou"}, how="auto")]), []) == {}


def test_a_line_that_a_file_said_before_somebody_decided_otherwise_is_old_though_the_file_was_saved_since() -> None:
    filed, by_mika = said(1, {"S001": NOBODY}, how="file"), said(10, {"S001": "endou"})
    new = START + timedelta(minutes=15)
    assert outdated({"S001": NOBODY}, new, derive([filed, by_mika]), [filed, by_mika]).keys() == {"S001"}
    back = said(11, undoes=filed.id)
    assert outdated({"S001": NOBODY}, new, derive([filed, by_mika, back]), [filed, by_mika, back]) == {}


_decisions = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.dictionaries(st.sampled_from(["S001", "S002"]), st.sampled_from(["endou", NOBODY]), max_size=2),
        st.sampled_from(["cli", "auto"]),
    ),
    max_size=5,
)


@given(_decisions, st.randoms())
def test_what_counts_does_not_depend_on_the_order_decisions_arrive_in(
    made: list[tuple[int, dict[str, str], How]], random: object
) -> None:
    decisions = [said(minute, labels, how) for minute, labels, how in made]
    mixed = list(decisions)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert derive(mixed) == derive(decisions)


def test_decisions_lie_in_the_store_for_ever_and_labels_json_follows_them(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    first = said(1, {"S001": "endou"}, suggestions=[suggestion("S001", "endou", "ask", 0.81)])
    subject.record(store, "kaze", first)
    before = (tmp_path / "series/kaze/cast/labels" / f"20260101T000100.000000Z-{first.id}.json").read_bytes()
    subject.record(store, "kaze", said(2, {"S001": "gouenji"}))
    labels = subject.undo(store, "kaze", subject.history(store, "kaze")[1].id, who="mika")

    assert labels.character("S001") == "endou"
    assert subject.load(store, "kaze") == labels
    assert [each.how for each in subject.history(store, "kaze")] == ["cli"] * 3
    assert (tmp_path / "series/kaze/cast/labels" / f"20260101T000100.000000Z-{first.id}.json").read_bytes() == before
    written = read_json(store, "series/kaze/cast/labels.json")
    assert written["version"] == labels.version
    assert written["speakers"]["S001"] == {
        "character": "endou", "who": "mika", "how": "cli", "when": "2026-01-01T00:01:00.000000+00:00",
        "decision": first.id, "score": 0.81, "margin": 0.2,
    }  # fmt: skip


def test_the_version_changes_with_every_decision() -> None:
    decisions = [said(minute, {"S001": "endou"}) for minute in range(4)]
    versions = [derive(decisions[:count]).version for count in range(5)]
    assert len(set(versions)) == 5


def test_a_decision_is_never_written_twice(tmp_path: Path) -> None:
    store, decision = LocalStore(tmp_path), said(1, {"S001": "endou"})
    subject.record(store, "kaze", decision)
    with pytest.raises(LabelsError, match="never written twice"):
        subject.record(store, "kaze", decision)


def test_the_second_of_two_people_is_told_and_nothing_is_recorded(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    before = seen(subject.load(store, "kaze"), ["S001", "S002"])
    subject.record(store, "kaze", decide("aki", "sheet", {"S001": "endou"}), before)
    with pytest.raises(Overtaken, match="meanwhile aki said S001 is endou"):
        subject.record(store, "kaze", decide("mika", "cli", {"S001": NOBODY, "S002": NOBODY}), before)
    assert [each.who for each in subject.history(store, "kaze")] == ["aki"]

    looked_again = seen(subject.load(store, "kaze"), ["S001"])
    assert (
        subject.record(store, "kaze", decide("mika", "cli", {"S001": NOBODY}), looked_again).character("S001") == NOBODY
    )


def test_of_many_people_who_answer_the_same_question_at_once_one_counts_and_the_others_are_told(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)

    def say(who: str) -> bool:
        try:
            subject.record(store, "kaze", decide(who, "sheet", {"S001": who}), {"S001": None})
        except Overtaken:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(say, [f"person{number}" for number in range(8)])) == 1
    assert len(subject.history(store, "kaze")) == 1


def test_a_person_is_not_held_up_by_what_references_say_meanwhile(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    subject.record(store, "kaze", decide("references", "auto", {"S001": "endou"}))
    subject.record(store, "kaze", decide("mika", "cli", {"S001": NOBODY}), {"S001": None})
    assert subject.load(store, "kaze").character("S001") == NOBODY


def test_the_later_of_two_decisions_counts_whatever_the_clock_of_its_machine_says(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    subject.record(store, "kaze", said(5, {"S001": "endou"}))
    assert subject.record(store, "kaze", said(1, {"S001": NOBODY})).character("S001") == NOBODY


@pytest.mark.parametrize("dies_at", ["create", "write"])
def test_a_crash_at_any_moment_loses_no_decision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dies_at: str) -> None:
    """It either stands as a whole or can be said again; `labels.json` is made good by the next run."""
    store, decision = LocalStore(tmp_path), said(1, {"S001": "endou"})
    subject.record(store, "kaze", said(0, {"S002": "endou"}))
    real = getattr(store, dies_at)

    def dies(*arguments: object) -> None:
        real(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(store, dies_at, dies)
        with pytest.raises(KeyboardInterrupt):
            subject.record(store, "kaze", decision)
    assert subject.load(store, "kaze").character("S001") == "endou"
    assert subject.refresh(store, "kaze") == subject.load(store, "kaze")
    assert read_json(store, "series/kaze/cast/labels.json")["version"] == subject.load(store, "kaze").version


def test_what_was_taken_back_already_is_refused_with_the_way_to_bring_it_back(tmp_path: Path) -> None:
    store, first = LocalStore(tmp_path), said(1, {"S001": "endou"})
    subject.record(store, "kaze", first)
    subject.undo(store, "kaze", first.id, who="mika")
    back = subject.history(store, "kaze")[-1].id
    with pytest.raises(LabelsError, match=f"mika took {first.id} back already; to make it count again, undo {back}"):
        subject.undo(store, "kaze", first.id, who="aki")
    assert subject.undo(store, "kaze", back, who="aki").character("S001") == "endou"


def test_undoing_what_was_never_decided_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LabelsError, match="no decision 'abc'"):
        subject.undo(LocalStore(tmp_path), "kaze", "abc", who="mika")


def test_people_who_decide_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    speakers = [f"S{number:03d}" for number in range(12)]
    with ThreadPoolExecutor(4) as pool:
        list(
            pool.map(
                lambda speaker: subject.record(store, "kaze", decide("mika", "form", {speaker: "endou"})), speakers
            )
        )
    assert sorted(read_json(store, "series/kaze/cast/labels.json")["speakers"]) == speakers


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labels.yaml", "S001: endou  # the captain\nS002: nobody\nS003:\n"),
        ("labels.json", '{"S001": "endou", "S002": "nobody", "S003": null}'),
        ("labels.csv", "\ufeffspeaker,character\nS001,endou\n\nS002,nobody\nS003,\n"),
        ("labels.csv", "S001;円堂守\r\nS002;nobody\r\n"),
        (
            "labels.csv",
            'sep=;\r\n"Character";"s";"Speaker"\r\n"円堂守";"7,5";"S001"\r\nnobody;;S002\r\n;;S003\r\n',
        ),
    ],
)
def test_a_labels_file_may_be_yaml_json_or_a_spreadsheet(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, "utf-8")
    labels = read_labels_file(tmp_path / name, ["S001", "S002", "S003"], ["endou"], {"円堂守": "endou"})
    assert labels == {"S001": "endou", "S002": "nobody"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp932"])
def test_a_labels_file_may_be_in_the_encoding_that_a_spreadsheet_saved(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "labels.txt").write_text("speaker\tcharacter\nS001\tマーク\n", encoding)
    assert read_labels_file(tmp_path / "labels.txt", ["S001"], ["endou"], {"マーク": "endou"}) == {"S001": "endou"}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("labels.yaml", "S001: endou\nS009: endou\n", "line 2: there is no speaker 'S009'"),
        (
            "labels.csv",
            "S001,endo\n",
            "line 1: S001: there is no character 'endo' in the series file; it has endou, nobody",
        ),
        ("labels.yaml", "S001: endou\nS001: nobody\n", "line 2: S001 is 'endou' further up and 'nobody' here"),
        ("labels.yaml", "S001: yes\n", "line 1: names are text, got True; put it in quotes"),
        ("labels.yaml", "- S001\n", "must be lines of"),
        ("labels.yaml", "S001: [endou\n", "is no YAML"),
        ("labels.json", "[1]", "must be one object"),
        ("labels.json", "{", "is no JSON"),
        ("labels.csv", "S001\n", "line 1: needs speaker,character"),
        ("labels.csv", ",endou\n", "line 1: the speaker is missing"),
        ("labels.doc", "S001 endou", "must end in .yaml, .json or .csv"),
        ("labels.txt", "S001 endou", "line 1: needs speaker,character"),
        ("labels.csv", None, "cannot be read"),
    ],
)
def test_a_labels_file_that_cannot_be_used_says_where_and_why(
    tmp_path: Path, name: str, text: str | None, message: str
) -> None:
    if text is not None:
        (tmp_path / name).write_text(text, "utf-8")
    with pytest.raises(LabelsError) as caught:
        read_labels_file(tmp_path / name, ["S001"], ["endou"])
    assert message in str(caught.value)
