"""A season on the stub engine, by a real Prefect server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prefect import task
from prefect.client.orchestration import get_client
from prefect.client.schemas.sorting import LogSort, TaskRunSort
from prefect.states import Completed, Crashed, Pending, Running, Suspended

from flows import deployments
from flows.deployments_forms import Upkeep
from flows.lines import speak_as
from flows.maintenance import maintenance
from flows.reviving import end_orphans, revive_runs
from flows.season import finished, season
from infra.engines import engines
from infra.settings import settings
from infra.store import LocalStore
from tasks.keeping import nightly_check
from tasks.labelling.labels import history
from tasks.opening import open_series
from tests.flow.conftest import Scripted, without_times

pytestmark = [pytest.mark.prefect, pytest.mark.xdist_group("prefect")]


def run(scripted: Scripted, labels: str = "auto") -> object:
    return season(str(scripted.config), str(scripted.store), labels)


def test_episodes_in_voices_out(scripted: Scripted) -> None:
    scripted.episode(1)
    scripted.episode(2)
    done = run(scripted)
    assert [each.character for each in done.voices] == ["anna", "ben"]
    assert done.failed == {}
    rows = [json.loads(line) for line in (scripted.store / "series/toy/characters/anna/manifest.jsonl").open()]
    assert {row["verdict"] for row in rows} == {"kept"}
    with get_client(sync_client=True) as client:
        shown = {each.key: str(each.data) for each in client.read_latest_artifacts()}
    assert "anna" in shown["datasets-toy"]
    assert f"{scripted.store.as_uri()}/series/toy/characters/anna/" in shown["dataset-toy-anna"]
    assert scripted.keys("episodes/s01e01/stems/*") == [
        "episodes/s01e01/stems/background.flac",
        "episodes/s01e01/stems/vocals.flac",
    ]


def test_a_stranger_is_in_no_data_set(scripted: Scripted) -> None:
    scripted.episode(1)
    run(scripted)
    truth = {
        clip["id"]: clip["speaker"]
        for clip in map(json.loads, (scripted.store / "series/toy/episodes/s01e01/clips.jsonl").open())
    }
    labelled = {}
    for slug in ("anna", "ben"):
        for row in map(json.loads, (scripted.store / f"series/toy/characters/{slug}/manifest.jsonl").open()):
            labelled.setdefault(truth[row["clip"]], set()).add(slug)
    assert len(labelled) == 2
    assert all(len(slugs) == 1 for slugs in labelled.values())


def test_an_episode_that_cannot_be_read_is_named_and_stops_no_other(scripted: Scripted) -> None:
    scripted.episode(1)
    scripted.episode(2, fail="recording", stage="separate")
    done = run(scripted)
    assert list(done.failed) == ["s01e02"]
    assert "episode 2" in done.failed["s01e02"]
    seen = finished(open_series(scripted.config, str(scripted.store)), "auto")
    assert (seen.failed, seen.voices) == (done.failed, done.voices)
    assert [each.character for each in done.voices] == ["anna", "ben"]


def test_an_episode_in_which_nobody_speaks_is_finished_all_the_same(scripted: Scripted) -> None:
    scripted.episode(1)
    scripted.episode(2, cast=[])
    done = run(scripted)
    assert (done.failed, done.episodes) == ({}, 2)
    assert scripted.keys("episodes/s01e02/clips/*") == []


def test_a_data_set_that_fails_is_named_and_stops_no_other(scripted: Scripted) -> None:
    scripted.episode(1, cast=["A"])
    scripted.episode(2, cast=["B"], fail="recording", stage="clean")
    done = run(scripted)
    assert [each.character for each in done.voices] == ["anna"]
    assert "episode 2" in done.left_out["ben"]


def test_a_season_in_which_nobody_is_known_ends_without_voices(scripted: Scripted) -> None:
    scripted.write({"anna": "", "ben": ""})
    scripted.episode(1)
    done = run(scripted)
    assert (done.voices, done.episodes) == ((), 1)
    assert done.left_out["anna"].startswith("anna has no clip in its data set")


def test_a_machine_fault_is_tried_again(scripted: Scripted) -> None:
    scripted.episode(1, fail="machine", stage="diarize", times=1)
    assert run(scripted).failed == {}


def test_a_death_of_the_engine_costs_its_neighbours_nothing(scripted: Scripted) -> None:
    for number in range(1, 5):
        scripted.episode(number, **({"die": "separate"} if number == 2 else {}))
    done = run(scripted)
    assert (done.failed, done.episodes) == ({}, 4)


def test_a_finished_season_is_seen_without_prefect(scripted: Scripted) -> None:
    scripted.episode(1)
    studio = open_series(scripted.config, str(scripted.store))
    assert finished(studio, "auto") is None
    done = run(scripted)
    assert finished(studio, "auto").voices == done.voices


def test_a_second_run_starts_no_engine(scripted: Scripted) -> None:
    scripted.episode(1)
    run(scripted)
    before = {path: path.stat().st_mtime_ns for path in scripted.store.rglob("*.run.json")}
    run(scripted)
    assert {path: path.stat().st_mtime_ns for path in scripted.store.rglob("*.run.json")} == before


def test_a_file_that_vanished_is_made_again(scripted: Scripted) -> None:
    scripted.episode(1)
    run(scripted)
    lost = scripted.store / "series/toy/episodes/s01e01/stems/vocals.flac"
    before = lost.read_bytes()
    lost.unlink()
    run(scripted)
    assert lost.read_bytes() == before


def test_labels_are_asked_for_and_training_waits(scripted: Scripted) -> None:
    scripted.write({"anna": "A", "carl": ""})
    scripted.episode(1)
    scripted.episode(2)
    answer = scripted.folder / "labels.yaml"
    stranger = _speaker_unlike(scripted)
    answer.write_text(f"{stranger}: carl\n")
    done = run(scripted, str(answer))
    assert [each.character for each in done.voices] == ["anna", "carl"]
    decisions = history(open_series(scripted.config, str(scripted.store)).store, "toy")
    assert [each.how for each in decisions] == ["auto", "file"]


def _speaker_unlike(scripted: Scripted) -> str:
    """The speaker that a first run leaves without a character."""
    run(scripted)
    suggestions = scripted.json("cast/speakers.json")["suggestions"]
    return next(each["speaker"] for each in suggestions if each["band"] != "accept")


def test_nobody_without_rights_is_trained_or_spoken(scripted: Scripted) -> None:
    scripted.write({"anna": "A"}, rights="")
    scripted.episode(1)
    done = run(scripted)
    assert done.voices == ()
    assert "no rights are recorded" in done.left_out["anna"]
    with pytest.raises(PermissionError, match="no rights are recorded"):
        speak_as("anna", text="はい", config=str(scripted.config), store=str(scripted.store))


def test_speech_is_marked_as_synthetic_in_the_file_and_beside_it(scripted: Scripted) -> None:
    scripted.episode(1)
    run(scripted)
    about = speak_as("anna", text="必殺技、ゴッドハンド！", config=str(scripted.config), store=str(scripted.store))
    assert about["synthetic"]
    assert about["rights"]["by"] == "the tests"
    assert b"Synthetic speech" in (scripted.store / about["key"]).read_bytes()


def test_runs_have_names_that_a_person_can_read(scripted: Scripted) -> None:
    scripted.episode(3)
    run(scripted)
    with get_client(sync_client=True) as client:
        newest = client.read_flow_runs(limit=1, sort="START_TIME_DESC")
        assert newest[0].name.startswith(("train", "season"))
        wanted = {"separate s01e03", "diarize s01e03", "prepare s01e03"}
        for _ in range(60):
            names = {each.name for each in client.read_task_runs(limit=200)}
            if wanted <= names:
                break
            time.sleep(1)
        assert wanted <= names


def test_what_an_engine_prints_stands_in_the_log_of_its_task_run(scripted: Scripted) -> None:
    for number in (1, 2):
        scripted.episode(number, say=f"a word of episode {number}")
    run(scripted)
    with get_client(sync_client=True) as client:
        for _ in range(120):
            newest = client.read_logs(limit=200, sort=LogSort.TIMESTAMP_DESC)
            logs = [each for each in newest if "a word of episode" in each.message]
            runs = client.read_task_runs(limit=200, sort=TaskRunSort.EXPECTED_START_TIME_DESC)
            names = {str(each.id): each.name for each in runs}
            said = {(names.get(str(each.task_run_id)), each.message) for each in logs}
            wanted = {(f"separate s01e0{i}", f"separate: a word of episode {i}") for i in (1, 2)}
            if wanted <= said:
                break
            time.sleep(1)
    assert wanted <= said


def test_starts_are_counted_by_the_server_where_it_is_asked_to(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings(), "slots", "server")
    scripted.episode(1)
    assert len(run(scripted).voices) == 2
    with get_client(sync_client=True) as client:
        limits = {each.name: each for each in client.read_global_concurrency_limits(limit=50)}
    assert {"voicecast-stub", "voicecast-light", "voicecast-gpu"} <= limits.keys()
    assert limits["voicecast-stub"].limit == engines()["stub"].at_most
    assert limits["voicecast-stub"].active_slots == 0


def test_maintenance_tells_what_is_damaged_and_the_command_that_repairs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nightly_check, "PAUSE_SECONDS", 0)
    store = LocalStore(tmp_path / "store")
    store.write("series/toy/recurring.json", b'{"rules":')
    maintenance(Upkeep(store=str(store.root)))
    with get_client(sync_client=True) as client:
        (told,) = [each for each in client.read_latest_artifacts() if each.key == "damage"]
    (row,) = json.loads(str(told.data))
    assert (row["damaged"], row["why"]) == ("series/toy/recurring.json", "is not what was written")
    assert row["run"] == f"voicecast repair --series toy --store {store.root}"


@task
def a_task() -> None:
    pass


def test_a_run_that_died_unseen_is_started_again_once_it_is_overdue() -> None:
    with get_client(sync_client=True) as client:
        flow = client.create_flow(deployments.season)
        deployment = client.create_deployment(flow_id=flow, name="unseen", tags=["voicecast"])
        states = (Crashed(), Pending(name="Submitting"), Running(), Suspended(timeout_seconds=999))
        runs = {client.create_flow_run_from_deployment(deployment, state=each).id: each.name for each in states}
        now = datetime.now(UTC)

        def revived(minutes: int) -> set[str]:
            return {runs[each.id] for each in revive_runs(client, now + timedelta(minutes=minutes)) if each.id in runs}

        assert revived(5) == set()
        assert revived(15) == {"Crashed"}
        assert {client.read_flow_run(id).state_name for id, name in runs.items() if name == "Crashed"} == {
            "AwaitingRetry"
        }
        assert revived(70) == {"Submitting", "Running"}
        assert revived(3000) == set()
        (ended,) = [id for id, name in runs.items() if name == "Crashed"]
        client.set_flow_run_state(ended, Completed(), force=True)
        task = client.create_task_run(a_task, ended, "0", name="unheard", state=Running())
        assert end_orphans(client, now) == []
        assert "unheard" in end_orphans(client, now + timedelta(minutes=20))
        assert client.read_task_run(task.id).state_name == "Crashed"


@pytest.mark.slow
def test_a_run_that_was_killed_goes_on_where_it_was(
    scripted: Scripted, tmp_path_factory: pytest.TempPathFactory
) -> None:
    for number in range(1, 4):
        scripted.episode(number, sleep_s=0.2)
    undisturbed = Scripted(tmp_path_factory.mktemp("other") / "toy")
    for number in range(1, 4):
        undisturbed.episode(number, sleep_s=0.2)
    run(undisturbed)

    command = [sys.executable, "-m", "flows.season", "--config", str(scripted.config), "--labels", "auto"]
    child = subprocess.Popen(command, env=dict(os.environ), start_new_session=True)
    separated = scripted.store / "series/toy/episodes"
    for _ in range(1200):
        if list(separated.glob("*/stages/separate.json")):
            break
        time.sleep(0.05)
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    kept = {path: path.stat().st_mtime_ns for path in separated.glob("*/stages/*.json")}
    assert kept
    assert not (scripted.store / "series/toy/voices").exists()
    run(scripted)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert without_times(scripted.contents()) == without_times(undisturbed.contents())
