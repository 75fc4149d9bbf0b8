"""The label sheet: what it shows of each speaker, and what becomes of an answer."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from containers.contract.codec import decode
from containers.contract.errors import RequestError
from containers.stub import people
from tasks.clips import data_sets
from tasks.domain import NOBODY, EpisodeClip
from tasks.episodes.prepared import heard_episode
from tasks.labelling.decisions import Decision, decide
from tasks.labelling.label_sheet import Heard, Sheet, heard_by, make_sheet
from tasks.labelling.labels import LabelsError, Overtaken, history, load, record
from tasks.labelling.sheet_answer import SheetAnswer, take_answer, take_back, take_what_stands
from tasks.labelling.sheet_media import known_sound, sounds_of
from tasks.labelling.sheet_page import entrance, render
from tasks.labelling.sheet_voices import CLIPS, Voice, representative
from tasks.speakers import casting
from tasks.speakers.questions import open_questions
from tasks.speakers.references import known_references
from tasks.studio import Studio
from tests.unit import sheet_material as material
from tests.unit.stub_studio import looking, studio_at

HOSTILE = """</script><script>alert(1)</script><img src=x onerror=alert(1)>"'&\u2028"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    """Anna, who mixes in one clip of Ben; Ben; a stranger; and somebody whom the references alone know."""
    folder = tmp_path_factory.mktemp("toy")
    characters = {
        "anna": {"name": "円堂アンナ", "references": material.reference(folder, "A")},
        "ben": {"name": "Ben", "references": material.reference(folder, "B")},
    }
    studio = studio_at(folder, characters=characters)
    speakers = [
        material.Heard(id="S001", person="B", clips=3, suggestion="ben"),
        material.Heard(id="S002", person="A", clips=12, suggestion="anna", intruder="B"),
        material.Heard(id="S003", person="C", clips=1, suggestion="anna", band="leave_out", score=0.1),
        material.Heard(id="S004", person="A", clips=2, suggestion="anna", band="accept"),
    ]
    material.lay(studio, speakers, episodes=2)
    return studio


@pytest.fixture
def studio(made: Studio) -> Studio:
    """The series, with no label given."""
    for key in list(made.store.keys(f"{made.home}/cast/labels")):
        made.store.delete(key)
    return made


def sheet_of(studio: Studio) -> Sheet:
    return make_sheet(studio, heard_by(studio), load(studio.store, "toy"))


def say(studio: Studio, labels: dict[str, str], who: str = "mika") -> Decision:
    decision = decide(who, "form", labels)
    record(studio.store, "toy", decision)
    return decision


def answer(**said: Any) -> SheetAnswer:
    labels = said.get("labels", {})
    return SheetAnswer(**{"id": "0123456789ab", "who": "yui", "before": dict.fromkeys(labels), **said})


def give(studio: Studio, **said: Any) -> Any:
    return take_answer(studio, heard_by(studio).cast, answer(**said)).labels


# ---------------------------------------------------------------- what is shown


def test_who_is_in_doubt_comes_first_and_the_longest_before_others(studio: Studio) -> None:
    say(studio, {"S004": "anna"})
    shown = [(each.id, each.status) for each in sheet_of(studio).speakers]
    assert shown[:3] == [("S002", "asked"), ("S001", "asked"), ("S004", "labelled")]
    assert shown[3:] == [("S003", "left_out")]


def test_each_speaker_has_minutes_episodes_scores_and_confusions(studio: Studio) -> None:
    by_id = {each.id: each for each in sheet_of(studio).speakers}
    speaker = by_id["S001"]
    assert (speaker.seconds, speaker.count, speaker.episodes) == (9.0, 3, ("s01e01", "s01e02"))
    assert [each.who for each in speaker.likely] == ["ben", "anna"]
    assert speaker.likely[0].score > 0.9 > speaker.likely[1].score
    assert [each.alike[0].who for each in (by_id["S002"], by_id["S004"])] == ["S004", "S002"], (
        "one person, linked twice"
    )


def test_a_stranger_is_offered_as_nobody_and_others_as_suggested(studio: Studio) -> None:
    offered = {each.id: each.suggestion for each in sheet_of(studio).speakers}
    assert offered == {"S001": "ben", "S002": "anna", "S003": NOBODY, "S004": "anna"}


def test_the_clip_of_another_person_is_among_those_heard_and_marked(studio: Studio) -> None:
    clips = next(each for each in sheet_of(studio).speakers if each.id == "S002").clips
    heard = heard_by(studio).cast.speakers[1].clips
    assert len(clips) == CLIPS
    assert [each.id for each in clips if each.odd] == [heard[-1]]


