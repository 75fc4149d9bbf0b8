"""Voices: rights first, then a card that says what the voice is and which one speaks."""

from __future__ import annotations

from pathlib import Path

import pytest

from containers.contract.item import sha256_of
from containers.contract.stages import TrainResult
from infra.engines import engines
from tasks import orders, voices
from tasks.clips.data_sets import DataSet
from tasks.studio import Made, Source, Studio
from tasks.trust.rights import NoVoice, RightsError, check_rights
from tasks.voices import (
    Card,
    current_voice,
    given_before,
    voice_before,
    voice_to_speak,
)
from tests.unit.stub_studio import episode_at, looking, studio_at

DATA = DataSet(character="anna", identity="0", minutes=1.23456, clips=1, dropped={}, files={})


def trained(studio: Studio, folder: Path, name: str = "A") -> Made[TrainResult]:
    """A voice of one recording in place of clips."""
    reference = episode_at(folder, f"reference-{name}", person=name)
    given = orders.extract_given(studio, "anna", Source(path=Path(reference.file), sha256=reference.sha256))
    recording = studio.make(given)
    return studio.make(orders.train(studio, "anna", (recording.stored(recording.result.recording),)))


def voice(studio: Studio, folder: Path, name: str = "A") -> Card:
    return voices.register(studio, "anna", DATA, trained(studio, folder, name))


def test_without_rights_nothing_is_trained_or_spoken_and_the_way_out_is_said(tmp_path: Path) -> None:
    studio = looking(studio_at(tmp_path))
    for act in (lambda: check_rights(studio, "ben", "train"), lambda: voice_to_speak(studio, "ben")):
        with pytest.raises(RightsError, match=r"ben: no rights are recorded.* under characters: ben: `rights: \{basis"):
            act()


def test_a_character_that_is_none_is_answered_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(NoVoice, match="toy has no character 'carl'; its characters are: anna, ben"):
        check_rights(studio_at(tmp_path), "carl", "train")


def test_before_training_the_way_to_a_voice_is_said(tmp_path: Path) -> None:
    with pytest.raises(NoVoice, match="anna has no trained voice yet; run: voicecast season"):
        voice_to_speak(studio_at(tmp_path), "anna")


def test_a_card_says_what_the_voice_is_and_on_whose_right(tmp_path: Path) -> None:
    studio = studio_at(tmp_path)
    card = voice(studio, tmp_path)
    assert current_voice(looking(studio), "anna") == card
    assert (card.name, card.engine, card.minutes, card.clips) == ("アンナ", "stub 1", 1.235, 1)
    assert card.rights == {"basis": "a stub's voice", "by": "the tests", "date": "2026-11-22"}
    assert "synthetic" in card.note
    assert all(studio.store.size(each.key) == each.size for each in card.files.values())


def test_a_newer_voice_speaks_and_the_older_one_stays_beside_it(tmp_path: Path) -> None:
    studio = studio_at(tmp_path)
    old, new = voice(studio, tmp_path), voice(studio, tmp_path, "B")
    assert old.version != new.version
    assert voice_to_speak(studio, "anna") == new
    assert studio.store.size(f"series/toy/voices/anna/{old.version}/card.json")
    assert all(studio.store.size(each.key) == each.size for each in old.files.values())


def test_a_voice_that_is_trained_on_keeps_its_history_and_is_found_again(tmp_path: Path) -> None:
    studio = studio_at(tmp_path)
    first = voice(studio, tmp_path)
    before = voice_before(studio, "anna")
    assert before.files == first.files
    reference = episode_at(tmp_path, "reference-B", person="A")
    given = orders.extract_given(studio, "anna", Source(path=Path(reference.file), sha256=reference.sha256))
    recording = studio.make(given)
    clips = (recording.stored(recording.result.recording),)
    made = studio.make(orders.train(studio, "anna", clips, before.files))
    card = voices.register(studio, "anna", DATA, made, before.history)
    assert [(each["version"], each["clips"]) for each in card.history] == [(first.version, 1)]
    assert card.version != orders.train(studio, "anna", clips).folder.rpartition("/")[2], "not the voice begun anew"
    third = voice_before(studio, "anna")
    assert [each["version"] for each in third.history] == [first.version, card.version]


def test_files_of_anybody_may_be_trained_on_from_and_are_named_by_hash(tmp_path: Path) -> None:
    path = tmp_path / "somebody v2.pth"
    path.write_bytes(b"weights")
    before = given_before([path])
    assert before.history == ({"files": {"somebody v2.pth": sha256_of(path)}},)
    studio = studio_at(tmp_path)
    (request,) = orders.train(studio, "anna", (), before.files).request.voice
    assert (request.path, request.sha256) == ("in/voice/somebody v2.pth", sha256_of(path))


def test_an_engine_does_not_go_on_from_anothers_voice(tmp_path: Path) -> None:
    voice(studio_at(tmp_path), tmp_path)
    with pytest.raises(NoVoice, match=r"its voice is stub 1's, and light cannot go on from it.*--engine train=stub"):
        voice_before(studio_at(tmp_path, engines={"train": "light"}), "anna")


def test_people_read_the_card_too(tmp_path: Path) -> None:
    studio = studio_at(tmp_path)
    card = voice(studio, tmp_path)
    text = studio.store.read(f"series/toy/voices/anna/{card.version}/card.md").decode()
    assert text.startswith("# アンナ (anna, toy)")
    for said in ("synthetic", "1.2 minutes in 1 clips", "rights, basis: a stub's voice", "similarity_held_out"):
        assert said in text
    assert all(each.sha256 in text for each in card.files.values())


def test_how_a_line_is_converted_does_not_ask_for_a_new_voice(tmp_path: Path) -> None:
    """An option that one stage alone listens to shows in that stage's results only; which weights, likewise."""
    rvc = engines()["rvc"]

    def told(stage: str, **options: object) -> dict[str, object]:
        return rvc.telling({"content": "c", "pretrained": "p", "f0": "crepe", **options}, stage)

    assert told("train", index_rate=0.1, epochs=3) == told("train", index_rate=0.9, threads=2, epochs=3)
    assert told("train", epochs=3) != told("train", epochs=4)
    assert told("convert", index_rate=0.1) != told("convert", index_rate=0.9)
    assert told("convert", epochs=3) == told("convert", epochs=4) == {"content": "c", "f0": "crepe"}


def test_an_engine_says_how_much_speech_it_wants_unless_the_series_file_does(tmp_path: Path) -> None:
    assert studio_at(tmp_path, engines={"train": "rvc"}).series.min_minutes == 2
    assert studio_at(tmp_path, engines={"train": "light"}).series.min_minutes == 0.25
    assert studio_at(tmp_path, engines={"train": "rvc"}, targets={"min_minutes": 0}).series.min_minutes == 0


def test_the_same_clips_give_the_same_version(tmp_path: Path) -> None:
    studio = studio_at(tmp_path)
    assert voice(studio, tmp_path) == voice(studio, tmp_path)


def test_rights_that_were_taken_back_silence_a_voice_that_is_there(tmp_path: Path) -> None:
    voice(studio_at(tmp_path), tmp_path)
    without = studio_at(tmp_path, characters={"anna": {"name": "アンナ"}})
    with pytest.raises(RightsError):
        voice_to_speak(without, "anna")
