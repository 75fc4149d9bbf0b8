"""The bench of voices fails where a figure is worse than its tolerance, and nowhere else."""

from __future__ import annotations

import json

from tests.bench.voice_regression import BASELINE, TOLERANCES, VOICES, voices_of, worsened

BEFORE = {
    "haruto, 5 lines": {"similarity": 0.9, "f0_error_cents": 11.0, "octave_errors": 0.0, "characters_wrong": None}
}


def now(**changed: float | None) -> dict[str, dict[str, float | None]]:
    return {"haruto, 5 lines": {**BEFORE["haruto, 5 lines"], **changed}}


def test_what_is_worse_than_its_tolerance_is_told() -> None:
    assert worsened(BEFORE, now(similarity=0.88)) == ["haruto, 5 lines: similarity 0.9 -> 0.88, tolerance -0.01"]
    assert len(worsened(BEFORE, now(f0_error_cents=14.5, octave_errors=0.02))) == 2


def test_what_is_better_or_within_its_tolerance_is_not() -> None:
    assert worsened(BEFORE, now(similarity=0.895, f0_error_cents=13.0, characters_wrong=0.4)) == []
    assert worsened(BEFORE, now(similarity=0.99, f0_error_cents=1.0)) == []


def test_a_figure_that_is_not_measured_any_more_is_told() -> None:
    assert worsened(BEFORE, now(similarity=None)) == [
        "haruto, 5 lines: similarity is not measured any more (it was 0.9)"
    ]
    assert len(worsened(BEFORE, {})) == 3


def test_the_baseline_holds_every_voice_and_figure() -> None:
    baseline = json.loads(BASELINE.read_text("utf-8"))
    assert set(baseline) == set(voices_of(VOICES))
    assert all(set(each) == set(TOLERANCES) for each in baseline.values())
