"""A season whose stages are Jobs of a cluster, over a bucket: the same bytes as on this machine; nothing is left."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect.testing.utilities import prefect_test_harness

from tests.flow.conftest import Scripted  # isort: skip (it sets what Prefect and flows read when they are imported)
from flows.season import season
from tests.kubernetes.conftest import Yard

pytestmark = pytest.mark.prefect
DIFFER = (".run.json", "series.json")


@pytest.fixture(scope="module", autouse=True)
def prefect_server() -> Iterator[None]:
    with prefect_test_harness(server_startup_timeout=180):
        yield


def contents(store: Any) -> dict[str, bytes]:
    """All that a season made, but for what may differ: times, decisions, where the series file lies."""
    keys = [key for key in store.keys("series/toy") if not key.endswith(DIFFER) and "labels" not in key]
    return {key.removeprefix("series/toy/"): store.read(key) for key in keys}


@pytest.mark.timeout(900)
def test_a_season_in_jobs_makes_the_same_bytes_as_on_this_machine(yard: Yard, store: Any, tmp_path: Path) -> None:
    scripted = Scripted(tmp_path / "toy")
    for number in (1, 2):
        scripted.episode(number)
    here = season(str(scripted.config), str(scripted.store), "auto")
    scripted.write({"anna": "A", "ben": "B"}, extra="runners: {stub: kubernetes}")
    there = season(str(scripted.config), store.address, "auto")
    assert (there.failed, there.episodes) == (here.failed, here.episodes) == ({}, 2)
    made = contents(store)
    assert len(made) > 50
    assert made == scripted.contents()
    yard.is_empty()
    assert [*store.keys("scratch/starts"), *store.keys("scratch/items")] == []
