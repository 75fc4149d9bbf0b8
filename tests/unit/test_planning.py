"""The plan of a series: the formula, engines that take work over, and assumptions that are data."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.planning import KINDS, Assumption, assumptions, plan
from tasks.series import SeriesError

LIGHT = {"separate": "light", "diarize": "light", "train": "light"}


def test_hours_and_disk_follow_from_minutes() -> None:
    said = assumptions()
    one = plan([24.0] * 126, 5, LIGHT, said, cores=1, gpus=0)
    minutes = 126 * 24
    assert one.cpu_hours == pytest.approx((minutes * 7.78 + 126 * 2 + 5 * 120) / 3600)
    assert one.gpu_hours == 0
    mb = sum(said[f"{kind}_mb_per_minute"].value for kind in KINDS)
    assert one.bucket_gb == one.peak_gb == pytest.approx((minutes * mb + 5 * 385) / 1000)
    assert plan([24.0] * 126, 5, LIGHT, said, cores=4, gpus=0).wall_hours == pytest.approx(one.wall_hours / 4)


def test_what_is_not_kept_counts_only_while_its_episodes_are_under_way() -> None:
    said = assumptions()
    goes = ("recordings", "vocals", "background")
    minutes = [20.0] * 10 + [60.0, 40.0]
    least = plan(minutes, 0, LIGHT, said, cores=1, gpus=0, goes=goes, at_once=2)
    a_minute = {kind: said[f"{kind}_mb_per_minute"].value / 1000 for kind in KINDS}
    assert least.kept_gb["recordings"] == 0
    assert least.bucket_gb == pytest.approx(300 * (a_minute["clips"] + a_minute["tables"]))
    assert least.peak_gb == pytest.approx(least.bucket_gb + 100 * sum(a_minute[kind] for kind in goes))
    seen = {"clips_mb_per_minute": Assumption(value=9.0, how="measured", about="this series")}
    assert assumptions(seen=seen)["clips_mb_per_minute"].value == 9.0
    assert assumptions(seen=seen, told={"clips_mb_per_minute": "2"})["clips_mb_per_minute"].value == 2.0


def test_an_engine_on_a_gpu_takes_the_work_of_a_stage_off_the_cores() -> None:
    said = assumptions()
    light = plan([60.0], 1, LIGHT, said, cores=1, gpus=1)
    demucs = plan([60.0], 1, {**LIGHT, "separate": "demucs"}, said, cores=1, gpus=1)
    assert light.cpu_hours - demucs.cpu_hours == pytest.approx(60 * 2.91 / 3600)
    assert demucs.gpu_hours == pytest.approx(60 * 0.55 / 3600)
    assert plan([60.0], 2, {**LIGHT, "train": "rvc"}, said, cores=1, gpus=1).gpu_hours == pytest.approx(1.1)


def test_what_is_told_counts_and_says_so() -> None:
    told = assumptions(told={"gpu_hour_price": "2.5"})["gpu_hour_price"]
    assert told == Assumption(value=2.5, how="told", about="one GPU")


@pytest.mark.parametrize("told", [{"gpu_price": "1"}, {"gpu_hour_price": "cheap"}])
def test_a_figure_that_is_none_is_refused(told: dict[str, str]) -> None:
    with pytest.raises(SeriesError, match="--assume"):
        assumptions(told=told)


def test_a_file_that_lacks_a_figure_is_named(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('[voice_mb]\nvalue = 1\nhow = "told"\nabout = "x"\n')
    with pytest.raises(SeriesError, match="lacks background_mb_per_minute"):
        assumptions(tmp_path / "mine.toml")
