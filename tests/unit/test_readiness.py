"""What engines lack is said before hours are spent."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.engines import engines
from infra.readiness import lacks
from infra.settings import settings

DEMUCS = engines()["demucs"]


@pytest.fixture(autouse=True)
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings(), "engines_dir", tmp_path / "engines")
    monkeypatch.setattr(settings(), "weights_dir", tmp_path / "weights")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")


def test_stub_and_light_lack_nothing() -> None:
    assert lacks(engines()["stub"], "process", {}) == lacks(engines()["light"], "process", {}) == []


def test_an_engine_that_is_not_installed_is_named_with_the_commands_that_help() -> None:
    assert lacks(DEMUCS, "process", {}) == [
        "engine demucs is not installed; run: voicecast engines install demucs",
        "engine demucs needs weights; run: voicecast weights fetch htdemucs",
    ]


def test_weights_that_options_name_are_the_ones_that_are_looked_for(tmp_path: Path) -> None:
    (tmp_path / "weights" / "ours").mkdir(parents=True)
    (tmp_path / "weights" / "ours" / "model.safetensors").write_bytes(b"weights of our own")
    assert len(lacks(DEMUCS, "process", {"model": "ours"})) == 1
    voices = ["vocals_mel_band_roformer", "UVR-MDX-NET-Voc_FT"]
    assert f"fetch {' '.join(sorted(voices))}" in lacks(engines()["uvr"], "process", {"model": voices})[1]


def test_weights_of_which_no_source_is_known_are_asked_for_by_their_folder(tmp_path: Path) -> None:
    said = lacks(engines()["uvr"], "process", {"model": ["b", "vocals_mel_band_roformer"]})
    assert said[1].endswith("fetch vocals_mel_band_roformer")
    assert str(tmp_path / "weights" / "b") in said[2]


def test_a_machine_without_docker_says_so() -> None:
    assert "Docker does not answer" in lacks(engines()["stub"], "docker", {})[0]
