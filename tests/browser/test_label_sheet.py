"""The label sheet in a real browser: it plays, obeys the keyboard, hands in, and tells the second of two people."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from containers.contract.stages import STAGES
from flows.gate import take_file
from flows.review import SheetDesk
from flows.sheet_export import export, upload_link
from infra.review import listening, server
from infra.review_doors import Doors, Links
from infra.settings import settings
from infra.store.bucket import BucketStore
from infra.store.cache import FileCache
from tasks.labelling.decisions import decide
from tasks.labelling.labels import history, load, record
from tasks.labelling.sheet_answer import SheetAnswer
from tasks.speakers import casting
from tasks.studio import Studio
from tests.unit import sheet_material as material
from tests.unit.s3_servers import moto_server
from tests.unit.stub_studio import studio_at

CHROMIUM = os.environ.get("CHROMIUM") or "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip
TOKEN = "a-token-that-only-the-tests-know"

pytestmark = pytest.mark.browser

if not shutil.which(CHROMIUM):
    pytest.skip("no Chromium here; name one with CHROMIUM", allow_module_level=True)


class Sheet:
    """A served sheet, the browsers that look at it, and what they complained about."""

    def __init__(self, studio: Studio, browser: Any) -> None:
        self.studio, self.told, self.complaints = studio, list[SheetAnswer](), list[str]()
        self._cast = studio.store.read(f"{studio.home}/cast/speakers.json")
        self.laid = casting.cast_of(studio).speakers[0].clips
        self._browser, self._contexts = browser, list[Any]()
        links = Links(token=TOKEN)
        self._socket = listening("127.0.0.1", 0)
        self.address = f"http://127.0.0.1:{self._socket.getsockname()[1]}/"
        self._server = server(SheetDesk(studio, links, self._wake), Doors(token=TOKEN), links)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)
        self._thread.start()

    def _wake(self, studio: Studio, answer: SheetAnswer) -> str:
        self.told.append(answer)
        return "The season that waited goes on."

    def open(self, name: str = "", address: str = "", **how: Any) -> Any:
        """A browser of somebody's own, on the sheet."""
        context = self._browser.new_context(viewport={"width": 1280, "height": 860}, accept_downloads=True, **how)
        self._contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60000)  # a machine under load is slow, not wrong
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda said: self.complaints.append(said.text) if "Content Security" in said.text else None)
        page.goto(address or f"{self.address}#{TOKEN}")
        page.locator("#clips li").first.wait_for()
        if name:
            page.locator("#name").fill(name)
            page.locator("#who").focus()
        return page

    def decisions(self) -> list[dict[str, Any]]:
        folder = self.studio.store.path(f"{self.studio.home}/cast/speakers.json").parent / "labels"
        return [json.loads(each.read_text("utf-8")) for each in sorted(folder.glob("*.json"))]

    def clear(self) -> None:
        for context in self._contexts:
            context.close()
        self._contexts.clear()
        self.studio.store.write(f"{self.studio.home}/cast/speakers.json", self._cast)
        for place in ("labels", "answers"):
            for key in list(self.studio.store.keys(f"{self.studio.home}/cast/{place}")):
                self.studio.store.delete(key)

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self._socket.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sheet]:
    playwright = pytest.importorskip("playwright.sync_api")
    folder = tmp_path_factory.mktemp("sheet 円堂")
    characters = {
        "endou": {"name": "円堂守", "references": material.reference(folder, "A")},
        "gouenji": {"name": "豪炎寺修也 <b>", "references": material.reference(folder, "B")},
    }
    engines = {**dict.fromkeys(STAGES, "stub"), "preview": "light"}
    studio = studio_at(folder, title="稲妻イレブン", characters=characters, engines=engines)
    speakers = [
        material.Heard(id="S001", person="A", clips=7, suggestion="endou", intruder="C"),
        material.Heard(id="S002", person="B", clips=5, suggestion="endou", score=0.7),
        material.Heard(id="S003", person="C", clips=2, suggestion="gouenji", score=0.66),
    ]
    material.lay(studio, speakers)
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        sheet = Sheet(studio, browser)
        yield sheet
        sheet.close()
        browser.close()


