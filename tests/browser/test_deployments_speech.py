"""Deployments that say lines, on a real server with a worker: asked for over the API, and by the form as a person
fills it in; what was made is linked on the run's page, and what is wrong with a script is said there."""

# ruff: noqa: F401, F811 (fixtures of the other modules are imported, and arguments)

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.test_dashboard import PICTURES, browser, server
from tests.browser.test_deployments import Worker, until, voicecast
from tests.flow.conftest import Scripted

pytestmark = [pytest.mark.browser, pytest.mark.prefect, pytest.mark.proof, pytest.mark.night, pytest.mark.timeout(1500)]

LINES = "character,text,start,end\nanna,Now,2,3\nben,Yes,4,5.2\n"


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory, server: str) -> Scripted:
    """A season with two voices, made on the server's machine."""
    series = Scripted(tmp_path_factory.mktemp("speech") / "toy")
    series.episode(1)
    voicecast(server, "season", "--config", str(series.config), "--labels", "auto")
    (series.folder / "lines.csv").write_text(LINES, "utf-8")
    voicecast(server, "deploy", "--pool", "process")
    return series


@pytest.fixture
def worker(server: str, series: Scripted, tmp_path: Path) -> Iterator[Worker]:
    started = Worker(server, series, tmp_path / "worker.log")
    yield started
    started.ends()


def api(server: str, path: str, said: Any = None) -> Any:
    data = None if said is None else json.dumps(said).encode()
    sent = urllib.request.Request(f"{server}/api/{path}", data, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(sent) as reply:
        return json.load(reply)


def deployment(server: str, name: str) -> str:
    (found,) = api(server, "deployments/filter", {"deployments": {"name": {"any_": [name]}}})
    return str(found["id"])


def asked(server: str, name: str, **parameters: Any) -> str:
    """The id of a run that was asked for over the API."""
    path = f"deployments/{deployment(server, name)}/create_flow_run"
    return str(api(server, path, {"parameters": parameters})["id"])


def ended(server: str, run: str, worker: Worker) -> dict[str, Any]:
    """The state in which a run has ended."""

    def look() -> dict[str, Any] | None:
        state = api(server, f"flow_runs/{run}")["state"]
        return dict(state) if state["type"] in {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"} else None

    return dict(until(look, worker))


def artifacts(server: str, run: str) -> dict[str, str]:
    """Key -> data of what stands on a run's page."""
    found = api(server, "artifacts/filter", {"artifacts": {"flow_run_id": {"any_": [run]}}})
    return {each["key"]: each["data"] for each in found if each["key"]}


def test_a_dub_and_a_script_asked_for_over_the_api_are_made_and_linked_and_a_wrong_script_says_what_is_wrong(
    server: str, series: Scripted, worker: Worker
) -> None:
    script = str(series.folder / "lines.csv")
    (series.folder / "wrong.csv").write_text("character,text,start,end\nana,Now,2,3\nben,Yes,4,2\n", "utf-8")
    runs = {
        "dub": asked(server, "dub", order={"script": script, "episode": "s01e01", "language": "en"}),
        "lines": asked(server, "speak-script", lines={"script": script, "language": "en", "joined": True}),
        "wrong": asked(server, "dub", order={"script": str(series.folder / "wrong.csv"), "episode": "s01e01"}),
    }
    states = {name: ended(server, run, worker) for name, run in runs.items()}
    assert (states["dub"]["type"], states["lines"]["type"]) == ("COMPLETED", "COMPLETED"), worker.log.read_text()
    home = f"{series.store.as_uri()}/series/toy"
    dub, lines = artifacts(server, runs["dub"]), artifacts(server, runs["lines"])
    assert f"[the dubbed video]({home}/dubs/s01e01/lines/" in dub["dub-toy-s01e01-lines"]
    assert [row["row"] for row in json.loads(dub["slots-toy-s01e01-lines"])] == [2, 3]
    files = [row["file"] for row in json.loads(lines["lines-toy-lines"])]
    for each in files:
        assert each.startswith(f"{home}/speech/")
        assert Path(urllib.request.url2pathname(each.removeprefix("file://"))).is_file()
    assert f"[all lines in one file]({home}/speech/scripts/" in lines["script-toy-lines"]
    said = states["wrong"]["message"]
    assert states["wrong"]["type"] == "FAILED"
    assert "line 2: 'ana' is no character of the series file (did you mean anna?)" in said
    assert "line 3: ends at 2 s" in said


def test_a_person_pastes_lines_into_the_form_of_a_dub_and_finds_the_video_on_the_runs_page(
    browser: Any, server: str, series: Scripted, worker: Worker
) -> None:
    page = browser.new_page()
    page.goto(f"{server}/v2/deployments/deployment/{deployment(server, 'dub')}/run")
    for label, text in (("Script", LINES), ("Episode", "s01e01"), ("Language (Optional)", "en")):
        page.get_by_label(label, exact=True).fill(text)
    picture(page, "deployment-dub-form")
    page.get_by_role("button", name="Submit").click()
    run = until(lambda: named(server, "dub s01e01 by pasted lines"), worker)
    assert ended(server, run, worker)["type"] == "COMPLETED", worker.log.read_text()
    page.goto(f"{server}/v2/runs/flow-run/{run}?tab=Artifacts")
    page.get_by_text("dub-toy-s01e01-pasted").first.wait_for()
    picture(page, "deployment-dub-done")


def named(server: str, name: str) -> str | None:
    """The run of that name, once it is there."""
    found = api(server, "flow_runs/filter", {"flow_runs": {"name": {"any_": [name]}}})
    return str(found[0]["id"]) if found else None


def picture(page: Any, name: str) -> None:
    if PICTURES:
        page.wait_for_timeout(1000)
        page.screenshot(path=f"{PICTURES}/{name}.png", full_page=True)
