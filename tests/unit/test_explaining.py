"""Explaining: what a changed threshold would do is told against the data set as it stands; nothing is written."""

from __future__ import annotations

from pathlib import Path

from tasks.clips.explaining import explain
from tests.unit.data_set_material import publish, row
from tests.unit.stub_studio import studio_at


def test_clips_that_come_and_go_are_counted_by_reason(tmp_path: Path) -> None:
    studio = studio_at(tmp_path)
    stands = [
        row("s01e01/00001000", seconds=2.0),
        row("s01e01/00002000", seconds=2.0),
        row("s01e01/00003000", seconds=3.0, verdict="dropped", reason="noisy"),
    ]
    publish(studio, tmp_path, stands)
    before = {key: studio.store.read(key) for key in studio.store.sizes(f"{studio.home}/characters")}
    anew = [
        row("s01e01/00001000", seconds=2.0, verdict="dropped", reason="music"),
        row("s01e01/00002000", seconds=2.0),
        row("s01e01/00003000", seconds=3.0),
        row("s01e01/00004000", seconds=4.0),
    ]

    change = explain(studio, "anna", anew)

    assert (change.clips_now, change.clips_then) == (2, 3)
    assert (round(change.minutes_now * 60), round(change.minutes_then * 60)) == (4, 9)
    assert change.added == {"noisy": 1, "new": 1}
    assert change.removed == {"music": 1}
    assert before == {key: studio.store.read(key) for key in studio.store.sizes(f"{studio.home}/characters")}


def test_a_character_without_a_data_set_gains_everything(tmp_path: Path) -> None:
    change = explain(studio_at(tmp_path), "anna", [row("s01e01/00001000")])
    assert (change.clips_now, change.added) == (0, {"new": 1})