@pytest.fixture
def sheet(served: Sheet) -> Iterator[Sheet]:
    """The sheet with no label given; at the end no page complained."""
    yield served
    served.clear()
    assert served.complaints == []
    served.told.clear()


def plays(page: Any, after: float = 0.3) -> None:
    page.wait_for_function("after => document.getElementById('audio').currentTime > after", arg=after)


def current(page: Any) -> str:
    return str(page.locator("#who").inner_text())


def test_a_person_listens_corrects_and_hands_in_by_keyboard(sheet: Sheet) -> None:
    """The suggestion for S001 is right, for S002 wrong; enter takes neither; S003 is skipped. Only keys are used."""
    page = sheet.open()
    assert current(page) == "S001"
    page.keyboard.press("Space")
    plays(page)
    assert page.locator("#clips li.playing").count() == 1
    page.keyboard.press("Enter")
    assert current(page) == "S001", "a guess is not taken by enter alone"
    page.locator("#said:has-text('円堂守 is only a guess: press 1 if it is right')").wait_for()
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    assert current(page) == "S002"
    assert page.locator("input[name=who]:checked").count() == 0
    assert page.locator(".option:has(.note:has-text('suggested')) input").get_attribute("value") == "endou", "and wrong"
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    page.keyboard.press("s")
    page.keyboard.type("円堂 守")
    page.keyboard.press("Enter")
    page.locator("#receipt:has-text('Kept: 2 labels')").wait_for()
    assert "The season that waited goes on." in page.locator("#receipt").inner_text()
    (decision,) = sheet.decisions()
    assert decision["labels"] == {"S001": "endou", "S002": "gouenji"}
    assert (decision["who"], decision["how"]) == ("円堂 守", "sheet")
    assert [each.later for each in sheet.told] == [("S003",)]


def test_the_second_of_two_browsers_is_told_and_overwrites_nothing(sheet: Sheet) -> None:
    one, other = sheet.open("Mika"), sheet.open("Yui")
    for page, digit in ((one, "1"), (other, "2")):
        page.keyboard.press(digit)
    one.locator("#submit").click()
    one.locator("#receipt:has-text('Kept')").wait_for()
    other.locator("#submit").click()
    other.locator("#news:has-text('Meanwhile Mika said this is 円堂守; you said 豪炎寺修也 <b>')").wait_for()
    assert "Nothing was handed in" in other.locator("#receipt").inner_text()
    assert current(other) == "S001"
    assert [each["who"] for each in sheet.decisions()] == ["Mika"]
    other.locator("#who").focus()
    other.keyboard.press("2")
    other.locator("#submit").click()
    other.locator("#receipt:has-text('Kept: 1 label')").wait_for()
    assert load(sheet.studio.store, "toy").character("S001") == "gouenji", "seen, and said again"
    assert len(sheet.decisions()) == 2


def test_a_clip_can_be_sought_in_and_the_next_one_follows(sheet: Sheet) -> None:
    page = sheet.open()
    first = page.locator("#clips .play").first
    page.keyboard.press("Space")
    plays(page, after=0.1)
    page.wait_for_function("() => document.getElementById('audio').duration > 1")
    first.click(position={"x": first.bounding_box()["width"] * 0.8, "y": 20})
    page.wait_for_function("() => (a => a.currentTime > 0.7 * a.duration)(document.getElementById('audio'))")
    page.locator("#clips li:nth-child(2).playing").wait_for()
    plays(page, after=0.1)
    page.wait_for_function("() => document.querySelector('#clips img').naturalWidth > 100")