def test_clips_stand_for_every_kind_of_speech() -> None:
    """Three ways of speaking, the rare ones in few clips, are all heard; long clips before short ones."""
    drawn = np.random.default_rng(5)
    kinds = [0] * 200 + [1] * 6 + [2] * 4
    vectors = np.eye(8)[kinds] + 0.05 * drawn.normal(size=(210, 8)) + np.array([2.0] + [0.0] * 7) * 0
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    clips = tuple(clip_of(number, 1.0 if number % 2 else 4.0) for number in range(210))
    voice = Voice(clips=clips, vectors=vectors.astype(np.float32), core=vectors.mean(axis=0).astype(np.float32))
    chosen = [int(each.clip.id.partition("/")[2]) for each in representative(voice)]
    assert len(set(chosen)) == CLIPS
    assert {kinds[each] for each in chosen} == {0, 1, 2}
    assert sum(each % 2 == 0 for each in chosen) >= 4


def clip_of(number: int, seconds: float) -> EpisodeClip:
    return EpisodeClip(
        id=f"s01e01/{number}", episode="s01e01", start=0.0, end=seconds, speaker="SPEAKER_00", sha256="",
        consistency=1.0, measurements=material.MEASURED,
    )  # fmt: skip


def test_a_series_without_references_at_hand_still_has_its_sheet(studio: Studio) -> None:
    """A pod without the files of the references shows what the cast remembers of them."""
    moved = studio.series.model_copy(update={"folder": Path("/nowhere")})
    speaker = sheet_of(Studio(series=moved, store=studio.store)).speakers[0]
    assert [(each.who, each.score) for each in speaker.likely] == [("anna", 0.8)]


# ---------------------------------------------------------------- sounds


def test_every_clip_has_a_player_and_a_picture(studio: Studio) -> None:
    speaker = sheet_of(studio).speakers[0]
    sounds = sounds_of(studio, heard_by(studio), speaker.id)
    assert [each.of for each in sounds] == [each.id for each in speaker.clips]
    kinds = {(Path(each.player.key).suffix, Path(each.picture.key).suffix) for each in sounds if each.picture}
    assert kinds == {(".mp3", ".png")}


def test_without_engines_a_clip_is_played_as_it_was_cut(studio: Studio) -> None:
    unseen = next(each for each in sheet_of(studio).speakers if each.id == "S004")
    (first, _) = sounds_of(looking(studio), heard_by(studio), unseen.id)
    assert first.player.key == f"{studio.home}/episodes/{unseen.clips[0].id.replace('/', '/clips/')}.flac"
    assert first.picture is None


def test_a_character_is_known_by_a_reference_else_by_an_approved_speaker(studio: Studio) -> None:
    heard = heard_by(studio)
    known = known_sound(studio, heard, load(studio.store, "toy"), "anna")
    assert known is not None
    assert known.of == "reference of anna"
    assert known_sound(studio, heard, load(studio.store, "toy"), "carl") is None
    say(studio, {"S003": "carl"})
    known = known_sound(studio, heard, load(studio.store, "toy"), "carl")
    assert known is not None
    assert known.of == heard.cast.speakers[2].clips[0]


# ---------------------------------------------------------------- answers


def test_an_answer_is_one_decision_with_its_evidence(studio: Studio) -> None:
    rejected = heard_by(studio).cast.speakers[1].clips[-1]
    labels = give(studio, labels={"S002": "anna", "S001": NOBODY}, rejected=(rejected,), who=" 円堂　守 ")
    (decision,) = history(studio.store, "toy")
    assert (decision.id, decision.who, decision.how) == ("0123456789ab", "円堂 守", "sheet")
    assert (decision.labels, decision.rejected) == ({"S002": "anna", "S001": NOBODY}, (rejected,))
    assert decision.evidence["S002"].score == 0.8
    assert labels.character("S001") == NOBODY


def test_an_answer_sent_twice_decides_once(studio: Studio) -> None:
    first = give(studio, labels={"S002": "anna"})
    assert give(studio, labels={"S002": "anna"}) == first
    assert len(history(studio.store, "toy")) == 1


def test_a_newer_decision_of_somebody_else_is_not_overwritten(studio: Studio) -> None:
    say(studio, {"S002": "ben"})
    with pytest.raises(Overtaken, match="mika said S002 is ben"):
        give(studio, labels={"S002": "anna", "S001": "ben"})
    assert [each.who for each in history(studio.store, "toy")] == ["mika"]
    seen = history(studio.store, "toy")[-1].id
    assert give(studio, labels={"S002": "anna"}, before={"S002": seen}).character("S002") == "anna"


