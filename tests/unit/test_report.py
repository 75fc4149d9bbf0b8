"""The report's page: what it shows, and that nobody's text can become markup."""

from __future__ import annotations

import base64
import hashlib
import time
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest

from containers.contract.stages import Measurements, Problem, Turn
from tasks.clips.dataset import Row
from tasks.domain import NOBODY, EpisodeClip, Speaker, Suggestion
from tasks.reporting.report import (
    CharacterReport,
    ClipReport,
    EpisodeReport,
    Figure,
    LineReport,
    Report,
    Sound,
    SpeakerReport,
    StageTime,
    VoiceReport,
    dropped_seconds,
    facts_of,
)
from tasks.reporting.report_page import render
from tasks.reporting.report_turns import turns_of_speakers

MADE = datetime(2026, 11, 22, 15, 4, tzinfo=UTC)
HOSTILE = """<script>alert(1)</script>"' onclick='x' <img src=x onerror=alert(1)> &amp; {{ 7 * 7 }}"""
SOUND = Sound(player="media/a.mp3", picture="media/a.png", duration=4.0)
MEASURED = Measurements(
    snr_db=21.4, background_db=None, loudness_lufs=-23.2, peak_dbfs=-2.0, clipped_share=0.0, bandwidth_hz=7900.0,
    f0_median_hz=221.0, f0_low_hz=150.0, f0_high_hz=320.0, voiced_share=0.6, speech_probability=0.9,
)  # fmt: skip


def full_report(text: str = "円堂守") -> Report:
    """A report in which everything is filled in, with `text` wherever a text of others can stand."""
    engines = {text: text}
    times = (StageTime(stage=text, engine=text, seconds=2.0, audio=8.0), StageTime(stage="x", engine="y", seconds=0.0))
    line = LineReport(
        text=text, speech=SOUND, source=SOUND, engines=engines | {"convert": "light 0.1"}, source_similarity=0.5,
        similarity=0.75,
    )  # fmt: skip
    voice = VoiceReport(
        engine=text, version=text, format=text, trained_on=61.0, sample_rate_hz=44100, scores={text: 0.5},
        rights={"basis": text, text: text}, notes=(text,),
    )  # fmt: skip
    clip = ClipReport(clip=text, sound=SOUND, verdict="dropped", reason=text, detail=text, facts={text: text})
    character = CharacterReport(
        slug=text, name=text, kept=300.0, dropped={text: 30.0, "noisy": 9.0}, real=SOUND, clips=(clip,),
        engines=engines, voice=voice, lines=(line,),
    )  # fmt: skip
    turns = (Turn(start=1.0, end=2.0, speaker="SPEAKER_00"), Turn(start=2.5, end=3.0, speaker=text))
    episode = EpisodeReport(
        key=text, title=text, duration=4.0, mix=SOUND, vocals=SOUND, background=SOUND, turns=turns,
        labels={"SPEAKER_00": text}, engines=engines, times=times, problems=(Problem(kind="quiet", text=text),),
        failed=text,
    )  # fmt: skip
    guess = Suggestion(speaker=text, character=text, score=0.7, margin=0.1, band="ask")
    return Report(
        series=text, title=text, made=MADE, synthetic_note=text, episodes=(episode,), characters=(character,),
        speakers=(SpeakerReport(speaker=text, seconds=9.0, episodes=(text,), sounds=(SOUND,), suggestion=guess),),
        how_to_label=text, times=times, figures=(Figure(name=text, figure=text, command=text),), notes=(text,),
        not_in_this_run=(text,),
    )  # fmt: skip


