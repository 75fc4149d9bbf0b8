"""A season whose stages are Jobs of a cluster, over a bucket: the same bytes as on this machine; nothing is left."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prefect.testing.utilities import prefect_test_harness

from tests.flow.conftest import Scripted  # isort: skip (it sets what Prefect and flows read when they are imported)
from containers.contract.codec import encode
from containers.contract.item import sha256_of
from containers.contract.stages import ExtractRequest, File
from flows.season import season
from infra.engines import engines
from infra.image_names import image_of
from infra.runners.docker import daemon
from infra.stage import Outcome
from tests.contract.material import make
from tests.flow.test_bucket_season import without_times
from tests.kubernetes.cluster import Cluster
from tests.kubernetes.conftest import Yard

pytestmark = [pytest.mark.prefect, pytest.mark.proof]
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
    made = without_times(contents(store))
    assert len(made) > 50
    assert made == without_times(scripted.contents())
    yard.is_empty()
    assert [*store.keys("scratch/starts"), *store.keys("scratch/items")] == []


@pytest.mark.timeout(900)
def test_light_plays_a_real_video_in_a_job(yard: Yard, cluster: Cluster, tmp_path: Path) -> None:
    """One stage, since the image of light takes minutes to make and to load; all of them: test_contract.py."""
    light = engines()["light"]
    with daemon() as client:
        if not client.images.list(name=image_of(light, "cpu")):
            pytest.skip(f"no image {image_of(light, 'cpu')}; run: make images ENGINES=light")
    cluster.load(image_of(light, "cpu"))
    video = make(tmp_path).video
    request = encode(ExtractRequest(video=File(path="in/video", sha256=sha256_of(video))))
    job = replace(yard.job("e1", light), stage="extract", request=request, inputs={"in/video": video})
    outcome = yard.one(job)
    assert isinstance(outcome, Outcome), outcome
    assert outcome.engine.startswith("light ")
    recording = outcome.result["recording"]
    assert sha256_of(outcome.folder / recording["path"]) == recording["sha256"]
    assert outcome.run["host"].startswith("voicecast-light-"), "it ran in a pod"
    yard.is_empty()