def test_what_others_decided_about_other_speakers_is_no_hindrance(studio: Studio) -> None:
    say(studio, {"S001": "ben"})
    assert give(studio, labels={"S002": "anna"}).speakers.keys() == {"S001", "S002"}


def test_a_new_character_may_be_named_and_an_unusable_id_is_refused(studio: Studio) -> None:
    assert give(studio, labels={"S001": "kidou_yuuto"}).character("S001") == "kidou_yuuto"
    assert "kidou_yuuto" in [each.id for each in sheet_of(studio).characters]
    with pytest.raises(LabelsError, match="cannot be a character's id"):
        give(studio, labels={"S002": "../anna"}, id="ba9876543210")


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"labels": {"S999": "anna"}}, "no speaker 'S999'"),
        ({"rejected": ("s01e01/99999999",)}, "has the clip"),
    ],
)
def test_what_the_series_does_not_have_is_refused(studio: Studio, said: dict[str, Any], why: str) -> None:
    with pytest.raises(LabelsError, match=why):
        give(studio, **said)
    assert history(studio.store, "toy") == ()


@pytest.mark.parametrize(
    "wrong",
    [{"who": " "}, {"who": "x" * 81}, {"who": "a\x00b"}, {"id": "../../../etc"}, {"labels": {"S001": "anna"}}],
)
def test_an_answer_without_name_id_or_what_was_seen_is_none(wrong: dict[str, Any]) -> None:
    said = {"id": "0123456789ab", "who": "yui", "labels": {}, "before": {}, "rejected": [], "later": [], **wrong}
    with pytest.raises(RequestError):
        decode(SheetAnswer, said)


def test_an_answer_that_only_skips_decides_nothing(studio: Studio) -> None:
    give(studio, later=("S002",))
    assert history(studio.store, "toy") == ()


# ---------------------------------------------------------------- a speaker of two people


MIXED = {"anna": {"name": "アンナ", "references": "refs/A.flac"}, "ben": {"name": "Ben"}}


@pytest.fixture(scope="module")
def laid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """S001 is Anna, with two clips of a stranger at the end; S002 is Ben, and has one clip of Anna; S003 is Anna."""
    folder = tmp_path_factory.mktemp("mixed")
    material.reference(folder, "A")
    speakers = [
        material.Heard(id="S001", person="A", clips=8, suggestion="anna", intruder="X", intruders=2),
        material.Heard(id="S002", person="B", clips=6, suggestion="anna", intruder="A"),
        material.Heard(id="S003", person="A", clips=4, suggestion="anna"),
    ]
    material.lay(studio_at(folder, characters=MIXED), speakers)
    return folder


@pytest.fixture
def mixed(laid: Path, tmp_path: Path) -> Studio:
    """A copy of that series, with no label given."""
    shutil.copytree(laid, tmp_path / "toy")
    return studio_at(tmp_path / "toy", characters=MIXED)


def clips_of(studio: Studio) -> dict[str, tuple[str, ...]]:
    return {each.id: each.clips for each in casting.cast_of(studio).speakers}


def test_clips_of_a_stranger_become_a_speaker_who_is_asked_about_and_the_one_like_them_comes_along(
    mixed: Studio,
) -> None:
    before = clips_of(mixed)
    taken = take_answer(mixed, casting.cast_of(mixed), answer(split={"S001": before["S001"][-1:]}))
    assert clips_of(mixed)["S004"] == before["S001"][-2:]
    assert clips_of(mixed)["S001"] == before["S001"][:-2]
    assert taken.cast == casting.cast_of(mixed)
    asked = {each.id: each.status for each in sheet_of(mixed).speakers}
    assert asked["S004"] == "asked", "whoever took the clips out is asked whose they are, stranger or not"
    assert [each.speaker for each in open_questions(mixed, taken.cast, taken.labels)].count("S004") == 1
    (decision,) = history(mixed.store, "toy")
    assert (decision.split, decision.labels) == ({"S001": before["S001"][-1:]}, {})


def test_a_later_preparation_keeps_what_was_taken_out_where_it_is(mixed: Studio) -> None:
    """As the next episode's, or as that of a run that suspended while people thought."""
    before = clips_of(mixed)
    take_answer(mixed, casting.cast_of(mixed), answer(split={"S001": before["S001"][-1:]}))
    after, prepared = clips_of(mixed), [SimpleNamespace(episode="s01e01")]
    made = casting.make_cast(mixed, "another", (), prepared)  # type: ignore[arg-type]
    assert {each.id: each.clips for each in made.speakers} == after
    assert [each.speaker for each in open_questions(mixed, made, load(mixed.store, "toy"))].count("S004") == 1


