"""Voices: rights first, then a card that says what the voice is and which one speaks."""

from __future__ import annotations

from pathlib import Path

import pytest

from containers.contract.stages import TrainResult
from tasks import orders, voices
from tasks.data_sets import DataSet
from tasks.studio import Made, Source, Studio
from tasks.voices import Card, NoVoice, RightsError, check_rights, current_voice, voice_to_speak
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
    for act in (lambda: check_rights(studio.series, "ben"), lambda: voice_to_speak(studio, "ben")):
        with pytest.raises(RightsError, match=r"ben: no rights are recorded.* under characters: ben: `rights: \{basis"):
            act()


def test_a_character_that_is_none_is_answered_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(NoVoice, match="toy has no character 'carl'; its characters are: anna, ben"):
        check_rights(studio_at(tmp_path).series, "carl")


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


def test_the_same_clips_give_the_same_version(tmp_path: Path) -> None:
    studio = studio_at(tmp_path)
    assert voice(studio, tmp_path) == voice(studio, tmp_path)


def test_rights_that_were_taken_back_silence_a_voice_that_is_there(tmp_path: Path) -> None:
    voice(studio_at(tmp_path), tmp_path)
    without = studio_at(tmp_path, characters={"anna": {"name": "アンナ"}})
    with pytest.raises(RightsError):
        voice_to_speak(without, "anna")
