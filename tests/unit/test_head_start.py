"""While a temporary server starts, the first episodes are begun; what cannot be is left for the flow to tell."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.head_start import head_start
from tasks import orders
from tasks.domain import Episode
from tasks.episodes.episodes import list_episodes
from tasks.studio import Studio
from tests.unit.stub_studio import episode_at, looking, studio_at


@pytest.fixture
def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Studio:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # slots are locks there
    episode_at(tmp_path, "s01e01", fail="recording", stage="extract")
    episode_at(tmp_path, "s01e02")
    return looking(studio_at(tmp_path))


def separated(studio: Studio, episode: Episode) -> bool:
    recording = studio.find(orders.extract(studio, episode))
    return bool(recording and studio.find(orders.separate(studio, episode, recording)))


def test_episodes_are_separated_before_there_is_a_server_and_a_broken_one_stops_no_other(studio: Studio) -> None:
    broken, sound = list_episodes(studio.series, studio.store)
    with temporary_settings({PREFECT_API_URL: None}), head_start(studio):
        until = time.monotonic() + 60
        while not separated(studio, sound) and time.monotonic() < until:
            time.sleep(0.05)
    assert separated(studio, sound)
    assert not studio.find(orders.extract(studio, broken))


def test_with_a_server_of_the_users_the_flow_begins_at_once(studio: Studio) -> None:
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}), head_start(studio):
        time.sleep(0.2)
    assert not (studio.store.work / "starts").exists()
