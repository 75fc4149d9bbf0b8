"""The studio: what is finished is found, what is not whole is made again, by stub without Prefect."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from containers.contract.errors import RecordingError
from infra.store import LocalStore
from tasks import orders
from tasks.studio import Studio
from tests.unit.stub_studio import episode_at, looking, studio_at

RECORDING = "series/toy/episodes/s01e01/recording.flac"
RECORD = "series/toy/episodes/s01e01/stages/extract.json"


def test_what_was_made_is_found_by_somebody_who_only_looks(tmp_path: Path) -> None:
    studio, order = studio_at(tmp_path), orders.extract(studio_at(tmp_path), episode_at(tmp_path))
    assert looking(studio).find(order) is None
    made = studio.make(order)
    found = looking(studio).make(order)
    assert (made.found, found.found) == (False, True)
    assert found.result == made.result
    assert found.stored(found.result.recording).key == RECORDING


def test_somebody_who_only_looks_makes_nothing(tmp_path: Path) -> None:
    studio = studio_at(tmp_path)
    with pytest.raises(LookupError, match="extract s01e01 is not finished"):
        looking(studio).make(orders.extract(studio, episode_at(tmp_path)))


@pytest.mark.parametrize(
    "damage",
    [lambda file: file.unlink(), lambda file: file.write_bytes(b""), lambda file: file.write_bytes(b"half")],
    ids=["gone", "empty", "cut short"],
)
def test_a_record_whose_files_are_not_whole_is_no_result(tmp_path: Path, damage: Callable[[Path], Any]) -> None:
    studio = studio_at(tmp_path)
    order = orders.extract(studio, episode_at(tmp_path))
    studio.make(order)
    file = studio.store.path(RECORDING)
    whole = file.read_bytes()
    damage(file)
    assert studio.find(order) is None
    assert not studio.make(order).found
    assert studio.store.read(RECORDING) == whole


def test_another_identity_is_made_anew_and_removes_what_the_old_one_left(tmp_path: Path) -> None:
    studio = studio_at(tmp_path)
    studio.make(orders.extract(studio, episode_at(tmp_path, subtitles=True)))
    assert list(studio.store.keys("series/toy/episodes/s01e01/subtitles"))
    changed = orders.extract(studio, episode_at(tmp_path, title="recut"))
    assert studio.find(changed) is None
    studio.make(changed)
    assert not list(studio.store.keys("series/toy/episodes/s01e01/subtitles"))
    assert studio.find(changed)


def test_what_only_takes_time_makes_nothing_anew(tmp_path: Path) -> None:
    episode = episode_at(tmp_path)
    quick, slow = studio_at(tmp_path), studio_at(tmp_path, options={"stub": {"sleep_s": 9}})
    quick.make(orders.extract(quick, episode))
    assert slow.find(orders.extract(slow, episode))


class PowerCut(BaseException):
    """The end of a process between two writes."""


@pytest.mark.parametrize("writes", [0, 1, 2])
def test_a_death_between_files_and_record_leaves_no_result_and_no_harm(
    tmp_path: Path, writes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record comes last: cut off before any of the writes, nothing is found, and the next run makes it."""
    studio = studio_at(tmp_path)
    order = orders.extract(studio, episode_at(tmp_path, subtitles=True))
    left = iter(range(writes))

    def cut_off(really: Callable[..., None]) -> Callable[..., None]:
        def act(*arguments: Any) -> None:
            if next(left, None) is None:
                raise PowerCut
            really(*arguments)

        return act

    with monkeypatch.context() as patch:
        patch.setattr(LocalStore, "put", cut_off(LocalStore.put))
        patch.setattr(LocalStore, "write", cut_off(LocalStore.write))
        with pytest.raises(PowerCut):
            studio.make(order)
    assert studio.store.size(RECORD) is None
    assert studio.find(order) is None
    assert not studio.make(order).found
    assert studio.find(order)


def test_a_failure_of_the_recording_is_raised_and_leaves_no_record(tmp_path: Path) -> None:
    studio = studio_at(tmp_path)
    with pytest.raises(RecordingError):
        studio.make(orders.extract(studio, episode_at(tmp_path, fail="recording")))
    assert studio.store.size(RECORD) is None


def test_two_runs_at_once_make_a_thing_once(tmp_path: Path) -> None:
    episode = episode_at(tmp_path, sleep_s=0.3)
    studios = [studio_at(tmp_path), studio_at(tmp_path)]

    def make(studio: Studio) -> bool:
        return studio.make(orders.extract(studio, episode)).found

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(make, studios)) == [False, True]