class Page(HTMLParser):
    """Elements with their attributes, and the texts inside script."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.cdata_elem == "script":
            self.scripts.append(data)
        self.text += data

    def with_class(self, name: str) -> list[dict[str, str | None]]:
        return [each for _, each in self.elements if name in (each.get("class") or "").split()]


def test_text_of_others_never_becomes_markup() -> None:
    """Names, titles, lines, keys and engines may hold anything; the page has the elements it has with plain text."""
    plain, hostile = Page(render(full_report())), Page(render(full_report(HOSTILE)))
    assert [tag for tag, _ in hostile.elements] == [tag for tag, _ in plain.elements]
    assert [sorted(each) for _, each in hostile.elements] == [sorted(each) for _, each in plain.elements]
    assert not [name for _, each in hostile.elements for name in each if name.startswith("on")]
    assert HOSTILE in hostile.text, "it is still shown, as it is"


def test_the_page_asks_for_nothing_but_media_beside_it() -> None:
    page = Page(render(full_report()))
    asked = {each[name] for _, each in page.elements for name in ("src", "href", "poster", "action") if name in each}
    assert {each for each in asked if not str(each).startswith("#")} == {"media/a.mp3", "media/a.png"}


def test_only_the_pages_own_script_may_run() -> None:
    """The browser is told the script's hash, so that markup that slipped through would stay dead."""
    page = Page(render(full_report()))
    (policy,) = [each["content"] for _, each in page.elements if each.get("http-equiv") == "Content-Security-Policy"]
    digest = base64.b64encode(hashlib.sha256("".join(page.scripts).encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in str(policy)
    assert "default-src 'none'" in str(policy)


@pytest.mark.parametrize(
    "path", ["http://x/a.mp3", "//x/media/a.mp3", "/media/a.mp3", "media/../../a.mp3", "javascript:1", "a.mp3"]
)
def test_a_sound_outside_media_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="below media/"):
        Sound(player=path, duration=1.0)
    with pytest.raises(ValueError, match="below media/"):
        Sound(player="media/a.mp3", picture=path, duration=1.0)


def test_file_names_with_any_letters_reach_the_player() -> None:
    sound = Sound(player="media/円堂 #1?.mp3", duration=1.0)
    page = render(
        Report(series="s", title="t", made=MADE, characters=(CharacterReport(slug="c", name="c", real=sound),))
    )
    assert "media/%E5%86%86%E5%A0%82%20%231%3F.mp3" in page


def test_a_run_that_made_nothing_has_a_page() -> None:
    page = render(Report(series="s", title="Nothing yet", made=MADE, not_in_this_run=("No episode was found.",)))
    assert "Nothing yet" in page
    assert "No episode was found." in page


def test_the_same_report_is_the_same_page() -> None:
    assert render(full_report()) == render(full_report())


def test_every_generated_line_is_marked_as_synthetic_and_names_its_engines() -> None:
    line = LineReport(text="ゴッドハンド", speech=SOUND, engines={"synthesize": "vits 1", "convert": "rvc 2"})
    character = CharacterReport(slug="c", name="C", lines=(line, line))
    page = Page(render(Report(series="s", title="t", made=MADE, characters=(character,))))
    badges = [each for each in page.with_class("player") if each["data-badge"] == "synthetic speech"]
    assert len(badges) == 2
    assert page.text.count("vits 1") == page.text.count("rvc 2") == 2


def test_material_that_is_synthetic_is_said_at_the_top() -> None:
    page = Page(render(Report(series="s", title="t", made=MADE, synthetic_note="Made with Open JTalk.")))
    assert page.with_class("banner")
    assert "Made with Open JTalk." in page.text


def test_lanes_are_characters_first_then_the_unnamed_then_nobody() -> None:
    """Two speakers with one label share a lane; within a kind, who speaks longest is on top."""
    spoken = {"S0": 5, "S1": 1, "S2": 3, "S3": 9, "S4": 9}
    turns = tuple(
        Turn(start=20.0 * number, end=20.0 * number + length, speaker=speaker)
        for number, (speaker, length) in enumerate(spoken.items())
    )
    episode = EpisodeReport(
        key="e", title="e", duration=99.0, mix=SOUND, turns=turns,
        labels={"S0": "a", "S1": "b", "S2": "b", "S3": NOBODY},
    )  # fmt: skip
    characters = (CharacterReport(slug="a", name="Aki"), CharacterReport(slug="b", name="Bo"))
    html = render(Report(series="s", title="t", made=MADE, episodes=(episode,), characters=characters))
    names = [each["title"] for each in Page(html).with_class("who")]
    assert names == ["Aki", "Bo", "S4", "no character"]
    assert "[20.0,21.0,1],[40.0,43.0,1]" in html


def test_a_season_of_126_episodes_stays_a_page_that_opens() -> None:
    """400 turns an episode; only the first is open, and pictures wait until they are seen."""
    turns = tuple(Turn(start=3.5 * n, end=3.5 * n + 2.25, speaker=f"SPEAKER_{n % 20:02}") for n in range(400))
    episodes = tuple(
        EpisodeReport(key=f"e{n}", title=f"第{n}話", duration=1440.0, mix=SOUND, vocals=SOUND, turns=turns)
        for n in range(126)
    )
    began = time.monotonic()
    html = render(Report(series="s", title="t", made=MADE, episodes=episodes))
    assert time.monotonic() - began < 5, "half a second here; a slow machine has room"
    assert len(html) < 3_000_000
    page = Page(html)
    assert sum("open" in each for each in page.with_class("episode")) == 1
    assert all(each.get("loading") == "lazy" for tag, each in page.elements if tag == "img")


def test_speed_is_sound_over_time() -> None:
    assert StageTime(stage="separate", engine="e", seconds=120.0, audio=1440.0).times_realtime == 12.0
    assert StageTime(stage="train", engine="e", seconds=120.0).times_realtime is None
    assert StageTime(stage="cached", engine="e", seconds=0.0, audio=10.0).times_realtime is None


def test_facts_leave_out_what_was_not_measured() -> None:
    assert facts_of(MEASURED) == {"SNR": "21 dB", "Loudness": "−23 LUFS", "Pitch": "221 Hz", "Bandwidth": "7.9 kHz"}


def row(start: float, end: float, verdict: Any, reason: Any) -> Row:
    return Row(
        clip=f"e1/{start}", episode="e1", start=start, end=end, speaker="S001", character="c", verdict=verdict,
        reason=reason, detail="because", purity=0.125, consistency=0.9, measurements=MEASURED,
    )  # fmt: skip


ROWS = (row(0.0, 4.0, "kept", "good"), row(5.0, 7.0, "dropped", "noisy"), row(8.0, 11.0, "doubt", "unsure"))


def test_a_data_sets_rows_become_clips_and_reasons() -> None:
    assert dropped_seconds(ROWS) == {"unsure": 3.0, "noisy": 2.0}
    clip = ClipReport.of(ROWS[1], SOUND)
    assert (clip.verdict, clip.reason, clip.detail) == ("dropped", "noisy", "because")
    assert clip.facts["Purity"] == "+0.12"


def test_turns_take_the_speakers_of_the_series_from_their_clips() -> None:
    """SPEAKER_00 is two people, told apart by clips; a turn too short for a clip goes to the one heard longer."""

    def clip(number: int, start: float, end: float) -> EpisodeClip:
        return EpisodeClip(
            id=f"e1/{number}", episode="e1", start=start, end=end, speaker="SPEAKER_00", sha256="0" * 64,
            consistency=1.0, measurements=MEASURED,
        )  # fmt: skip

    clips = (clip(1, 0.0, 4.0), clip(2, 10.0, 12.0))
    speakers = (
        Speaker(id="S001", clips=("e1/1",), episodes=("e1",), seconds=4.0),
        Speaker(id="S002", clips=("e1/2", "e2/9"), episodes=("e1", "e2"), seconds=9.0),
    )
    spans = ((0.0, 4.2, "SPEAKER_00"), (5.0, 5.5, "SPEAKER_00"), (9.8, 12.0, "SPEAKER_00"), (11.0, 13.0, "SPEAKER_01"))
    turns = [Turn(start=start, end=end, speaker=speaker) for start, end, speaker in spans]
    named = [each.speaker for each in turns_of_speakers(turns, clips, speakers)]
    assert named == ["S001", "S001", "S002", "SPEAKER_01"]