def test_the_clips_taken_out_can_be_named_at_once_and_all_of_it_taken_back(mixed: Studio) -> None:
    before = clips_of(mixed)
    said = answer(labels={"S001": "anna"}, split={"S001": before["S001"][-2:]}, parts={"S001": "carl"})
    for _ in range(2):  # its reply was lost, and it is sent again
        taken = take_answer(mixed, casting.cast_of(mixed), said)
    assert {speaker: each.character for speaker, each in taken.labels.speakers.items()} == {
        "S001": "anna", "S004": "carl",
    }  # fmt: skip
    assert len(history(mixed.store, "toy")) == 2
    labels = take_back(mixed, said.id, "yui")
    assert labels.speakers == {}
    assert {speaker: clips for speaker, clips in clips_of(mixed).items() if clips} == before
    back = [each.id for each in history(mixed.store, "toy") if each.undoes == said.id]
    take_back(mixed, back[0], "yui")
    assert before["S001"][-2:] in clips_of(mixed).values(), "and that can be taken back, too"


def test_clips_of_somebody_known_go_there_and_a_label_that_says_otherwise_is_a_conflict(mixed: Studio) -> None:
    say(mixed, {"S001": "anna", "S003": "anna"})
    split = {"S002": clips_of(mixed)["S002"][-1:]}
    taken = take_answer(mixed, casting.cast_of(mixed), answer(split=split, parts={"S002": "ben"}))
    (owner,) = [speaker for speaker, clips in clips_of(mixed).items() if split["S002"][0] in clips]
    assert owner in ("S001", "S003")
    assert taken.conflicts == {owner: "clips of S002 are its now, and mika said it is anna"}
    assert taken.labels.character(owner) == "anna"


def test_an_answer_that_splits_what_was_split_meanwhile_keeps_the_rest(mixed: Studio) -> None:
    before = clips_of(mixed)
    take_answer(mixed, casting.cast_of(mixed), answer(split={"S001": before["S001"][-2:]}))
    old = answer(id="ba9876543210", labels={"S002": "ben"}, split={"S001": before["S001"][-2:]})
    with pytest.raises(LabelsError, match="is no clip of S001"):
        take_answer(mixed, casting.cast_of(mixed), old)
    taken = take_what_stands(mixed, casting.cast_of(mixed), old)
    assert taken.labels.character("S002") == "ben"
    assert taken.conflicts.keys() == set(before["S001"][-2:])


@pytest.mark.parametrize("rejected", [0, -1])
def test_a_rejected_clip_is_used_for_nobody_whoever_has_it(mixed: Studio, rejected: int) -> None:
    clip = clips_of(mixed)["S001"][rejected]
    take_answer(mixed, casting.cast_of(mixed), answer(rejected=(clip,), labels={"S001": "anna"}))
    split = answer(id="ba9876543210", split={"S001": clips_of(mixed)["S001"][-2:]}, parts={"S001": "anna"})
    labels = take_answer(mixed, casting.cast_of(mixed), split).labels
    heard = tuple(heard_episode(mixed.store, mixed.home, each) for each in ("s01e01",))
    rows = data_sets.decide(mixed, casting.cast_of(mixed), labels, heard, known_references(mixed))["anna"]
    (row,) = [each for each in rows if each.clip == clip]
    assert (row.verdict, row.reason) == ("dropped", "rejected")


# ---------------------------------------------------------------- the page


def test_text_of_others_never_ends_the_data(studio: Studio) -> None:
    """Names, titles and labels may hold anything; the page's data come back as they were."""
    sheet = replace(sheet_of(studio), title=HOSTILE)
    page = render(sheet)
    data = page.partition('<script type="application/json" id="data">')[2].partition("</script>")[0]
    assert json.loads(data)["sheet"]["title"] == HOSTILE
    assert page.count("<script") == 2
    assert "<img src=x" not in page


def test_the_page_asks_for_nothing_but_its_own_service(studio: Studio) -> None:
    for page in (render(sheet_of(studio)), render(sheet_of(studio), {"clips": {}, "known": {}}), entrance()):
        assert "default-src 'none'" in page
        assert "http://" not in page
        assert "https://" not in page


def test_thirty_speakers_of_a_hundred_episodes_are_a_small_page(studio: Studio) -> None:
    one = sheet_of(studio).speakers[0]
    episodes = tuple(f"s01e{number:02d}" for number in range(100))
    many = tuple(replace(one, id=f"S{number:03d}", episodes=episodes) for number in range(30))
    assert len(render(replace(sheet_of(studio), speakers=many)).encode()) < 200_000


def test_what_was_heard_needs_no_video(made: Studio) -> None:
    assert isinstance(heard_by(made), Heard)
    assert not list(made.series.folder.glob("*.mkv"))
    assert heard_by(made).cast.model == people.MODEL
