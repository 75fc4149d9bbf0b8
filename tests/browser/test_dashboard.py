"""A season that waits on a real Prefect server, in a real browser: answered in Prefect's own dashboard, and on the
label sheet; then it goes on."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.flow.conftest import Scripted

HERE = Path(__file__).parents[2]
CHROMIUM = os.environ.get("CHROMIUM") or "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
PICTURES = os.environ.get("VOICECAST_PICTURES")
"""A folder for pictures of what was seen: docs/images."""

pytestmark = [pytest.mark.browser, pytest.mark.prefect, pytest.mark.proof]

if not shutil.which(CHROMIUM):
    pytest.skip("no Chromium here; name one with CHROMIUM", allow_module_level=True)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Prefect server with its dashboard; gives its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address, log = f"http://127.0.0.1:{port}", tmp_path_factory.mktemp("server") / "log"
    said = {
        "PREFECT_HOME": str(log.parent), "PREFECT_SERVER_UI_API_URL": f"{address}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    }  # fmt: skip
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with open(log, "wb") as stream:
        process = subprocess.Popen(command, env={**os.environ, **said}, stdout=stream, stderr=subprocess.STDOUT)
    try:
        for _ in range(360):
            with suppress(OSError), urllib.request.urlopen(f"{address}/api/health"):
                break
            assert process.poll() is None, log.read_text()
            time.sleep(0.5)
        yield address
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Any]:
    """A browser; what Prefect's pages ask of hosts elsewhere fails, as in a closed network."""
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        context = started.chromium.launch_persistent_context(
            tmp_path / "profile", executable_path=CHROMIUM, headless=True, args=list(FLAGS),
            viewport={"width": 900, "height": 1150},
        )  # fmt: skip
        context.route(re.compile(r"^https://"), lambda route: route.abort())
        context.set_default_timeout(90_000)  # the server answers slowly while it shares two cores with a season
        yield context
        context.close()


def paused(address: str) -> None:
    """Wait until the run of a page shows its form; its address is told a moment before."""
    server, run = address.split("/v2/", maxsplit=1)[0], address.rsplit("/", 1)[-1]
    for _ in range(120):
        with urllib.request.urlopen(f"{server}/api/flow_runs/{run}") as answer:
            if json.load(answer)["state"]["name"] == "Paused":
                return
        time.sleep(0.5)
    raise AssertionError(f"{address} is not paused")


class Season:
    """`voicecast season` in a terminal of its own, on a server that was set up."""

    def __init__(self, series: Scripted, server: str) -> None:
        told = {"PREFECT_API_URL": f"{server}/api", "VOICECAST_LABELS_WAIT_HOURS": "0.1", "VOICECAST_SLOTS": "machine"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "flows.cli.main", "season", "--config", str(series.config)],
            env={**os.environ, "PYTHONPATH": str(HERE), **told}, cwd=HERE, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
        self.said = ""

    def asks(self) -> str:
        """The next address of a form that the terminal shows."""
        assert self.process.stdout
        for line in self.process.stdout:
            self.said += line
            found = re.search(r"open (http\S+) and choose Resume", line)
            if found:
                paused(found.group(1))
                return found.group(1)
        raise AssertionError(self.said)

    def ends(self) -> int:
        out, _ = self.process.communicate(timeout=120)
        self.said += out
        return self.process.returncode


class Review:
    """`voicecast review` in a terminal of its own, told of the same server."""

    def __init__(self, series: Scripted, server: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "flows.cli.main", "review", "--config", str(series.config), "--port", "0"],
            env={**os.environ, "PYTHONPATH": str(HERE), "PREFECT_API_URL": f"{server}/api"}, cwd=HERE, text=True,
            stdout=subprocess.PIPE,
        )  # fmt: skip
        assert self.process.stdout
        said = iter(self.process.stdout.readline, "")
        self.address = next(each.strip() for each in said if each.startswith("http://"))

    def ends(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)


def stages_run(series: Scripted) -> dict[str, int]:
    """Everything an engine has made so far, and when."""
    return {str(path): path.stat().st_mtime_ns for path in series.store.rglob("*.run.json")}


