"""A season whose heavy stages run in containers: the real Demucs and pyannote.audio, on tiny random weights."""

from __future__ import annotations

import shutil
from pathlib import Path

import docker
import numpy as np
import pytest
import soundfile

from flows.season import season
from infra.engines import engines
from infra.runners.docker import OWNER
from infra.settings import settings
from infra.store import read_json
from tasks.opening import open_series
from tests.contract.material import make
from tests.contract.places import PLACES, tiny_weights

pytestmark = [pytest.mark.prefect, pytest.mark.docker, pytest.mark.slow, pytest.mark.xdist_group("prefect")]

SERIES = """
series: contained
episodes: episodes
language: ja
characters:
  endou_mamoru:
    name: 円堂守
    rights: {basis: synthesized, by: the tests, date: 2026-11-22}
engines: {separate: demucs, diarize: pyannote, embed: pyannote}
runners: {demucs: docker, pyannote: docker}
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two episodes of a few seconds, and tiny weights where a person's lie."""
    place, weights = PLACES["docker"], tmp_path / "weights"
    monkeypatch.setattr(settings(), "weights_dir", weights)
    weights.mkdir()
    for name in ("demucs", "pyannote"):
        lacking = place.lacks(engines()[name])
        if lacking:
            pytest.skip(lacking)
        tiny_weights(place, engines()[name], tmp_path / name)
        for folder in (each for each in (tmp_path / name).iterdir() if each.is_dir()):
            shutil.move(folder, weights / folder.name)
    made = tmp_path / "material"
    made.mkdir()
    video = make(made).video
    (tmp_path / "episodes").mkdir()
    for number in (1, 2):
        shutil.copyfile(video, tmp_path / "episodes" / f"Toy S01E{number:02d}{video.suffix}")
    (tmp_path / "series.yaml").write_text(SERIES, "utf-8")
    return tmp_path / "series.yaml"


def test_a_season_is_separated_and_diarized_in_containers_that_are_gone_afterwards(
    config: Path, tmp_path: Path
) -> None:
    done = season(str(config), str(tmp_path / "store"), "auto")
    assert (done.failed, done.episodes) == ({}, 2)
    studio = open_series(config, str(tmp_path / "store"))
    for key in ("s01e01", "s01e02"):
        folder = f"series/contained/episodes/{key}"
        for stage, engine in (("separate", "demucs 4"), ("diarize", "pyannote"), ("extract", "light")):
            record = read_json(studio.store, f"{folder}/stages/{stage}.json")
            assert record["engine"].startswith(engine)
        stems = [
            soundfile.read(tmp_path / "store" / folder / "stems" / f"{name}.flac")[0]
            for name in ("vocals", "background")
        ]
        recording = soundfile.read(tmp_path / "store" / folder / "recording.flac")[0]
        assert np.abs(stems[0] + stems[1] - recording).max() < 1e-9
    containers = docker.from_env().containers.list(all=True, filters={"label": OWNER}, ignore_removed=True)
    assert not [each for each in containers if str(tmp_path) in each.labels[OWNER]]
