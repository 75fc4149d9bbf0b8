"""A dub whose store is a bucket and whose engines run in containers: nothing of it lies beside the series file but what
it was asked to write."""

# ruff: noqa: F401, F811 (fixtures of the other module are imported, and arguments)

from __future__ import annotations

import docker
import pytest

from infra.engines import engines
from infra.runners.docker import OWNER
from tests.contract.places import PLACES
from tests.flow.conftest import Scripted
from tests.flow.test_bucket_season import moto, voicecast
from tests.unit.s3_servers import Server

pytestmark = [pytest.mark.prefect, pytest.mark.docker, pytest.mark.slow, pytest.mark.xdist_group("prefect")]

LINES = "character,text,source,start,end\nanna,Now,,2,3\nben,,refs/B.flac,4,6\n"


@pytest.mark.timeout(900)
def test_a_dub_by_engines_in_containers_comes_out_of_a_bucket(moto: Server, scripted: Scripted) -> None:
    if lacking := PLACES["docker"].lacks(engines()["stub"]):
        pytest.skip(lacking)
    scripted.episode(1)
    at = ("--config", scripted.config, "--store", f"s3://{moto.new_bucket()}/team")
    voicecast(moto, scripted.folder, "season", *at, "--labels", "auto")
    (scripted.folder / "lines.csv").write_text(LINES, "utf-8")
    asked = ("dub", *at, "--script", "lines.csv", "--episode", "s01e01", "--language", "en", "--runner", "stub=docker")
    said = voicecast(moto, scripted.folder, *asked, "--output", "out.mkv")
    assert "2 of 2 lines said anew" in " ".join(said.split())
    names = ["out.flac", "out.json", "out.lines.csv", "out.mkv"]
    assert sorted(path.name for path in scripted.folder.glob("out.*")) == names
    assert not scripted.store.exists()
    containers = docker.from_env().containers.list(all=True, filters={"label": OWNER}, ignore_removed=True)
    assert not [each for each in containers if str(scripted.folder) in each.labels[OWNER]]
