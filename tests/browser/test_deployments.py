"""Deployments on a process pool: a real server, a worker, an event, a run that waits for people, and a run that is
killed."""

# ruff: noqa: F401, F811 (fixtures of the other module are imported, and arguments)

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.browser.test_dashboard import PICTURES, browser, open_form, server, stages_run, submit
from tests.flow.conftest import Scripted

HERE = Path(__file__).parents[2]
SECONDS = 240
"""Each start of Python takes up to half a minute on a loaded machine."""

pytestmark = [pytest.mark.browser, pytest.mark.prefect, pytest.mark.proof, pytest.mark.timeout(1500)]


def surroundings(server: str, **more: str) -> dict[str, str]:
    return {
        **os.environ, "PYTHONPATH": str(HERE), "PREFECT_API_URL": f"{server}/api", "VOICECAST_SLOTS": "machine",
        "VOICECAST_LABELS_WAIT_HOURS": "1", **more,
    }  # fmt: skip


def voicecast(server: str, *words: str) -> str:
    """The command in a terminal of its own; gives what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli.main", *words], env=surroundings(server), cwd=HERE, text=True,
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Worker:
    """`prefect worker start`, as `voicecast deploy` says it is started."""

    def __init__(self, server: str, series: Scripted, log: Path) -> None:
        told = {"VOICECAST_CONFIG": str(series.config), "VOICECAST_STORE": str(series.store)}
        command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "process", "--type", "process"]
        self.log = log
        with open(log, "wb") as stream:
            self.process = subprocess.Popen(
                command, env=surroundings(server, **told, PREFECT_HOME=str(log.parent / "worker")), cwd=HERE,
                stdout=stream, stderr=subprocess.STDOUT,
            )  # fmt: skip

    def ends(self) -> None:
        self.process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):  # a machine under load is slow, not wrong
            self.process.wait(60)
        self.process.kill()


@pytest.fixture
def series(tmp_path: Path) -> Scripted:
    series = Scripted(tmp_path / "toy")
    series.write({"anna": "A", "carl": ""})
    return series


@pytest.fixture
def worker(server: str, series: Scripted, tmp_path: Path) -> Iterator[Worker]:
    started = Worker(server, series, tmp_path / "worker.log")
    yield started
    started.ends()


def runs(server: str) -> list[dict[str, Any]]:
    """Runs of the deployment ingest."""
    asked = {"deployments": {"name": {"any_": ["ingest"]}}, "sort": "EXPECTED_START_TIME_DESC"}
    sent = urllib.request.Request(
        f"{server}/api/flow_runs/filter", json.dumps(asked).encode(), headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(sent) as reply:
        found: list[dict[str, Any]] = json.load(reply)
        return found


def until(found: Callable[[], Any], worker: Worker, seconds: float = SECONDS) -> Any:
    """What is found, as soon as it is."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if got := found():
            return got
        assert worker.process.poll() is None, worker.log.read_text()
        time.sleep(0.5)
    raise AssertionError(f"nothing was found in time\n{worker.log.read_text()[-6000:]}")


def in_state(server: str, name: str, *states: str) -> Callable[[], dict[str, Any] | None]:
    """Looks for the run of that name in one of these states."""

    def look() -> dict[str, Any] | None:
        found = [each for each in runs(server) if each["name"] == name]
        return next((each for each in found if each["state_name"] in states), None)

    return look


def processes_of(run: str) -> list[int]:
    """Processes of a flow run, by the variable that its worker gives them."""
    wanted, found = f"PREFECT__FLOW_RUN_ID={run}".encode(), []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if wanted in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def test_an_episode_arrives_people_are_asked_in_the_dashboard_and_voices_are_trained(
    browser: Any,
    server: str,
    series: Scripted,
    tmp_path: Path,
) -> None:
    """Event, run, suspension without a process, approval on the page, voices; deployed twice, the same."""
    first = voicecast(server, "deploy", "--pool", "process")
    assert "deployment ingest" in first
    again = voicecast(server, "deploy", "--pool", "process")
    assert "made" not in again, again
    assert "changed" not in again, again
    episode = series.episode(1, cast=["A", "C"])
    name = f"ingest {episode}"
    worker = Worker(server, series, tmp_path / "worker.log")
    began = time.monotonic()
    try:
        voicecast(server, "arrived", str(episode))
        run = until(in_state(server, name, "Suspended", "Failed", "Crashed"), worker)
        assert run["state_name"] == "Suspended", worker.log.read_text()[-6000:]
        print(f"event to a form: {time.monotonic() - began:.0f} s with the start of the worker")
        until(lambda: not processes_of(run["id"]), worker)
        before = stages_run(series)
        address = f"{server}/v2/runs/flow-run/{run['id']}"
        form = open_form(browser, address)
        if PICTURES:
            form.page.screenshot(path=f"{PICTURES}/deployment-waits.png")
        submit(form, "S002", "carl", "mika")
        until(in_state(server, name, "Completed"), worker)
        until(lambda: not processes_of(run["id"]), worker)
    finally:
        worker.ends()
    assert series.keys("voices/*/current.json") == ["voices/anna/current.json", "voices/carl/current.json"]
    assert series.json("cast/labels.json")["speakers"]["S002"]["who"] == "mika"
    after = stages_run(series)
    assert {each: after[each] for each in before} == before, "no finished stage ran again"


@pytest.mark.night
def test_a_run_that_is_killed_is_started_again_by_the_worker_and_goes_on(
    server: str,
    series: Scripted,
    worker: Worker,
) -> None:
    voicecast(server, "deploy", "--pool", "process")
    series.write({"anna": "A"}, extra="options: {stub: {sleep_s: 3}}")
    episode = series.episode(2, cast=["A", "C"])
    voicecast(server, "arrived", str(episode), "--labels", "auto")
    name = f"ingest {episode}"

    def half_way() -> bool:
        made = {each.rsplit("/", 1)[-1].split(".")[0] for each in stages_run(series)}
        return "separate" in made

    until(half_way, worker)
    (run,) = [each for each in runs(server) if each["name"] == name]
    before = stages_run(series)
    for each in processes_of(run["id"]):
        os.kill(each, signal.SIGKILL)
    until(in_state(server, name, "Completed"), worker)
    (run,) = [each for each in runs(server) if each["name"] == name]
    assert run["run_count"] == 2, "started again once"
    after = stages_run(series)
    assert {each: after[each] for each in before} == before, "no finished stage ran again"
    assert series.keys("voices/*/current.json") == ["voices/anna/current.json"]
