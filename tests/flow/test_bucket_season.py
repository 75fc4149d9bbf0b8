"""The whole job on a bucket, by the command line, against an S3 server over the wire."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect.settings import PREFECT_API_URL

from infra.demo_series import make_demo_series
from tests.flow.conftest import Scripted, without_times
from tests.unit.s3_servers import Server, moto_server

pytestmark = [pytest.mark.prefect, pytest.mark.xdist_group("prefect"), pytest.mark.proof, pytest.mark.timeout(900)]

HERE = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def moto() -> Iterator[Server]:
    with moto_server() as server:
        yield server


def environment(server: Server, folder: Path) -> dict[str, str]:
    reached = {**server.environment, "VOICECAST_CACHE_DIR": str(folder / "cache"), "PYTHONPATH": str(HERE)}
    return {**os.environ, "PREFECT_API_URL": PREFECT_API_URL.value() or "", **reached}


def voicecast(server: Server, folder: Path, *arguments: object) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli.main", *map(str, arguments)],
        env=environment(server, folder),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def contents(server: Server, bucket: str) -> dict[str, bytes]:
    """All that a season made, but for what may differ: times, decisions, addresses, locks."""
    client, found = server.client(), {}
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="team/series/toy/"):
        for each in page.get("Contents", ()):
            name = each["Key"].removeprefix("team/series/toy/")
            if (
                not name.endswith(".run.json")
                and "labels" not in name
                and name != "series.json"
                and name[:6] != "audit/"
            ):
                found[name] = client.get_object(Bucket=bucket, Key=each["Key"])["Body"].read()
    return found


def into_bucket(server: Server, bucket: str, scripted: Scripted) -> None:
    """The episodes and references of a series lie in a bucket, and its series file says so."""
    for path in [*scripted.folder.glob("episodes/*"), *scripted.folder.glob("refs/*")]:
        key = path.relative_to(scripted.folder).as_posix()
        server.client().put_object(Bucket=bucket, Key=f"in/{key}", Body=path.read_bytes())
        path.unlink()
    said = scripted.config.read_text()
    said = said.replace("episodes: episodes", f"episodes: s3://{bucket}/in/episodes/*.mkv")
    scripted.config.write_text(said.replace("references: refs/", f"references: s3://{bucket}/in/refs/"))


def test_a_season_in_a_bucket_is_the_season_in_a_folder_to_the_byte(moto: Server, scripted: Scripted) -> None:
    for number in (1, 2):
        scripted.episode(number)
    voicecast(moto, scripted.folder, "season", "--config", scripted.config, "--labels", "auto")
    bucket = moto.new_bucket()
    into_bucket(moto, bucket, scripted)
    at = ("--config", scripted.config, "--store", f"s3://{bucket}/team")
    voicecast(moto, scripted.folder, "season", *at, "--labels", "auto")
    assert without_times(contents(moto, bucket)) == without_times(scripted.contents())
    assert "2 of 2" in voicecast(moto, scripted.folder, "status", *at)
    voicecast(moto, scripted.folder, "report", *at)
    assert (scripted.folder / "report" / "index.html").exists()
    voicecast(moto, scripted.folder, "speak", *at, "--character", "anna", "--text", "はい", "--output", "line.wav")
    assert (scripted.folder / "line.wav").stat().st_size > 1000


COUNTS = """
import sys
from pathlib import Path
from infra.runners import process
really = process.ProcessRunner.run
def counted(self, start, heard):
    for item in sorted((start.workdir / "items").iterdir()):
        with open(sys.argv[1], "a") as log:
            log.write(item.name.partition("-")[2] + "\\n")
    return really(self, start, heard)
process.ProcessRunner.run = counted
from flows.cli.main import main
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.parametrize("place", ["folder", "bucket"])
def test_two_workers_who_race_for_episodes_do_each_ones_work_once(place: str, moto: Server, scripted: Scripted) -> None:
    for number in (1, 2, 3):
        scripted.episode(number)
    store = scripted.store if place == "folder" else f"s3://{moto.new_bucket()}/team"
    log = scripted.folder / "starts"
    arguments = [sys.executable, "-c", COUNTS, str(log), "prepare", "--config", str(scripted.config)]
    workers = [
        subprocess.Popen([*arguments, "--store", str(store)], cwd=HERE, env=environment(moto, scripted.folder))
        for _ in range(2)
    ]
    assert [each.wait(600) for each in workers] == [0, 0]
    started = Counter(log.read_text().split())
    assert set(started.values()) == {1}
    assert len(started) == 3 * 7 + 2 * 2  # an episode: six stages, fingerprint twice; two a reference


@pytest.mark.night
def test_the_demo_series_becomes_voices_in_a_bucket(moto: Server, tmp_path: Path) -> None:
    config, bucket = make_demo_series(tmp_path / "demo"), moto.new_bucket()
    at = ("--config", config, "--store", f"s3://{bucket}/team")
    voicecast(moto, tmp_path, "season", *at, "--labels", "auto")
    voicecast(moto, tmp_path, "report", *at)
    assert "<audio" in (tmp_path / "report" / "index.html").read_text("utf-8")
    cards: list[Any] = []
    for page in moto.client().get_paginator("list_objects_v2").paginate(Bucket=bucket):
        keys = [each["Key"] for each in page["Contents"] if each["Key"].endswith("/card.json")]
        cards += [json.loads(moto.client().get_object(Bucket=bucket, Key=key)["Body"].read()) for key in keys]
    assert cards
    assert {each["engine"].split()[0] for each in cards} == {"light"}
