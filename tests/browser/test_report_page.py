"""The report in a real browser, opened from disk: it plays, seeks and obeys the keyboard, and asks no network."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from containers.contract.stages import Turn
from tasks.reporting.report import CharacterReport, ClipReport, EpisodeReport, LineReport, Report, Sound
from tasks.reporting.report_assets import AssetReport, AssetsPage
from tasks.reporting.report_character import CharacterPage, Lost
from tasks.reporting.report_charts import by_episode, histogram
from tasks.reporting.report_page import render, render_assets, render_character

CHROMIUM = os.environ.get("CHROMIUM") or "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip

pytestmark = pytest.mark.browser

if not shutil.which(CHROMIUM):
    pytest.skip("no Chromium here; name one with CHROMIUM", allow_module_level=True)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report on disk, with tones of 20 s for an episode and of 2 s for clips."""
    ffmpeg = pytest.importorskip("imageio_ffmpeg").get_ffmpeg_exe()
    folder = tmp_path_factory.mktemp("report 円堂")
    (folder / "media").mkdir()

    def sound(name: str, hz: int, seconds: float) -> Sound:
        tone = f"sine={hz}:d={seconds}"
        player, picture = folder / "media" / f"{name}.mp3", folder / "media" / f"{name}.png"
        draw = "showspectrumpic=s=320x80:legend=0"
        for last in ([str(player)], ["-lavfi", draw, str(picture)]):
            subprocess.run([ffmpeg, "-v", "error", "-f", "lavfi", "-i", tone, *last], check=True)
        return Sound(player=f"media/{name}.mp3", picture=f"media/{name}.png", duration=seconds)

    turns = (Turn(start=4.0, end=6.0, speaker="SPEAKER_00"), Turn(start=12.0, end=15.0, speaker="SPEAKER_01"))
    episode = EpisodeReport(
        key="s01e01", title="サッカーやろうぜ！", duration=20.0, mix=sound("mix", 330, 20.0), turns=turns,
        vocals=sound("vocals", 440, 20.0), background=sound("background", 220, 20.0), labels={"SPEAKER_00": "endou"},
    )  # fmt: skip
    silent = EpisodeReport(key="s01e02", title="静か", duration=20.0, turns=turns)
    short = sound("short #1", 300, 2.0)
    endou = CharacterReport(
        slug="endou", name="円堂守 <b>", real=short, page="character-endou.html", kept=6.0,
        lines=(LineReport(text="ゴッドハンド！", speech=short, engines={"convert": "light"}),),
        clips=tuple(
            ClipReport(clip=f"s01e01/{n}", sound=short, verdict="kept" if n % 3 else "dropped", reason="noisy")
            for n in range(30)
        ),
    )  # fmt: skip
    report = Report(
        series="kaze",
        title="風",
        made=datetime(2026, 11, 22, tzinfo=UTC),
        episodes=(episode, silent),
        characters=(endou,),
        assets_page="assets.html",
    )
    (folder / "index.html").write_text(render(report), "utf-8")
    own = CharacterPage(
        series="kaze", title="風", made=report.made, language="ja", character=endou,
        lost=(Lost(reason="noisy", seconds=9, clips=3),),
        episodes=by_episode({"s01e01": 6.0}, {"s01e02": 9.0}, ["s01e01", "s01e02"]),
        histograms=(histogram("SNR", "dB", [(20.0, 2.0, True), (26.0, 2.0, False)], 3.0),),
    )  # fmt: skip
    (folder / "character-endou.html").write_text(render_character(own, 0), "utf-8")
    cue = AssetReport(id="cue-1", episode="s01e01", start=5.0, end=7.0, sound=short, facts={"Loudness": "−28 LUFS"})
    assets = AssetsPage(series="kaze", title="風", made=report.made, language="ja", cues=(cue,), effects=(cue,))
    (folder / "assets.html").write_text(render_assets(assets), "utf-8")
    return folder


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    profile = tmp_path_factory.mktemp("profile")
    with playwright.sync_playwright() as started:
        context = started.chromium.launch_persistent_context(
            profile, executable_path=CHROMIUM, headless=True, args=list(FLAGS), viewport={"width": 1200, "height": 900}
        )
        yield context
        context.close()


@pytest.fixture
def page(browser: Any, site: Path) -> Iterator[Any]:
    """The page, opened; at the end nothing was complained about and nothing but files was asked for."""
    opened, complaints, asked = browser.new_page(), [], []
    opened.on("console", lambda message: complaints.append(message.text))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto((site / "index.html").as_uri())
    yield opened
    opened.close()
    assert complaints == []
    assert [url for url in asked if not url.startswith("file:")] == []


def position(page: Any, player: str) -> float:
    return float(page.locator(f"{player} .picture").first.get_attribute("aria-valuenow"))


def plays(page: Any, player: str, after: float = 0.0) -> None:
    page.wait_for_function(
        "([player, after]) => { const root = document.querySelector(player);"
        " return root.classList.contains('playing') && root.querySelector('.picture').ariaValueNow > after; }",
        arg=[player, after],
        timeout=5000,
    )


def test_a_player_plays_and_another_one_stops_it(page: Any) -> None:
    page.locator(".real .play").click()
    plays(page, ".real .player", after=0.2)
    page.locator(".line .play").click()
    plays(page, ".line .player", after=0.2)
    assert page.locator(".playing .play").count() == 1
    assert page.locator("#dock-badge").inner_text() == "synthetic speech"


