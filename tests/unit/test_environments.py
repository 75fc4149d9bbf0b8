"""Environments of engines: made from locked requirements, by the package index that this machine has."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from containers.contract.errors import EngineError
from infra import engines as tables
from infra import identity
from infra.engines import CONTAINERS, Engine, engines
from infra.environments import install, installed
from infra.runners.process import about
from infra.settings import settings

STUB = engines()["stub"]
LOCK = next(
    block
    for block in (CONTAINERS / "light" / "requirements.txt").read_text("utf-8").replace("\\\n", "").splitlines()
    if block.startswith("filelock==")
)
"""One small package, with its hashes."""

BACKEND = """
from dataclasses import dataclass

import filelock

@dataclass(frozen=True, kw_only=True)
class Options:
    pass

def version():
    return f"toy {filelock.__version__}"

def setup(options):
    return options
"""


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """An engine that needs one package."""
    containers = tmp_path / "containers"
    (containers / "toy").mkdir(parents=True)
    shutil.copytree(CONTAINERS / "contract", containers / "contract")
    (containers / "toy" / "backend.py").write_text(BACKEND)
    (containers / "toy" / "requirements.txt").write_text(LOCK + "\n")
    (containers / "toy" / "fit.py").write_text("import pathlib, sys; pathlib.Path(sys.prefix, 'fitted').touch()")
    monkeypatch.setattr(tables, "CONTAINERS", containers)
    monkeypatch.setattr(identity, "CONTAINERS", containers)
    monkeypatch.setattr("infra.runners.process.CONTAINERS", containers)
    monkeypatch.setattr(settings(), "engines_dir", tmp_path / "engines")
    identity.code_hash.cache_clear()
    yield replace(STUB, name="toy", environment="own", python="3.11", weights={})
    identity.code_hash.cache_clear()


def hush(_: str) -> None:
    pass


@pytest.mark.slow
@pytest.mark.parametrize("with_uv", [False, True])
def test_an_engine_is_installed_from_its_lock_fitted_and_says_its_version(
    toy: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, with_uv: bool
) -> None:
    if with_uv and not shutil.which("uv"):
        pytest.skip("uv is not here")
    if not with_uv:
        monkeypatch.setattr("infra.environments.shutil.which", lambda _: None)
    assert "voicecast engines install toy" in about(toy, tmp_path)
    steps: list[str] = []
    install(toy, None, steps.append)
    assert installed(toy)
    assert steps == ["environment", "packages", "fitting"]
    assert (toy.environment_folder / "fitted").exists()
    assert about(toy, tmp_path) == f"toy {LOCK.split()[0].removeprefix('filelock==')}"


@pytest.mark.slow
def test_an_environment_of_an_older_lock_is_no_longer_installed(toy: Engine) -> None:
    install(toy, None, hush)
    with (toy.folder / "requirements.txt").open("a") as stream:
        stream.write("# another lock\n")
    assert not installed(toy)


@pytest.mark.slow
def test_a_package_with_another_hash_is_refused_and_the_message_says_what_to_do(toy: Engine) -> None:
    (toy.folder / "requirements.txt").write_text(LOCK.split()[0] + " --hash=sha256:" + "0" * 64 + "\n")
    with pytest.raises(EngineError, match=r"(?s)step: packages.*voicecast engines install toy"):
        install(toy, None, hush)
    assert not installed(toy)


def test_an_installation_that_was_killed_does_not_count(toy: Engine) -> None:
    subprocess.run(["python3", "-m", "venv", "--without-pip", str(toy.environment_folder)], check=True)
    assert not installed(toy)
    (toy.environment_folder / "installed.json").write_text(json.dumps({"recipe": "of another time"}))
    assert not installed(toy)
