"""Verdicts: every flaw has a name and a figure, and a threshold of the series file moves it."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from tasks.clips.verdicts import PRESETS, Finding, cut_word, flaw, tags, upsampled_said
from tasks.domain import EpisodeClip, Segment
from tasks.series import SeriesError, read_series
from tests.unit.voices import GOOD

LEAST = """series: kaze
episodes: e/*.mkv
language: ja
characters: {endou: {name: E}}
"""


def clip(**measured: float | None) -> EpisodeClip:
    return EpisodeClip(
        id="s01e01/00001000", episode="s01e01", start=1.0, end=4.0, speaker="SPEAKER_00", sha256="0" * 64,
        consistency=0.9, measurements=replace(GOOD, **measured),  # type: ignore[arg-type]
    )  # fmt: skip


def found(preset: str = "balanced", **measured: float | None) -> Finding | None:
    return flaw(clip(**measured), (), (), PRESETS[preset], {})  # type: ignore[index]


@pytest.mark.parametrize(
    ("measured", "reason"),
    [
        ({"loudness_lufs": None}, "silent"),
        ({"loudness_lufs": -60.0, "snr_db": None}, "silent"),
        ({"clipped_share": 0.03}, "clipped"),
        ({"snr_db": 11.0, "pause_tonality": 0.9}, "music"),
        ({"snr_db": None, "pause_tonality": None, "polyphony": 0.5}, "music"),
        ({"snr_db": 4.0, "pause_tonality": 0.02}, "noisy"),
        ({"singing_probability": 0.9}, "singing"),
        ({"telephone_probability": 0.97, "bandwidth_hz": 3800.0}, "telephone"),
        ({"telephone_probability": 0.1, "bandwidth_hz": 5340.0}, "upsampled"),
    ],
)
def test_a_flaw_is_named_by_what_it_is_and_passes_when_everything_is_wanted(
    measured: dict[str, float | None], reason: str
) -> None:
    balanced = found(**measured)
    assert balanced is not None
    assert balanced[:2] == ("dropped", reason)
    assert found("all", **measured) is None


def test_noise_and_music_at_the_same_level_are_told_apart() -> None:
    assert found(snr_db=11.0, pause_tonality=0.02) is None
    assert found(snr_db=25.0, pause_tonality=0.9) is None, "so faint that it does no harm"


def test_narrow_sound_names_the_rate_it_once_had() -> None:
    assert upsampled_said(5344.0) == "nothing above 5344 Hz, as of sound that once had 11.025 kHz"
    assert upsampled_said(7800.0).endswith("16 kHz")
    assert upsampled_said(6500.0) == "nothing above 6500 Hz"


def test_a_cut_word_is_named_with_its_figure() -> None:
    cut = replace(GOOD, edge_db=2.0)
    assert (cut_word(cut, PRESETS["balanced"]) or ())[:2] == ("dropped", "cut_word")
    assert cut_word(cut, PRESETS["all"]) is None
    assert cut_word(replace(GOOD, edge_db=-30.0), PRESETS["strict"]) is None


def test_an_end_as_quiet_as_the_pauses_of_a_noisy_clip_is_no_cut_word() -> None:
    assert cut_word(replace(GOOD, edge_db=-8.0, snr_db=9.0), PRESETS["balanced"]) is None
    assert cut_word(replace(GOOD, edge_db=-8.0, snr_db=30.0), PRESETS["balanced"]) is not None
    assert cut_word(replace(GOOD, edge_db=-8.0, snr_db=None), PRESETS["balanced"]) is not None


def test_what_recurs_is_left_out_unless_everything_is_wanted() -> None:
    again = {"s01e01/00001000": "recap (R002)"}
    assert flaw(clip(), (), (), PRESETS["balanced"], again) == ("dropped", "recurring", "recap (R002)")
    assert flaw(clip(), (), (), PRESETS["all"], again) is None


@pytest.mark.parametrize("preset", PRESETS)
def test_a_clip_that_a_person_rejected_stays_rejected_whatever_the_preset(preset: str) -> None:
    said = flaw(clip(), (), ["s01e01/00001000"], PRESETS[preset], {})  # type: ignore[index]
    assert said is not None
    assert said[1] == "rejected"


def test_a_person_who_talks_into_it_is_named_with_the_seconds() -> None:
    said = flaw(clip(), [Segment(start=2.5, end=4.5)], (), PRESETS["balanced"], {})
    assert said == ("dropped", "overlap", "somebody else speaks too for 1.50 s")


def test_breaths_are_kept_and_told() -> None:
    assert found(breath_seconds=0.4) is None
    assert tags(replace(GOOD, breath_seconds=0.4)) == ("breath",)
    assert tags(replace(GOOD, breath_seconds=0.0, bandwidth_hz=7800.0)) == ("narrow",)


def test_strict_is_nowhere_laxer_than_balanced_nor_balanced_than_all() -> None:
    for lax, hard in (("all", "balanced"), ("balanced", "strict")):
        for name, value in vars(PRESETS[hard]).items():  # type: ignore[index]
            other = getattr(PRESETS[lax], name)  # type: ignore[index]
            assert other >= value if name.startswith("max") else other <= value, name


# ---------------------------------------------------------------- the series file


def series(folder: Path, quality: str) -> Path:
    path = folder / "series.yaml"
    path.write_text(f"{LEAST}{quality}\n", "utf-8")
    return path


def test_a_preset_alone_and_single_thresholds_are_read(tmp_path: Path) -> None:
    assert read_series(series(tmp_path, "quality: strict")).quality.thresholds((1, 15)) == PRESETS["strict"]
    some = read_series(series(tmp_path, "quality: {preset: strict, min_snr_db: 12, max_repeats: 3}")).quality
    assert some.thresholds((1.0, 9.0)) == replace(PRESETS["strict"], min_snr_db=12.0, max_repeats=3.0, max_seconds=9.0)
    assert read_series(series(tmp_path, "quality: {min_snr_db: -.inf}")).quality.overrides == {"min_snr_db": -math.inf}


@pytest.mark.parametrize(
    ("quality", "said"),
    [
        ("quality: {min_snr: 12}", "line 5: quality.min_snr is no threshold; there are"),
        ("quality: {min_snr_db: high}", "line 5: quality.min_snr_db must be a number, not 'high'"),
        ("quality: great", "line 5: quality"),
    ],
)
def test_a_wrong_threshold_is_told_with_its_line(tmp_path: Path, quality: str, said: str) -> None:
    with pytest.raises(SeriesError) as error:
        read_series(series(tmp_path, quality))
    assert said in str(error.value)
