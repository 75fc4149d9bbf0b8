"""Who is trained, from what a voice begins, and how a later run knows it again."""

from __future__ import annotations

from pathlib import Path

from containers.contract.stages import CleanClip, File
from flows.train import USUAL, How, sorted_out
from infra.store import write_json
from tasks import orders, voices
from tasks.clips.clean_ledger import Cleaned, clips_to_train
from tasks.clips.data_sets import DataSet
from tasks.studio import Source, Studio
from tasks.voices import Card, find_voice
from tests.unit.stub_studio import RIGHTS, episode_at, studio_at

CAST = {"anna": {"name": "Anna", "rights": RIGHTS}, "ben": {"name": "Ben", "rights": RIGHTS}, "toy": {"name": "Toy"}}


def with_data(studio: Studio, folder: Path, character: str, minutes: float, *names: str) -> DataSet:
    """A data set whose clips are recordings of these names."""
    ledger = {}
    for name in names:
        episode = episode_at(folder, name)
        made = studio.make(orders.extract_given(studio, name, Source(path=Path(episode.file), sha256=episode.sha256)))
        wav = made.stored(made.result.recording)
        about = CleanClip(
            file=File(path="out/clip.wav", sha256=wav.sha256),
            duration=60 * minutes / len(names),
            denoised_by=None,
            snr_db_before=None,
            snr_db_after=None,
            loudness_lufs=None,
            peak_dbfs=-1.0,
        )
        ledger[name] = Cleaned(made_from=name, wav=wav, about=about)
    data = DataSet(
        character=character, identity="-".join(names), minutes=minutes, clips=len(names), dropped={}, files={}
    )
    home = f"series/toy/characters/{character}"
    write_json(studio.store, f"{home}/cleaned.json", ledger)
    write_json(studio.store, f"{home}/dataset.json", data)
    return data


def trained(studio: Studio, character: str, data: DataSet, how: How = USUAL) -> Card:
    """What the flow does for one character, without Prefect."""
    before = sorted_out(studio, [character], how)[0][character]
    made = studio.make(orders.train(studio, character, clips_to_train(studio, character), before.files))
    return voices.register(studio, character, data, made, before.history)


def test_who_has_no_rights_or_too_little_speech_is_left_out_with_the_way_out(tmp_path: Path) -> None:
    studio = studio_at(tmp_path, characters=CAST, targets={"min_minutes": 2})
    with_data(studio, tmp_path, "anna", 3.0, "a1")
    with_data(studio, tmp_path, "ben", 1.0, "b1")
    before, left_out = sorted_out(studio, ["anna", "ben", "toy"], USUAL)
    assert list(before) == ["anna"]
    assert "ben has 1.0 min of clean speech, 2 min are the least" in left_out["ben"]
    assert "voicecast train ben --min-minutes" in left_out["ben"]
    assert "no rights are recorded" in left_out["toy"]
    with_data(studio, tmp_path, "ben", 0.0)
    assert "voicecast label" in sorted_out(studio, ["ben"], USUAL)[1]["ben"]
    assert "--min-minutes" not in sorted_out(studio, ["ben"], USUAL)[1]["ben"], "no minutes are too few to ask for"
    with_data(studio, tmp_path, "ben", 1.0, "b1")
    before, left_out = sorted_out(studio, ["anna", "ben", "toy"], How(min_minutes=0.5))
    assert (list(before), list(left_out)) == (["anna", "ben"], ["toy"])


def test_a_voice_is_trained_on_when_clips_are_new_and_a_plain_run_then_finds_it(tmp_path: Path) -> None:
    studio, on = studio_at(tmp_path, characters=CAST), How(go_on=True)
    first = trained(studio, "anna", with_data(studio, tmp_path, "anna", 3.0, "a1"))
    assert find_voice(studio, "anna", sorted_out(studio, ["anna"], on)[0]["anna"]) == first, "nothing is new"
    data = with_data(studio, tmp_path, "anna", 6.0, "a1", "a2")
    assert find_voice(studio, "anna") is None
    second = trained(studio, "anna", data, on)
    assert [each["version"] for each in second.history] == [first.version]
    assert find_voice(studio, "anna") == second, "as a plain run looks for it"
    assert find_voice(studio, "anna", sorted_out(studio, ["anna"], on)[0]["anna"]) == second
    third = trained(studio, "anna", with_data(studio, tmp_path, "anna", 9.0, "a1", "a2", "a3"), on)
    assert [each["version"] for each in third.history] == [first.version, second.version]


def test_a_voice_begins_from_files_that_are_given_and_is_found_without_them(tmp_path: Path) -> None:
    studio = studio_at(tmp_path, characters=CAST)
    anna = trained(studio, "anna", with_data(studio, tmp_path, "anna", 3.0, "a1"))
    (stored,) = anna.files.values()
    given = tmp_path / "somebody.safetensors"
    given.write_bytes(studio.store.read(stored.key))
    card = trained(studio, "ben", with_data(studio, tmp_path, "ben", 3.0, "b1"), How(begin_from=(str(given),)))
    assert card.history == ({"files": {"somebody.safetensors": stored.sha256}},)
    other = tmp_path / "other.safetensors"
    other.write_bytes(given.read_bytes() + b" ")
    assert find_voice(studio, "ben", voices.given_before([given])) == card
    assert find_voice(studio, "ben", voices.given_before([other])) is None, "another one was asked for"
    given.unlink()
    assert find_voice(studio, "ben") == card


def test_nobody_goes_on_without_a_voice_or_from_another_engines(tmp_path: Path) -> None:
    studio, on = studio_at(tmp_path, characters=CAST), How(go_on=True)
    data = with_data(studio, tmp_path, "anna", 3.0, "a1")
    assert sorted_out(studio, ["anna"], on)[0]["anna"] == voices.ANEW
    trained(studio, "anna", data)
    other = studio_at(tmp_path, characters=CAST, engines={"train": "light"})
    before, left_out = sorted_out(other, ["anna"], on)
    assert not before
    assert "its voice is stub 1's, and light cannot go on from it" in left_out["anna"]