def test_a_clip_of_somebody_else_is_marked_and_undo_takes_it_back(sheet: Sheet) -> None:
    page = sheet.open("Mika")
    odd = page.locator("#clips li:has(.odd)")
    assert odd.count() == 1, "the clip of another person is shown as least like the rest"
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("x")
    assert odd.locator(".spoiled").get_attribute("aria-pressed") == "true"
    page.keyboard.press("u")
    assert odd.locator(".spoiled").get_attribute("aria-pressed") == "false"
    page.keyboard.press("x")
    page.keyboard.press("1")
    page.locator("#submit").click()
    page.locator("#receipt:has-text('1 rejected')").wait_for()
    (decision,) = sheet.decisions()
    assert decision["rejected"] == [casting_clip(sheet, -1)]
    assert decision["labels"] == {"S001": "endou"}
    page.locator("#back").click()
    page.locator("#receipt:has-text('Taken back')").wait_for()
    assert load(sheet.studio.store, "toy").speakers == {}


def test_a_speaker_is_split_by_keyboard_and_who_came_of_it_is_asked_about_next(sheet: Sheet) -> None:
    """The odd clip of S001 is taken out, its voice is of no character; undo, and again; then it is named."""
    page = sheet.open("Mika")
    page.keyboard.press("l")
    page.locator("#clips li:nth-child(7)").wait_for()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    assert page.locator("#clips li.here .odd").count() == 1
    for key in ("m", "u", "m"):
        page.keyboard.press(key)
    assert "1 clip is somebody else’s, and taken out of S001" in page.locator("#part-label").inner_text()
    page.keyboard.press("1")
    page.keyboard.press("h")
    page.keyboard.press("Enter")
    page.locator("#receipt:has-text('Kept: 1 label, 1 taken out.')").wait_for()
    split, owner = sheet.decisions()[0]["split"], owner_of(sheet, casting_clip(sheet, -1, before=True))
    assert split == {"S001": [casting_clip(sheet, -1, before=True)]}
    assert owner not in ("S001", "")
    assert f"{owner} (" in page.locator("#receipt").inner_text()
    page.locator(f"#speakers [data-id={owner}]").wait_for()
    page.locator("#back").click()
    page.locator("#receipt:has-text('Taken back')").wait_for()
    assert owner_of(sheet, casting_clip(sheet, -1, before=True)) == "S001"


def casting_clip(sheet: Sheet, at: int, before: bool = False) -> str:
    """A clip of S001, as it was laid or as it is."""
    return sheet.laid[at] if before else casting.cast_of(sheet.studio).speakers[0].clips[at]


def owner_of(sheet: Sheet, clip: str) -> str:
    return next((each.id for each in casting.cast_of(sheet.studio).speakers if clip in each.clips), "")


def test_what_was_chosen_survives_a_crash_of_the_browser_page(sheet: Sheet) -> None:
    page = sheet.open("Mika")
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    page.reload()
    page.locator("#clips li").first.wait_for()
    assert page.locator("#summary").inner_text() == "1 label to hand in"
    assert current(page) == "S002", "the first that is open"
    assert page.locator("#name").input_value() == ""


def test_a_choice_from_before_somebody_elses_decision_is_dropped_with_a_word(sheet: Sheet) -> None:
    """A draft of yesterday meets labels of today."""
    page = sheet.open("Mika")
    page.keyboard.press("2")
    record(sheet.studio.store, "toy", decide("Yui", "form", {"S001": "endou"}))
    page.reload()
    page.locator("#speakers [data-id=S001]").click()
    assert "Meanwhile Yui said this is 円堂守" in page.locator("#news").inner_text()
    assert page.locator("#submit").is_disabled()


