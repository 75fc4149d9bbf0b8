"""The audit log: every use of a voice is in it, in order, and nobody changes it unseen."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli.main import app
from infra.store import LocalStore
from tasks.speech.speaking import Line, speak
from tasks.trust import audit
from tasks.trust.rights_revoking import revoke
from tests.unit.stub_studio import looking, studio_at
from tests.unit.test_voices import voice


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    made = LocalStore(tmp_path)
    for number in range(5):
        audit.append(made, "toy", "label", decision=f"d{number}")
    return made


def place(number: int) -> str:
    return f"series/toy/audit/{number:08d}.json"


def test_writers_at_the_same_time_lose_no_entry_and_break_no_chain(tmp_path: Path) -> None:
    stores = [LocalStore(tmp_path) for _ in range(4)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: audit.append(stores[n % 4], "toy", "label", decision=str(n)), range(40)))
    assert sorted(int(each.about["decision"]) for each in audit.entries(stores[0], "toy")) == list(range(40))
    assert audit.verify(stores[0], "toy").problem is None


def test_an_entry_that_was_changed_is_found(store: LocalStore) -> None:
    said = json.loads(store.read(place(3)))
    said["about"]["decision"] = "another"
    store.write(place(3), json.dumps(said).encode())
    assert "00000004.json does not follow" in audit.verify(store, "toy").problem


@pytest.mark.parametrize("number", [1, 3])
def test_an_entry_that_was_removed_is_found(store: LocalStore, number: int) -> None:
    store.delete(place(number))
    assert f"{number:08d}.json is missing" in audit.verify(store, "toy").problem


def test_an_entry_that_was_slipped_in_or_is_none_is_found(store: LocalStore) -> None:
    store.write(place(6), store.read(place(5)))
    assert "says that it is number 5" in audit.verify(store, "toy").problem
    store.write(place(6), b"nothing")
    assert "is no entry" in audit.verify(store, "toy").problem


def test_an_end_that_was_cut_off_is_found_by_whoever_noted_the_last_hash(store: LocalStore) -> None:
    head = audit.verify(store, "toy").head
    audit.append(store, "toy", "label", decision="later")
    assert audit.verify(store, "toy", head).problem is None, "a log that went on still holds it"
    for number in (5, 6):
        store.delete(place(number))
    assert audit.verify(store, "toy").problem is None, "which a chain alone cannot show"
    assert "the end was cut off" in audit.verify(store, "toy", head).problem
    assert audit.append(store, "toy", "label", decision="again").number == 5, "a writer goes on from what is there"


def test_what_is_done_with_a_voice_is_entered_once_and_in_order(tmp_path: Path) -> None:
    studio = studio_at(tmp_path)
    voice(studio, tmp_path)
    line = Line(character="anna", text="はい")
    spoken = speak(studio, line)
    speak(looking(studio), line)
    revoke(studio, "anna", "mika", "no")
    said = list(audit.entries(studio.store, "toy"))
    assert [each.action for each in said] == ["rights", "train", "speak", "revoke"]
    assert said[2].about["sha256"] == spoken.about["sha256"]
    assert "はい" not in str(said), "the text stands there as a hash"
    assert audit.verify(studio.store, "toy").problem is None


def test_the_command_lists_verifies_and_tells_a_broken_chain_by_its_exit_code(
    store: LocalStore, tmp_path: Path
) -> None:
    series = tmp_path / "series.yaml"
    series.write_text("series: toy\nepisodes: '*.mkv'\nlanguage: ja\ncharacters: {anna: {name: A}}\n")
    (tmp_path / "a.mkv").touch()
    at = ["--config", str(series), "--store", str(tmp_path)]
    listed = CliRunner().invoke(app, ["audit", *at])
    assert (listed.exit_code, len(listed.stdout.splitlines())) == (0, 5), listed.output
    assert "5 entries" in CliRunner().invoke(app, ["audit", "--verify", *at]).stdout
    store.delete(place(2))
    broken = CliRunner().invoke(app, ["audit", "--verify", *at])
    assert (broken.exit_code, "is missing" in broken.stdout) == (2, True)