def test_mix_vocals_and_background_share_their_position(page: Any) -> None:
    """A, B, C: the layer changes while it plays, and time goes on from where it was."""
    box = page.locator(".wide .picture").bounding_box()
    page.locator(".wide .picture").click(position={"x": box["width"] / 2, "y": 20})
    plays(page, ".wide", after=10.1)
    for layer in ("vocals", "background", "mix"):
        before = position(page, ".wide")
        page.get_by_role("button", name=layer, exact=True).click()
        plays(page, ".wide", after=before + 0.1)
        assert before <= position(page, ".wide") < before + 1.5
        assert f"media/{layer}.png" in page.locator(".wide img").get_attribute("src")


def test_a_click_on_a_turn_plays_the_mix_from_its_start(page: Any) -> None:
    plot = page.locator("#episode-s01e01 .plot")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    middle_of_turn = {"x": box["width"] * 5.0 / 20.0, "y": box["height"] / 3 / 2}
    plot.hover(position=middle_of_turn)
    assert page.locator("#episode-s01e01 .tip").inner_text() == "円堂守 <b>, 0:04 – 0:06 (2.0 s)"
    plot.click(position=middle_of_turn)
    plays(page, ".wide", after=4.0)
    assert position(page, ".wide") < 5.0


def test_an_episode_without_sound_still_shows_who_speaks_when(page: Any) -> None:
    page.locator("#episode-s01e02 > summary").click()
    plot = page.locator("#episode-s01e02 .plot")
    box = plot.bounding_box()
    plot.click(position={"x": box["width"] * 13.5 / 20.0, "y": box["height"] / 6})
    assert page.locator("#episode-s01e02 .tip").inner_text() == "SPEAKER_01, 0:12 – 0:15 (3.0 s)"
    assert page.locator(".playing").count() == 0


def test_the_keyboard_is_enough(page: Any) -> None:
    """Space plays and pauses, j and k go on and back, arrows seek, 2 takes the vocals."""
    page.keyboard.press("j")
    plays(page, ".real .player")
    page.keyboard.press("j")
    plays(page, ".line .player")
    page.keyboard.press("k")
    plays(page, ".real .player")
    page.keyboard.press("Space")
    assert page.locator(".playing").count() == 0
    page.locator(".wide .picture").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert position(page, ".wide") == 2.0, "a second a step in what is shorter than half a minute"
    page.keyboard.press("2")
    assert page.get_by_role("button", name="vocals", exact=True).get_attribute("aria-pressed") == "true"
    page.keyboard.press("Space")
    plays(page, ".wide", after=2.1)


def test_clips_are_chosen_by_verdict(page: Any) -> None:
    page.locator(".clips > summary").click()
    assert page.locator(".clip:visible").count() == 24, "a page of 24 at once"
    page.locator(".more").click()
    assert page.locator(".clip:visible").count() == 30
    page.get_by_role("button", name="dropped 10").click()
    assert page.locator(".clip:visible").count() == 10


def test_zoom_keeps_picture_and_turns_on_one_time_axis(page: Any) -> None:
    page.locator(".wide .picture").focus()
    page.keyboard.press("End")
    page.get_by_role("button", name="Zoom into").first.click()
    assert page.evaluate("document.querySelector('.wide').style.getPropertyValue('--zoom')") == "2"
    page.locator(".wide .picture").click(position={"x": 1, "y": 20})
    assert 9.9 < position(page, ".wide") < 11.0, "the left edge is now the middle of the episode"


def test_a_character_has_a_page_of_its_own_that_plays_and_leads_back(page: Any) -> None:
    page.get_by_role("link", name="All of").click()
    page.locator(".clip .play").first.click()
    plays(page, ".clip .player", after=0.2)
    page.get_by_role("button", name="dropped 10").click()
    assert page.locator(".clip:visible").count() == 10
    page.get_by_text("As a table").first.click()
    assert page.get_by_role("cell", name="6.0 s").first.is_visible()
    page.get_by_role("link", name="風").click()
    assert page.locator("#voices-title").is_visible()


def test_music_and_effects_have_a_page_that_plays(page: Any) -> None:
    page.get_by_role("link", name="Music and effects").click()
    page.locator("#effects .play").click()
    plays(page, "#effects .player", after=0.2)
    assert page.locator("#cues .playing").count() == 0


@pytest.mark.parametrize("name", ["character-endou.html", "assets.html"])
@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1600, "light")])
def test_no_window_is_too_narrow_for_the_other_pages(page: Any, site: Path, name: str, width: int, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    page.goto((site / name).as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_missing_file_is_said_and_not_silence(browser: Any, site: Path, tmp_path: Path) -> None:
    shutil.copy(site / "index.html", tmp_path)
    page = browser.new_page()
    page.goto((tmp_path / "index.html").as_uri())
    page.locator(".real .play").click()
    page.locator(".real .missing").wait_for(timeout=5000)
    assert "short #1.mp3 cannot be played" in page.locator(".real .missing").inner_text()
    page.close()


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (360, "dark"), (1600, "dark")])
def test_no_window_is_too_narrow(page: Any, width: int, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
