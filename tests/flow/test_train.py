"""Voices trained anew, on, and from files, by the flow and by the command, on stub."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from safetensors import safe_open

from flows.dataset import make_data_sets
from flows.prepare import prepare_series
from flows.train import How, train_voices
from tests.flow.conftest import Scripted
from tests.flow.test_cli import fails, voicecast

pytestmark = [pytest.mark.prefect, pytest.mark.xdist_group("prefect")]


@pytest.fixture
def labelled(scripted: Scripted) -> Scripted:
    """Data sets of anna, who speaks, and ben, who says little and wants more."""
    scripted.episode(1, cast=["A", "A", "A", "B"])
    text = scripted.config.read_text("utf-8")
    grown(scripted)
    minutes = {slug: scripted.json(f"characters/{slug}/dataset.json")["minutes"] for slug in ("anna", "ben")}
    assert 0 < minutes["ben"] < minutes["anna"]
    least = (minutes["ben"] + minutes["anna"]) / 2
    scripted.config.write_text(text.replace("min_minutes: 0.05", f"min_minutes: {least:.3f}"), "utf-8")
    return scripted


def grown(scripted: Scripted) -> None:
    """Data sets of all episodes that are there now."""
    prepare_series(str(scripted.config), str(scripted.store))
    make_data_sets(str(scripted.config), str(scripted.store), labels="auto")


def rounds(scripted: Scripted, character: str) -> int:
    """How many trainings the current voice has gone through, as stub writes it down."""
    version = scripted.json(f"voices/{character}/current.json")["version"]
    (path,) = (scripted.store / f"series/toy/voices/{character}/{version}").glob("*.safetensors")
    with safe_open(path, framework="numpy") as file:
        return int(file.metadata()["rounds"])


def test_too_little_speech_is_trained_by_choice_and_a_voice_trained_on_keeps_its_history(labelled: Scripted) -> None:
    where = (str(labelled.config), str(labelled.store))
    done = train_voices(*where)
    assert [each.character for each in done.voices] == ["anna"]
    assert "ben has" in done.left_out["ben"]
    assert "voicecast train ben --min-minutes" in done.left_out["ben"]
    chosen = train_voices(*where, ["ben"], how=How(min_minutes=0.0))
    assert ([each.character for each in chosen.voices], chosen.left_out) == (["ben"], {})
    (first,) = done.voices
    assert train_voices(*where, ["anna"], how=How(go_on=True)).voices == (first,), "there is nothing new to learn"
    labelled.episode(2, cast=["A"])
    grown(labelled)
    (second,) = train_voices(*where, ["anna"], how=How(go_on=True)).voices
    assert second.version != first.version
    assert [each["version"] for each in second.history] == [first.version]
    assert (rounds(labelled, "anna"), rounds(labelled, "ben")) == (2, 1)
    (found,) = train_voices(*where, ["anna"]).voices
    assert found == second, "known again, and not begun anew"


@pytest.mark.proof
def test_the_command_trains_on_from_files_by_choice_and_with_options(labelled: Scripted) -> None:
    at = ("--config", labelled.config, "--store", labelled.store)
    left = voicecast("train", *at)
    assert left.returncode == 0, left.stderr
    assert "No voice: ben has" in " ".join(left.stdout.split())
    chosen = voicecast("train", "ben", "--min-minutes", 0, "--option", "stub.sleep_s=0.01", *at)
    assert "ben: voice" in chosen.stdout
    version = labelled.json("voices/ben/current.json")["version"]
    (path,) = (labelled.store / f"series/toy/voices/ben/{version}").glob("*.safetensors")
    given = labelled.folder / "somebody's voice.safetensors"
    given.write_bytes(path.read_bytes())
    assert voicecast("train", "anna", "--from", given, *at).returncode == 0
    card = card_of(labelled, "anna")
    assert [list(each["files"]) for each in card["history"]] == [["somebody's voice.safetensors"]]
    assert rounds(labelled, "anna") == 2
    labelled.episode(2, cast=["A"])
    grown(labelled)
    assert voicecast("train", "anna", "--go-on", *at).returncode == 0
    again = card_of(labelled, "anna")
    assert [each.get("version") for each in again["history"]] == [None, card["version"]]
    assert rounds(labelled, "anna") == 3


def test_what_cannot_be_trained_on_from_is_said_before_anything_starts(scripted: Scripted) -> None:
    at = ("--config", scripted.config, "--store", scripted.store)
    assert "one CHARACTER" in fails(2, "train", "--from", scripted.config, *at)
    assert "not together with --go-on" in fails(2, "train", "anna", "--go-on", "--from", scripted.config, *at)
    assert "is no file" in fails(2, "train", "anna", "--from", scripted.folder / "none.pth", *at)
    assert "ENGINE.NAME=VALUE" in fails(2, "train", "--option", "sleep=1", *at)


def card_of(scripted: Scripted, character: str) -> dict[str, object]:
    version = scripted.json(f"voices/{character}/current.json")["version"]
    path: Path = scripted.store / f"series/toy/voices/{character}/{version}/card.json"
    return dict(json.loads(path.read_text("utf-8")))


@pytest.mark.proof
def test_kept_clips_are_dried_before_they_are_cleaned_where_the_series_asks_for_it(scripted: Scripted) -> None:
    scripted.episode(1)
    scripted.write({"anna": "A"}, extra="dereverb: {engine: stub}")
    done = voicecast("season", "--config", scripted.config, "--labels", "auto")
    assert done.returncode == 0, done.stderr + done.stdout
    manifest = scripted.store / "series/toy/characters/anna/manifest.jsonl"
    kept = [row for row in map(json.loads, manifest.read_text("utf-8").splitlines()) if row["verdict"] == "kept"]
    assert {row["cleaned"]["dereverbed_by"] for row in kept} == {"stub 1"}
    assert len(scripted.keys("characters/anna/dry/*/vocals.flac")) == len(kept) > 1
    before = scripted.contents()
    assert voicecast("dataset", "--config", scripted.config).returncode == 0
    assert scripted.contents() == before
