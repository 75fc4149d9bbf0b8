"""A season that waits, and the label sheet that lets it go on: a real Prefect server, a real browser."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from flows import forms
from flows.review import SheetDesk, wake
from flows.season import Season, season
from infra.review import listening, server
from infra.review_doors import Doors, Links
from infra.settings import settings
from infra.slots import MachineSlots
from tasks.labelling.labels import history
from tasks.opening import open_series, with_engines
from tasks.studio import Studio
from tests.flow.conftest import Scripted

pytestmark = [pytest.mark.prefect, pytest.mark.browser, pytest.mark.xdist_group("prefect")]

CHROMIUM = os.environ.get("CHROMIUM") or "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip
TOKEN = "a-token-that-only-the-tests-know"

if not shutil.which(CHROMIUM):
    pytest.skip("no Chromium here; name one with CHROMIUM", allow_module_level=True)


@pytest.fixture
def waiting(scripted: Scripted, monkeypatch: pytest.MonkeyPatch) -> tuple[Future[Season], Studio]:
    """A season of Anna, whose voice is known, and Carl, whose is not; it waits for somebody to say who B and C are."""
    monkeypatch.setattr(settings(), "labels_wait_hours", 0.1)
    monkeypatch.setattr(forms, "POLL_SECONDS", 0.5)
    scripted.write({"anna": "A", "carl": ""})
    scripted.episode(1)
    scripted.episode(2)
    done: Future[Season] = Future()

    def run() -> None:
        try:
            done.set_result(season(str(scripted.config), str(scripted.store), "ask"))
        except BaseException as error:  # noqa: BLE001
            done.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    studio = with_engines(open_series(scripted.config, str(scripted.store)), MachineSlots(), lambda _: None)
    for _ in range(300):
        if done.done() or forms.waiting_runs(studio):
            break
        time.sleep(0.2)
    assert not done.done(), "the season waits"
    return done, studio


@pytest.fixture
def page(waiting: tuple[Future[Season], Studio]) -> Iterator[Any]:
    """Somebody's browser, on the sheet of that season."""
    playwright = pytest.importorskip("playwright.sync_api")
    links = Links(token=TOKEN)
    with listening("127.0.0.1", 0) as bound, playwright.sync_playwright() as started:
        running = server(SheetDesk(waiting[1], links, wake), Doors(token=TOKEN), links)
        thread = threading.Thread(target=running.run, kwargs={"sockets": [bound]}, daemon=True)
        thread.start()
        browser = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        opened = browser.new_page()
        opened.set_default_timeout(30000)
        opened.goto(f"http://127.0.0.1:{bound.getsockname()[1]}/#{TOKEN}")
        opened.locator("#clips li").first.wait_for()
        yield opened
        browser.close()
        running.should_exit = True
        thread.join(10)


def test_a_season_goes_on_with_what_was_said_on_the_sheet(waiting: tuple[Future[Season], Studio], page: Any) -> None:
    """The first stranger is Carl, against the suggestion; the other is left for another day."""
    done, studio = waiting
    first = page.locator("#who").inner_text()
    page.keyboard.press("Space")
    page.wait_for_function("() => document.getElementById('audio').currentTime > 0.3")
    assert page.locator(".option:has(.note:has-text('suggested')) input").get_attribute("value") != "carl"
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    page.keyboard.press("s")
    page.keyboard.type("美香")
    page.keyboard.press("Enter")
    page.locator("#receipt:has-text('The season that waited goes on.')").wait_for()
    outcome = done.result(timeout=120)
    assert [each.character for each in outcome.voices] == ["anna", "carl"]
    assert outcome.waiting == ()
    decision = history(studio.store, "toy")[-1]
    assert (decision.labels, decision.who, decision.how) == ({first: "carl"}, "美香", "sheet")
