"""Images as Docker has built them: nothing in them but the engine and the contract, and one that fails fails alone."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from containers.contract.errors import EngineError
from infra import images
from infra.engines import CONTAINERS, engines
from infra.image_names import image_of
from infra.images import buildable
from infra.runners.docker import daemon
from tests.unit.test_dispatch import STUB


def _here() -> list[str]:
    """Engines whose image of today is on this machine."""
    try:
        with daemon() as client:
            tags = {tag for image in client.images.list() for tag in image.tags}
    except EngineError:
        return []
    return [name for name in buildable() if image_of(engines()[name], "cpu") in tags]


def test_an_image_that_fails_does_not_keep_the_others_from_being_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("contract", "stub"):
        shutil.copytree(CONTAINERS / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for module in ("infra.engines", "infra.identity", "infra.images"):
        monkeypatch.setattr(f"{module}.CONTAINERS", tmp_path)
    (tmp_path / "broken").mkdir()
    base = image_of(STUB, "cpu")
    (tmp_path / "broken" / "Dockerfile").write_text(f"FROM {base}\nRUN echo no such thing as tea && false\n")
    monkeypatch.setattr(images, "engines", lambda: {"broken": replace(STUB, name="broken"), "stub": STUB})
    assert images.main([]) == 1
    said = capsys.readouterr().out
    assert "no such thing as tea" in said
    rows = {line.split()[0]: line for line in said.splitlines() if line.startswith(("stub ", "broken "))}
    assert "could not be built" in rows["broken"]
    assert "stub 1" in rows["stub"]


@pytest.mark.parametrize("name", _here())
def test_an_image_holds_its_engine_the_contract_and_a_list_of_packages(name: str) -> None:
    look = "ls /app /app/containers; cat /app/packages.txt; id -u"
    with daemon() as client:
        said = client.containers.run(
            image_of(engines()[name], "cpu"), ["-c", look], entrypoint="sh", network_mode="none", remove=True
        ).decode()
    words = said.split()
    assert words[: words.index("/app/containers:")] == ["/app:", "containers", "packages.txt"]
    assert words[words.index("/app/containers:") + 1 :][:3] == sorted(["__init__.py", "contract", name])
    assert not {line.partition("==")[0].lower() for line in said.splitlines()} & {"prefect", "docker", "kubernetes"}
    assert "10001" in words
    locked = (CONTAINERS / name / "requirements.txt").read_text()
    if "==" in locked:
        assert "torch==2.13.0" in said
