"""An episode is begun when budget and disk have room; it waits for others, and is refused where that is no help."""

from __future__ import annotations

import shutil
from collections import namedtuple
from pathlib import Path
from threading import Event, Thread

import pytest

from infra.store import write_json
from tasks import planning
from tasks.episodes import room
from tasks.episodes.footprint import footprint
from tasks.episodes.room import NoRoom, need_of, reserved, too_little
from tasks.studio import Studio
from tests.unit.stub_studio import episode_at, studio_at

Disk = namedtuple("Disk", "total used free")


def prepared(studio: Studio, key: str, mb: float) -> None:
    """An episode of two minutes that takes so much, half of it gone since."""
    folder, half = f"{studio.home}/episodes/{key}", round(mb * 5e5)
    said = {"prepared": {"duration": 120.0}, "files": {f"{folder}/clips/0001.flac": half}}
    write_json(studio.store, f"{folder}/prepared.json", {**said, "released": {f"{folder}/recording.flac": half}})
    studio.store.write(f"{folder}/clips/0001.flac", b"\0" * half)
    write_json(studio.store, f"{studio.home}/episodes.json", [{"key": key}])


def test_what_an_episode_needs_is_learnt_from_the_series_itself(tmp_path: Path) -> None:
    studio, episode = studio_at(tmp_path), episode_at(tmp_path, "s01e02")
    usual = sum(each.value for each in planning.of_kinds(planning.assumptions()).values())
    assert need_of(studio, episode) == pytest.approx(24 * usual * 1e6)
    prepared(studio, "s01e01", 4.0)
    assert need_of(studio, episode) == pytest.approx(4e6, rel=0.01)
    found = footprint(studio, ["s01e01", "s09e09"])
    assert found
    assert (found.episodes, found.mb_per_minute["recordings"]) == (1, pytest.approx(1.0))


def test_a_video_is_looked_into_where_a_budget_is_to_be_held(tmp_path: Path) -> None:
    studio, episode = studio_at(tmp_path, disk_budget_gb=1), episode_at(tmp_path, "s01e02", duration=120)
    usual = sum(each.value for each in planning.of_kinds(planning.assumptions()).values())
    assert need_of(studio, episode) == pytest.approx(2 * usual * 1e6)


def test_an_episode_that_does_not_fit_is_refused_with_the_ways_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio, episode = studio_at(tmp_path, disk_budget_gb=0.0055), episode_at(tmp_path, "s01e02", duration=120)
    prepared(studio, "s01e01", 4.0)
    with pytest.raises(NoRoom, match=r"s01e02 takes about 0.004 GB .* `keep: least` .* gc --prune --yes"):
        reserved(studio, episode).__enter__()
    assert "not all of them will be prepared" in too_little(studio, [episode])
    enough = studio_at(tmp_path, disk_budget_gb=0.007)
    with reserved(enough, episode):
        pass
    assert too_little(enough, [episode]) == ""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Disk(10**9, 10**9, 10**6))
    with pytest.raises(NoRoom, match=r"the disk of .* has 0.001 GB left"):
        reserved(studio_at(tmp_path), episode).__enter__()


def test_an_episode_waits_while_another_takes_the_room(tmp_path: Path) -> None:
    studio = studio_at(tmp_path, disk_budget_gb=0.008)
    prepared(studio, "s01e01", 4.0)
    begun, next_one = Event(), episode_at(tmp_path, "s01e03", duration=120)
    assert need_of(studio, next_one) < 0.004001e9, "it would fit alone, and its video has been looked into"

    def second() -> None:
        with reserved(studio, next_one):
            begun.set()

    with reserved(studio, episode_at(tmp_path, "s01e02", duration=120)):
        waiting = Thread(target=second)
        waiting.start()
        assert not begun.wait(0.2)
    waiting.join(5)
    assert begun.is_set()
    assert not room._under_way