def test_nobody_and_new_characters_are_a_key_away(sheet: Sheet) -> None:
    page = sheet.open("Mika")
    page.keyboard.press("0")
    page.keyboard.press("Enter")
    page.keyboard.press("n")
    page.keyboard.type("kidou_yuuto")
    page.keyboard.press("Enter")
    page.locator("#submit").click()
    page.locator("#receipt:has-text('Kept: 2 labels')").wait_for()
    assert sheet.decisions()[0]["labels"] == {"S001": "nobody", "S002": "kidou_yuuto"}


def test_the_suggested_character_and_the_nearest_speaker_can_be_heard(sheet: Sheet) -> None:
    page = sheet.open()
    page.keyboard.press("c")
    plays(page, after=0.1)
    page.keyboard.press("r")
    page.locator("#said:has-text('This is 円堂守')").wait_for()
    plays(page, after=0.1)


def test_without_the_token_the_entrance_asks_for_it(sheet: Sheet) -> None:
    page = sheet._browser.new_page()
    page.goto(sheet.address)
    page.locator("#token").fill("wrong")
    page.keyboard.press("Enter")
    page.locator("#said:has-text('not the token')").wait_for()
    page.locator("#token").fill(TOKEN)
    page.keyboard.press("Enter")
    page.locator("#clips li").first.wait_for()
    assert TOKEN not in page.url
    page.close()


def test_a_name_is_asked_for_before_anything_is_handed_in(sheet: Sheet) -> None:
    page = sheet.open()
    page.keyboard.press("1")
    page.locator("#submit").click()
    assert page.evaluate("document.activeElement.id") == "name"
    page.keyboard.type("0")  # who labels fast presses one key more, when the last speaker is decided
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    assert sheet.decisions() == []
    for right in ("守", "Mika", "O'Neil"):
        page.locator("#name").fill(right)
        assert page.locator("#name").evaluate("field => field.checkValidity()")


def test_the_exported_sheet_opens_from_disk_saves_its_answers_and_overwrites_nothing_newer(
    sheet: Sheet, tmp_path: Path
) -> None:
    index = export(sheet.studio, tmp_path / "for Yui #1")
    page = sheet.open("Yui", address=index.as_uri())
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.keyboard.press("Space")
    plays(page)
    for key in ("2", "Enter", "2", "ArrowRight", "x", "Enter"):
        page.keyboard.press(key)
    with page.expect_download() as saved:
        page.locator("#submit").click()
    file = tmp_path / saved.value.suggested_filename
    saved.value.save_as(file)
    assert [url for url in asked if not url.startswith(("file:", "blob:", "data:"))] == []
    record(sheet.studio.store, "toy", decide("Mika", "sheet", {"S001": "endou"}))
    taken = take_file(sheet.studio, casting.cast_of(sheet.studio), file)
    assert taken.conflicts.keys() == {"S001"}
    assert "this says gouenji, but Mika said endou" in taken.conflicts["S001"]
    labels = {speaker: (each.character, each.who) for speaker, each in taken.labels.speakers.items()}
    assert labels == {"S001": ("endou", "Mika"), "S002": ("gouenji", "Yui")}
    assert len(taken.labels.rejected) == 1


def test_the_exported_sheet_hands_in_once_by_its_link_and_is_told_what_was_overtaken(
    sheet: Sheet, tmp_path: Path
) -> None:
    """From a page on a disk, which is of no site, to a service of another process."""
    link = upload_link(sheet.studio, sheet.address, timedelta(days=1))
    page = sheet.open("Yui", address=export(sheet.studio, tmp_path / "for Yui", link).as_uri())
    record(sheet.studio.store, "toy", decide("Mika", "sheet", {"S002": "endou"}))
    for key in ("2", "Enter", "2"):
        page.keyboard.press(key)
    page.locator("#submit").click()
    page.locator("#receipt:has-text('Handed in: 2 labels')").wait_for()
    assert "S002 (this says gouenji, but Mika said endou" in page.locator("#receipt").inner_text()
    assert [(each["who"], each["labels"]) for each in sheet.decisions()] == [
        ("Mika", {"S002": "endou"}), ("Yui", {"S001": "gouenji"}),
    ]  # fmt: skip
    assert [each.name for each in sheet.told] == ["Yui"]
    page.keyboard.press("Escape")
    page.locator("#who").focus()
    page.keyboard.press("1")
    page.locator("#submit").click()
    page.locator("#receipt:has-text('an answer came by this link already')").wait_for()
    with page.expect_download():
        page.locator("#save").click()
    other = sheet.open("Aki")
    other.locator("#speakers [data-id=S002].news").click()
    assert "Yui handed in by a link: this says gouenji" in other.locator("#news").inner_text()