def flow_runs(server: str, name: str) -> list[str]:
    """States of the runs of a flow."""
    asked = json.dumps({"flows": {"name": {"any_": [name]}}}).encode()
    sent = urllib.request.Request(f"{server}/api/flow_runs/filter", asked, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(sent) as reply:
        return [each["state_name"] for each in json.load(reply)]


def picture(form: Any, name: str, folder: Path) -> None:
    """A picture of a form, without the name of the test's own folder."""
    form.evaluate("(form, path) => form.innerHTML = form.innerHTML.replaceAll(path, '')", f"{folder}/")
    form.screenshot(path=f"{PICTURES}/{name}.png")


def open_form(browser: Any, address: str) -> Any:
    """The form, in the page that the terminal names; loaded again where a busy server left it empty."""
    from playwright.sync_api import TimeoutError as NotSeen

    page = browser.new_page()
    menu = page.get_by_role("button", name="Open menu")
    for _ in range(3):
        page.goto(address)
        with suppress(NotSeen):
            menu.wait_for(timeout=30_000)
            break
    menu.click()
    page.get_by_role("menuitem", name="Resume").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Labelled by").wait_for()
    return form


def submit(form: Any, speaker: str, character: str, who: str) -> None:
    """Choose, sign and send."""
    form.get_by_role("button", name=f"Select {speaker}").click()
    form.page.get_by_role("option", name=character).click()
    form.get_by_label("Labelled by").click()
    form.get_by_label("Labelled by").fill(who)
    form.get_by_role("button", name="Resume").click()


def test_a_speaker_is_corrected_in_the_dashboard_and_the_data_set_has_it(
    browser: Any, server: str, tmp_path: Path
) -> None:
    """First with a mistake that no form can see; the form comes back with the reason."""
    series = Scripted(tmp_path / "toy")
    series.write({"anna": "A", "carl": ""})
    series.episode(1, cast=["A", "C"])
    season = Season(series, server)
    try:
        address = season.asks()
        form = open_form(browser, address)
        assert "S001 (references)" in form.get_by_role("table").inner_text()
        if PICTURES:
            picture(open_form(browser, address), "labels-form", tmp_path)
        submit(form, "S002", "new character", "mika")
        assert season.asks() == address
        form = open_form(browser, address)
        assert "is a new character, but has no id yet" in form.inner_text()
        if PICTURES:
            picture(open_form(browser, address), "labels-asked-again", tmp_path)
        submit(form, "S002", "carl", "mika")
        assert season.ends() == 0, season.said
    finally:
        season.process.kill()
    rows = [json.loads(line) for line in (series.store / "series/toy/characters/carl/manifest.jsonl").open()]
    assert {row["verdict"] for row in rows} == {"kept"}
    assert {row["speaker"] for row in rows} == {"S002"}
    assert series.json("cast/labels.json")["speakers"]["S002"]["who"] == "mika"
    assert series.keys("voices/carl/current.json") == ["voices/carl/current.json"]


def test_a_speaker_is_corrected_on_the_sheet_and_the_training_goes_on_with_it(
    browser: Any, server: str, tmp_path: Path
) -> None:
    """Run waits, sheet is opened, clips play, a speaker is corrected and handed in; no finished stage runs twice."""
    series = Scripted(tmp_path / "toy")
    series.write({"anna": "A", "carl": ""})
    series.episode(1, cast=["A", "C"])
    trained = len(flow_runs(server, "train"))
    season = Season(series, server)
    try:
        season.asks()
        before = stages_run(series)
        assert any("embed" in each for each in before)
        review = Review(series, server)
        try:
            page = browser.new_page()
            page.goto(review.address)
            page.locator("#clips li").first.wait_for()
            page.keyboard.press("Space")
            page.wait_for_function("() => document.getElementById('audio').currentTime > 0.3")
            assert page.locator("#who").inner_text() == "S002"
            assert page.locator(".option:has(.note:has-text('suggested')) input").get_attribute("value") != "carl"
            for key in ("2", "Enter"):
                page.keyboard.press(key)
            page.keyboard.type("美香")
            page.keyboard.press("Enter")
            page.locator("#receipt:has-text('The season that waited goes on.')").wait_for()
            if PICTURES:
                page.set_viewport_size({"width": 1100, "height": 720})
                page.screenshot(path=f"{PICTURES}/label-sheet-handed-in.png")
        finally:
            review.ends()
        assert season.ends() == 0, season.said
    finally:
        season.process.kill()
    after = stages_run(series)
    assert {each: after[each] for each in before} == before
    assert {each.rsplit("/", 1)[-1].split(".")[0] for each in after.keys() - before.keys()} >= {"train"}
    label = series.json("cast/labels.json")["speakers"]["S002"]
    assert (label["character"], label["who"], label["how"]) == ("carl", "美香", "sheet")
    assert series.keys("voices/carl/current.json") == ["voices/carl/current.json"]
    assert flow_runs(server, "train")[trained:] == ["Completed"]
