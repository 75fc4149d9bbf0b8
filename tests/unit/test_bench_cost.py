"""The bench of cost: what it counts, that it goes on, and that its page says what was measured (tests/bench/cost)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.bench.cost import material, page
from tests.bench.cost.processes import measured
from tests.bench.cost.results import Results, Run, ratio
from tests.bench.cost.seasons import OURS, PLAIN

BURN = "import time\nwhile time.process_time() < 0.3: pass"


def test_cpu_of_a_program_that_outlives_its_parent_is_counted(tmp_path: Path) -> None:
    program = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {BURN!r}])"
    assert measured([sys.executable, "-c", program], log=tmp_path / "log").cpu_seconds >= 0.3


def test_a_program_that_fails_is_no_measurement(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="no such episode"):
        measured([sys.executable, "-c", "raise SystemExit('no such episode')"], log=tmp_path / "log")


def test_what_was_measured_is_not_measured_again(tmp_path: Path) -> None:
    results = Results(tmp_path)
    assert results.once("season-3", PLAIN, 0, lambda: {"seconds": 2.0}) == {"seconds": 2.0, "repeat": 0}
    assert results.once("season-3", PLAIN, 0, lambda: pytest.fail("measured again"))["seconds"] == 2.0
    assert results.of("season-3") == {PLAIN: [{"seconds": 2.0, "repeat": 0}]}


def test_ratios_are_of_runs_of_one_repeat() -> None:
    ours = [{"repeat": 0, "seconds": 10.0}, {"repeat": 1, "seconds": 40.0}]
    theirs = [{"repeat": 0, "seconds": 20.0}, {"repeat": 1, "seconds": 60.0}, {"repeat": 2, "seconds": 1.0}]
    found = ratio(ours, theirs, "seconds")
    assert (found.least, found.most, found.repeats) == (1.5, 2.0, 2)


def test_a_changed_episode_is_other_sound_of_about_the_same_length_and_power() -> None:
    random = np.random.default_rng(0)
    sound = (random.normal(size=(20 * material.RATE_HZ, 2)) * 0.05).astype(np.float32)
    one, other = (np.concatenate(list(material.varied(sound, seed))) for seed in (1, 2))
    for each in (one, other):
        assert 0.95 < len(each) / len(sound) < 1.1
        assert 0.5 < each.std() / sound.std() < 1.2
    assert abs(np.corrcoef(one[:400000, 0], other[:400000, 0])[0, 1]) < 0.05
    assert np.array_equal(one, np.concatenate(list(material.varied(sound, 1))))


def run_of(seconds: float, **more: Any) -> Run:
    figures = {"seconds": seconds, "cpu_seconds": seconds, "peak_memory_mb": 200, "peak_together_mb": 900}
    return {**figures, "sound_seconds": 240.0, "episodes": 3, "load": [0.5, 1.5], **more}


def test_the_page_names_ratio_load_and_disk_and_needs_no_network(tmp_path: Path) -> None:
    results = Results(tmp_path)
    engines = {"cpu_seconds": 20.0, "share_of_time_by_engines_at_once": {"0": 0.25, "2": 0.75}}
    results.once("season-3", PLAIN, 0, lambda: run_of(30.0))
    results.once("season-3", OURS, 0, lambda: run_of(20.0, engines=engines, disk={"recordings": 18_000_000}))
    page.write(results)
    text = (tmp_path / "index.html").read_text("utf-8")
    for told in ("<td>1.5</td>", "<td>25 %</td>", "<td>0.5 to 1.5</td>", "<td>270</td>", "<svg"):
        assert told in text
    for loading in ("<script", "<link", "<img", "@import", "url(http"):
        assert loading not in text