@pytest.mark.proof
def test_the_exported_sheet_hands_in_to_a_bucket_by_a_link_that_the_bucket_signed(
    sheet: Sheet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page talks to the bucket alone; the service takes the answer in when it looks."""
    with moto_server() as bucket:
        for name, value in {**bucket.environment, "VOICECAST_CACHE_DIR": str(tmp_path / "cache")}.items():
            monkeypatch.setenv(name, value)
        settings.cache_clear()
        store = BucketStore(f"s3://{bucket.new_bucket()}/team one", FileCache(tmp_path / "cache", 2**30))
        studio = replace(sheet.studio, store=store)
        material.lay(studio, [material.Heard(id="S001", person="A", clips=5, suggestion="endou")])
        link = upload_link(studio, "store", timedelta(hours=1))
        page = sheet.open("Yui", address=export(studio, tmp_path / "for Yui", link).as_uri())
        page.keyboard.press("Space")
        plays(page)
        for key in ("2", "ArrowRight", "x"):
            page.keyboard.press(key)
        page.locator("#submit").click()
        page.locator("#receipt:has-text('Handed in: 1 label, 1 rejected.')").wait_for()
        assert history(store, "toy") == ()
        SheetDesk(studio, Links(token=TOKEN), sheet._wake).take_in()
        (decision,) = history(store, "toy")
        assert (decision.who, decision.labels, len(decision.rejected)) == ("Yui", {"S001": "gouenji"}, 1)
        assert [each.name for each in sheet.told] == ["Yui"]
    settings.cache_clear()


CONTRAST = """() => {
  const channel = (value) => value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const pen = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const light = (colours) => {
    for (const each of colours) { pen.fillStyle = each; pen.fillRect(0, 0, 1, 1); }
    const [red, green, blue] = [...pen.getImageData(0, 0, 1, 1).data].map((each) => channel(each / 255));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const poor = [];
  for (const each of document.querySelectorAll('body *')) {
    const text = [...each.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!text || !each.checkVisibility() || each.closest('.unseen, .skip, :disabled, dialog')) continue;
    const under = [];
    for (let at = each; at; at = at.parentElement) under.unshift(getComputedStyle(at).backgroundColor);
    const back = light(under), front = light([...under, getComputedStyle(each).color]);
    const ratio = (Math.max(back, front) + 0.05) / (Math.min(back, front) + 0.05);
    if (ratio < 4.5) poor.push(`${each.tagName} ${each.className} ${each.textContent} ${ratio.toFixed(2)}`);
  }
  return poor;
}"""


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (1280, "dark"), (1280, "light")])
def test_it_is_readable_in_every_light_and_width(sheet: Sheet, width: int, scheme: str) -> None:
    """WCAG AA contrast of every text; nothing wider than the window; every control has a name."""
    page = sheet.open("Mika", color_scheme=scheme)
    for key in ("2", "m"):
        page.keyboard.press(key)
    assert page.locator("#part").is_visible()
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate(CONTRAST) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    nameless = page.evaluate(
        "() => [...document.querySelectorAll('button, input, select, main, nav, progress, fieldset')].filter((each) =>"
        " each.checkVisibility() && !(each.ariaLabel || each.textContent.trim() || each.labels?.length"
        " || each.getAttribute('aria-labelledby'))).map((each) => each.outerHTML)"
    )
    assert nameless == []


def test_the_keys_are_listed_and_focus_is_seen_and_kept(sheet: Sheet) -> None:
    page = sheet.open()
    page.keyboard.press("?")
    assert page.get_by_role("dialog", name="Keys").is_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.locator("input[name=who]").first.focus()
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.value") == "gouenji", "radios are moved through as everywhere"
    assert page.locator("#summary").inner_text() == "1 label to hand in"


NAMES = {
    "endou_mamoru": "円堂守", "gouenji_shuuya": "豪炎寺修也", "kazemaru": "風丸一郎太", "kidou_yuuto": "鬼道有人",
    "someoka_ryuugo": "染岡竜吾", "kabeyama": "壁山塀吾郎", "handa_shinichi": "半田真一", "megane": "目金欠流",
    "kino_aki": "木野秋", "otonashi_haruna": "音無春奈", "raimon_natsumi": "雷門夏未", "hibiki": "響木正剛",
}  # fmt: skip


def test_thirty_speakers_and_a_dozen_characters_are_at_hand(sheet: Sheet, tmp_path: Path) -> None:
    """Digits go to the nearest nine, others are found by name. SHOTS=docs/images leaves the pictures of the docs."""
    slugs = list(NAMES)
    characters = {
        slug: {"name": name, "references": [material.reference(tmp_path, slug)]} for slug, name in NAMES.items()
    }
    engines = {**dict.fromkeys(STAGES, "stub"), "preview": "light"}
    studio = studio_at(tmp_path, series="raimon", title="風の十一人", characters=characters, engines=engines)
    speakers = [
        material.Heard(
            id=f"S{number + 1:03d}",
            person=slugs[number % 12] if number < 20 else f"stranger {number}",
            clips=[9, 2, 2][min(number, 2)],
            suggestion=slugs[number % 12],
            score=0.9 - number / 50,
            band="ask" if number < 22 else "leave_out",
            intruder="somebody" if number == 0 else None,
        )
        for number in range(30)
    ]
    material.lay(studio, speakers, episodes=4)
    record(studio.store, "raimon", decide("美香", "sheet", {"S005": slugs[4], "S007": "nobody", "S013": slugs[0]}))
    many = Sheet(studio, sheet._browser)
    try:
        page = many.open("結衣")
        assert page.locator("#speakers li").count() == 30
        assert page.locator("#options kbd:visible").all_inner_texts() == [*"123456789", "0", "n"]
        assert page.locator("#options .name").first.inner_text() == "円堂守", "the nearest is the first"
        page.keyboard.press("/")
        page.keyboard.type("木野")
        page.keyboard.press("Enter")
        assert page.locator("input[name=who]:checked").get_attribute("value") == "kino_aki"
        page.keyboard.press("u")
        for key in ("1", "Enter") * 3:
            page.keyboard.press(key)
        page.locator("#speakers [data-id=S001]").click()
        page.locator("#clips .play").first.click()
        plays(page, after=0.8)
        page.keyboard.press("Space")
        page.wait_for_function("() => [...document.querySelectorAll('#clips img')].every((each) => each.naturalWidth)")
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            target = Path(os.environ.get("SHOTS") or tmp_path) / f"label-sheet-{scheme}.png"
            page.screenshot(path=target)
            assert target.stat().st_size > 10_000
        page.emulate_media(color_scheme="light")
        page.keyboard.press("l")
        page.locator("#clips li:nth-child(9)").wait_for()
        for key in ("ArrowRight", "m", "ArrowRight", "m"):
            page.keyboard.press(key)
        page.wait_for_function("() => [...document.querySelectorAll('#clips img')].every((each) => each.naturalWidth)")
        page.screenshot(path=target.with_name("label-sheet-split.png"))
        assert page.locator("#part").is_visible()
    finally:
        many.clear()
        many.close()
