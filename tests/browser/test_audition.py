"""The audition's page in a real browser: both are heard, a vote is kept by keys alone, and then is told who is who."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from containers.contract.stages import STAGES
from flows.audition import AuditionDesk
from infra.review import listening, server
from infra.review_doors import Doors, Links
from tasks.auditions.audition import Audition, trials_of
from tasks.auditions.audition_export import export
from tasks.auditions.audition_making import Wanted, hold
from tasks.auditions.audition_votes import cast_votes, votes_of
from tasks.studio import Studio
from tests.unit.sheet_material import reference
from tests.unit.stub_studio import RIGHTS, studio_at
from tests.unit.test_voices import voice

CHROMIUM = os.environ.get("CHROMIUM") or "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip
TOKEN = "a-token-that-only-the-tests-know"

pytestmark = [pytest.mark.browser, pytest.mark.proof]

if not shutil.which(CHROMIUM):
    pytest.skip("no Chromium here; name one with CHROMIUM", allow_module_level=True)


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> tuple[Studio, Audition]:
    """Two versions of a voice, one recording and one text; stub says them, light makes players of it."""
    folder = tmp_path_factory.mktemp("audition 円堂")
    anna = {"name": "円堂守", "references": reference(folder, "A"), "rights": RIGHTS}
    engines = {**dict.fromkeys(STAGES, "stub"), "preview": "light"}
    studio = studio_at(folder, title="稲妻イレブン", characters={"anna": anna}, engines=engines)
    voice(studio, folder)
    voice(studio, folder, "B")
    return studio, hold(studio, "anna", Wanted(texts=("試合開始です。",), own=1))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        launched = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """What pages complain about; at the end, nothing."""
    said: list[str] = []
    yield said
    assert said == []


def opened(browser: Any, address: str, complaints: list[str]) -> Any:
    page = browser.new_context(viewport={"width": 1280, "height": 860}, accept_downloads=True).new_page()
    page.set_default_timeout(60000)  # a machine under load is slow, not wrong
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.goto(address)
    page.locator("#hear-a").wait_for()
    complaints.clear()  # the browser tells that the entrance was no page yet
    return page


def listen(page: Any) -> None:
    """A and then B, to the end, by one key."""
    page.keyboard.press("Space")
    page.locator("#side-a.heard").wait_for()
    page.locator("#side-b.heard").wait_for()


def test_a_listener_votes_by_keys_and_is_told_who_is_who_afterwards(
    held: tuple[Studio, Audition], browser: Any, complaints: list[str]
) -> None:
    studio, audition = held
    trials, links = trials_of(audition), Links(token=TOKEN)
    with listening("127.0.0.1", 0) as bound:
        running = server(AuditionDesk(studio, links, audition), Doors(token=TOKEN), links)
        thread = threading.Thread(target=running.run, kwargs={"sockets": [bound]}, daemon=True)
        thread.start()
        page = opened(browser, f"http://127.0.0.1:{bound.getsockname()[1]}/#{TOKEN}", complaints)
        assert not [each.id for each in audition.contestants[1:] if each.id in page.content()], "it is blind"
        assert page.locator("#choose-a").is_disabled(), "nobody judges what was not heard"
        page.keyboard.press("1")
        assert "Hear both" in page.locator("#said").inner_text()
        listen(page)
        page.keyboard.press("2")
        assert page.locator("#choose-b").get_attribute("aria-pressed") == "true"
        page.keyboard.press("n")
        assert "Your name" in page.locator("#said").inner_text()
        page.keyboard.type("美香")
        page.keyboard.press("Enter")
        page.keyboard.press("n")
        page.locator("#summary:has-text('1 vote')").wait_for()
        (kept,) = votes_of(studio, "anna")
        first = page.evaluate("() => ({ id: data.trials[0].id, side: data.trials[0].swapped ? 'a' : 'b' })")
        judged = next(each for each in trials if each.id == first["id"])
        assert (kept.who, kept.line) == ("美香", judged.line)
        assert kept.nearer == getattr(judged, first["side"]), "B on the page, whichever stood there"
        page.keyboard.press("r")
        page.wait_for_function("() => document.getElementById('audio').currentTime > 0")
        page.keyboard.press("w")
        shown = page.locator("#shown")
        shown.locator("td", has_text="100.0 %").wait_for()
        assert all(each.id in shown.inner_text() for each in audition.contestants[1:])
        listen(page)
        page.keyboard.press("1")
        page.keyboard.press("n")
        page.locator("#said:has-text('shown already')").wait_for()
        assert votes_of(studio, "anna") == (kept,)
        complaints[:] = [each for each in complaints if "422" not in each]  # the browser tells of the refusal
        page.context.close()
        running.should_exit = True
        thread.join(10)


def test_a_page_from_disk_saves_votes_that_are_taken_in(
    held: tuple[Studio, Audition], browser: Any, complaints: list[str], tmp_path: Path
) -> None:
    studio, audition = held
    page = opened(browser, export(studio, audition, tmp_path / "for 健").as_uri(), complaints)
    page.locator("#name").fill("健")
    page.locator("#trial").focus()
    listen(page)
    page.keyboard.press("0")
    page.keyboard.press("n")
    page.locator("#summary:has-text('1 vote')").wait_for()
    with page.expect_download() as saving:
        page.locator("#save").click()
    said = json.loads(Path(saving.value.path()).read_text("utf-8"))
    assert cast_votes(studio, audition, said, "votes.json").new == 1
    assert [each.nearer for each in votes_of(studio, "anna") if each.who == "健"] == ["same"]
    page.keyboard.press("w")
    assert "Your vote on this page will count once saved and taken in" in page.locator("#shown").inner_text()
    page.context.close()


def test_a_page_from_disk_asks_before_it_is_left_with_votes_that_were_not_saved(
    held: tuple[Studio, Audition], browser: Any, complaints: list[str], tmp_path: Path
) -> None:
    studio, audition = held
    page = opened(browser, export(studio, audition, tmp_path / "for 健").as_uri(), complaints)
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    page.locator("#name").fill("健")
    page.locator("#save").click()
    assert "no vote yet" in page.locator("#receipt").inner_text()
    page.locator("#trial").focus()
    listen(page)
    page.keyboard.press("1")
    page.keyboard.press("n")
    page.locator("#summary:has-text('1 vote')").wait_for()
    page.close(run_before_unload=True)
    page.wait_for_timeout(500)
    assert (asked, page.is_closed()) == (["beforeunload"], False)
    with page.expect_download():
        page.locator("#save").click()
    with page.expect_event("close"):
        page.close(run_before_unload=True)
    assert len(asked) == 1
