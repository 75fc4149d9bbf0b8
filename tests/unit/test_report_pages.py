"""The pages of characters and of assets: what they show, in which order, and that nobody's text becomes markup."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from containers.contract.stages import Segment
from infra.store import write_json
from tasks.episodes.asset_library import EpisodeAssets
from tasks.episodes.assets import Cue, Effect
from tasks.reporting.report import CharacterReport, ClipReport
from tasks.reporting.report_assets import AssetReport, AssetsPage, assets_page, facts_of
from tasks.reporting.report_character import CharacterPage, episode_bars, histograms_of, lost_by_reason, to_hear
from tasks.reporting.report_charts import by_episode, curves, histogram
from tasks.reporting.report_media import Media
from tasks.reporting.report_of_characters import known_character
from tasks.reporting.report_page import render_assets, render_character
from tasks.reporting.report_training import read_curves, training_curves
from tasks.studio import Stored
from tasks.voices import Card
from tests.unit.data_set_material import MEASURED, publish, row
from tests.unit.stub_studio import studio_at
from tests.unit.test_report import HOSTILE, MADE, SOUND, Page, full_report

CURVE = {
    "format": "rvc-curve 1", "epochs": 4, "best_epoch": 3,
    "losses": {"mel": [9.0, 5.0, 4.0, 4.5], "gradient": [1e9] * 4},
    "saves": [
        {"epoch": 2, "similarity_held_out": 0.5, "f0_error_cents": 90.0}, {"epoch": 4, "similarity_held_out": 0.8},
    ],
}  # fmt: skip
CUE = Cue(
    id="cue-1", start=10.0, end=70.0, loudness_lufs=-28.0, dialogue=30.0,
    clear=(Segment(start=12.0, end=20.0), Segment(start=30.0, end=52.0)),
)  # fmt: skip
EFFECT = Effect(
    id="effect-1", start=5.0, end=5.5, loudness_lufs=-20.0, stands_out_db=17.0, over_dialogue=True, over_music=True
)


def character_page(text: str = "円堂守") -> CharacterPage:
    """A page in which everything is filled in, with `text` wherever a text of others can stand."""
    character = full_report(text).characters[0]
    rows = [row(f"e/{n}", episode=text, purity=0.1 * n, verdict=v, reason=r) for n, (v, r) in enumerate(VERDICTS)]
    return CharacterPage(
        series=text, title=text, made=MADE, language="ja", character=character, synthetic_note=text, kept_clips=2,
        in_doubt=3.0, lost=lost_by_reason(rows), episodes=episode_bars(rows, [text, "s01e02"]),
        histograms=histograms_of(rows), curves=read_curves({**CURVE, "losses": {text: [2.0, 1.0]}}),
    )  # fmt: skip


VERDICTS = (("kept", "good"), ("kept", "identified"), ("doubt", "unsure"), ("dropped", "noisy"), ("dropped", "short"))


def assets(text: str = "s01e01") -> AssetsPage:
    stem = Stored(key="k", sha256="0" * 64, size=1)
    episode = EpisodeAssets(
        episode=text, duration=1440.0, background=stem, engines={text: text}, cues=(CUE,), effects=(EFFECT,)
    )
    heard = AssetReport(
        id=text, episode=text, start=1.0, end=9.0, sound=SOUND, facts={text: text}, note=text
    )  # fmt: skip
    return AssetsPage(
        series=text, title=text, made=MADE, language="ja", synthetic_note=text, cues=(heard,), effects=(heard,),
        episodes=(episode,), engines={text: text},
    )  # fmt: skip


@pytest.mark.parametrize(
    "page", [lambda text: render_character(character_page(text), 0), lambda text: render_assets(assets(text))]
)
def test_text_of_others_never_becomes_markup(page: Callable[[str], str]) -> None:
    plain, hostile = Page(page("円堂守")), Page(page(HOSTILE))
    assert [tag for tag, _ in hostile.elements] == [tag for tag, _ in plain.elements]
    assert not [name for _, each in hostile.elements for name in each if name.startswith("on")]
    assert HOSTILE in hostile.text, "it is still shown, as it is"


@pytest.mark.parametrize("html", [render_character(character_page(), 0), render_assets(assets())])
def test_a_page_links_back_and_asks_for_nothing_else_but_its_media(html: str) -> None:
    asked = {each[name] for _, each in Page(html).elements for name in ("src", "href", "action") if name in each}
    assert {each for each in asked if not str(each).startswith("#")} == {"media/a.mp3", "media/a.png", "index.html"}


def test_every_chart_says_its_numbers_in_words_too() -> None:
    page = Page(render_character(character_page(), 0))
    pictures = [each for tag, each in page.elements if tag == "svg" and each.get("role") == "img"]
    assert all(each["aria-label"] for each in pictures)
    assert "0.1 minutes kept, from 1 of 2 episodes" in page.text
    assert "median of what is kept: 24 dB" in page.text
    assert "noisy" in page.text
    assert "epoch 3" in page.text


def test_a_character_without_anything_has_a_page() -> None:
    bare = CharacterPage(series="s", title="t", made=MADE, language="ja", character=CharacterReport(slug="c", name="C"))
    assert "There is no data set of this character yet" in render_character(bare, 0)


def test_clips_are_heard_in_order_of_doubt() -> None:
    """Doubt, what was identified without a label, the least certain, dropped of each reason, the surest."""
    rows = [
        *(row(f"e/k{n}", purity=0.2 + 0.01 * n) for n in range(100)),
        row("e/i", purity=0.5, reason="identified"),
        *(row(f"e/n{n}", purity=0.3, verdict="dropped", reason="noisy") for n in range(50)),
        row("e/o", purity=-0.2, verdict="dropped", reason="other_voice"),
        row("e/d1", purity=0.05, verdict="doubt", reason="unsure"),
        row("e/d0", purity=0.01, verdict="doubt", reason="unsure"),
    ]
    heard = [each.clip.removeprefix("e/") for each in to_hear(rows)]
    assert heard[:5] == ["d0", "d1", "i", "k0", "k1"]
    assert heard[-1] == "k99"
    assert len(heard) == len(set(heard)) == 60
    assert {"o", "n0"} <= set(heard)


@pytest.mark.parametrize("count", [0, 1, 5, 7])
def test_few_clips_are_all_heard_once(count: int) -> None:
    rows = [row(f"e/{n}") for n in range(count)]
    assert {each.clip for each in to_hear(rows)} == {each.clip for each in rows}
    assert len(to_hear(rows)) == count


def test_minutes_stand_under_every_episode_also_under_those_without() -> None:
    chart = by_episode({"e1": 60.0}, {"e1": 30.0, "e3": 180.0}, ["e1", "e2", "e3"])
    assert [(bar.kept, bar.other) for bar in chart.bars] == [(60.0, 30.0), (0.0, 0.0), (0.0, 180.0)]
    assert [(kept, other) for *_, kept, other in chart.drawn()] == [(33.33, 16.67), (0.0, 0.0), (0.0, 100.0)]
    assert chart.summary == "1.0 minutes kept, from 1 of 3 episodes; most from e1, 1.0 minutes"


def test_a_histogram_holds_all_seconds_and_outliers_do_not_stretch_it() -> None:
    values = [(20.0 + n % 10, 1.0, n % 2 == 0) for n in range(1000)] + [(1e6, 1.0, True), (None, 5.0, True)]
    chart = histogram("SNR", "dB", values, 3.0)
    assert chart is not None
    assert len(chart.bars) == 4
    assert sum(bar.kept + bar.other for bar in chart.bars) == 1001
    assert histogram("SNR", "dB", [(None, 1.0, True)], 3.0) is None


def test_curves_are_on_one_scale_and_leave_out_what_is_no_number() -> None:
    chart = curves("t", {"a": [(1, 0.0), (2, 1.0), (3, math.nan)], "b": [(1, 0.5)]}, 4, 2)
    assert chart is not None
    assert [line.points for line in chart.lines] == ["25.00,100.00 50.00,0.00", "25.00,50.00"]
    assert chart.best == 50.0
    assert curves("t", {"a": [(1, math.nan)]}, 4, None) is None


def test_a_long_training_is_drawn_with_few_points() -> None:
    chart = curves("t", {"a": [(epoch, 1 / (epoch + 1)) for epoch in range(5000)]}, 5000, None)
    assert chart is not None
    assert len(chart.lines[0].points.split()) <= 300


def test_an_engines_training_curve_is_drawn_and_a_strange_one_is_left_out(tmp_path: Path) -> None:
    """Scores between 0 and 1 share a scale; each loss has its own; gradients are for other eyes."""
    studio = studio_at(tmp_path)
    assert [each.title for each in read_curves(CURVE)] == ["Scores of held-out clips", "Loss: mel"]
    for said, count in ((CURVE, 2), ({"epochs": "many"}, 0), ([1], 0)):
        write_json(studio.store, "series/toy/voices/anna/1/anna.curve.json", said)
        file = Stored(key="series/toy/voices/anna/1/anna.curve.json", sha256="0" * 64, size=1)
        card = Card(
            series="toy", character="anna", name="A", version="1", engine="rvc", format="f", sample_rate_hz=40000,
            files={"anna.curve.json": file}, minutes=1.0, clips=1, f0_median_hz=None, scores={}, rights={},
        )  # fmt: skip
        assert len(training_curves(studio, card)) == count
    assert training_curves(studio, replace(card, files={})) == ()


def test_a_characters_clips_have_players_from_the_store(tmp_path: Path) -> None:
    studio = studio_at(tmp_path)
    publish(studio, tmp_path, [row("s01e01/00010000"), row("s01e02/00020000", purity=0.1)])
    known = known_character(studio, Media(studio=studio, folder=tmp_path / "report"), "anna")
    assert [each.clip for each in known.report.clips] == ["s01e02/00020000", "s01e01/00010000"]
    assert all((tmp_path / "report" / each.sound.player).is_file() for each in known.report.clips)
    assert known.report.kept == 3.0


def test_assets_are_heard_where_nobody_speaks_and_the_page_is_there_only_if_they_were_listed(tmp_path: Path) -> None:
    studio = studio_at(tmp_path)
    media = Media(studio=studio, folder=tmp_path / "report")
    assert assets_page(studio, media, [], None) is None
    assert facts_of(CUE) == {"Loudness": "−28 LUFS", "Without dialogue": "30 s"}
    assert facts_of(EFFECT)["Over"] == "dialogue and music"


def test_pages_of_a_long_season_stay_small_and_quick() -> None:
    """126 episodes, 4000 clips of a character of which 60 can be played, 12 cues and 40 effects an episode."""
    began = time.process_time()
    keys = [f"s01e{n:03}" for n in range(126)]
    rows = [row(f"{keys[n % 126]}/{n:08}", purity=0.2, verdict="kept" if n % 3 else "dropped") for n in range(4000)]
    clips = tuple(ClipReport.of(each, SOUND) for each in to_hear(rows))
    page = CharacterPage(
        series="s", title="t", made=MADE, language="ja", character=CharacterReport(slug="c", name="C", clips=clips),
        lost=lost_by_reason(rows), episodes=episode_bars(rows, keys), histograms=histograms_of(rows),
    )  # fmt: skip
    one = assets().episodes[0]
    many = tuple(replace(one, episode=key, cues=(CUE,) * 12, effects=(EFFECT,) * 40) for key in keys)
    sizes = [len(render_character(page, 0)), len(render_assets(replace(assets(), episodes=many)))]
    assert time.process_time() - began < 5
    assert max(sizes) < 2_000_000


def test_what_was_measured_is_what_the_histograms_show() -> None:
    titles = [each.title for each in histograms_of([row("e/1"), row("e/2")])]
    assert titles == ["Signal over the clip's own pauses (SNR), dB", "Pitch, Hz"]
    assert MEASURED.background_db is None
    assert histograms_of([]) == ()


def test_reasons_are_counted_with_their_seconds() -> None:
    rows: list[Any] = [row(f"e/{n}", seconds=2.0, verdict=v, reason=r) for n, (v, r) in enumerate(VERDICTS * 2)]
    assert {(each.reason, each.seconds, each.clips) for each in lost_by_reason(rows)} == {
        ("unsure", 4.0, 2), ("noisy", 4.0, 2), ("short", 4.0, 2),
    }  # fmt: skip
