"""Engines in real containers: stub, and an unruly one that stands on stub's image."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from containers.contract.errors import EngineError
from infra import images
from infra.dispatch import Dispatcher
from infra.engines import Engine, engines
from infra.image_names import image_of
from infra.runners.docker import DockerRunner, daemon
from infra.stage import Exit, Job, Outcome, Start
from tests.unit.test_dispatch import STUB, House

UNRULY = replace(STUB, name="unruly", memory_gb=0.1)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = [item for item in items if Path(__file__).parent in item.path.parents]
    for item in here:
        item.add_marker(pytest.mark.docker)
        item.add_marker(pytest.mark.xdist_group("docker"))


@pytest.fixture(scope="session", autouse=True)
def _images() -> None:
    """The images that these tests need; without Docker there is nothing to test."""
    try:
        with daemon():
            pass
    except EngineError as error:
        pytest.skip(str(error).splitlines()[0])
    stub = images.make(engines()["stub"], images.Recipe(variant="cpu"))
    if stub.error:
        pytest.fail(stub.error)
    tag = image_of(UNRULY, "cpu")
    build = [images.docker_program(), "build", "-q", "-t", tag, "--build-arg", f"STUB_IMAGE={stub.image}"]
    subprocess.run([*build, str(Path(__file__).parent / "unruly")], check=True, stdout=subprocess.DEVNULL)


class Dock(House):
    """A house whose jobs run in containers."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.containers = Seen(folder / "work")
        self.dispatcher = Dispatcher(folder / "work", {"docker": self.containers}, self._slots, self.heard.append)

    def job(self, name: str, engine: Engine = UNRULY, options: dict[str, Any] | None = None, **script: Any) -> Job:
        return replace(super().job(name, engine, options, **script), runner="docker")

    def one(self, job: Job) -> Outcome | BaseException:
        (answer,) = self.run(job)
        return answer


class Seen(DockerRunner):
    """The docker runner, noting starts, lines and ends."""

    def __init__(self, work: Path) -> None:
        super().__init__(work)
        self.starts: list[Start] = []
        self.lines: list[str] = []
        self.exits: list[Exit] = []

    def run(self, start: Start, heard: Any) -> Exit:
        self.starts.append(start)

        def hear(line: str) -> None:
            self.lines.append(line)
            heard(line)

        self.exits.append(super().run(start, hear))
        return self.exits[-1]


@pytest.fixture
def dock(tmp_path: Path) -> Dock:
    return Dock(tmp_path)


def containers(folder: Path) -> list[Any]:
    """Containers of runs below a folder, also those that do not run."""
    with daemon() as client:
        return [
            each
            for each in client.containers.list(all=True, filters={"label": "voicecast.owner"}, ignore_removed=True)
            if str(folder) in each.labels["voicecast.owner"]
        ]


def facts(outcome: Outcome | BaseException) -> dict[str, Any]:
    assert isinstance(outcome, Outcome), outcome
    return dict(json.loads((outcome.folder / "out" / "facts.json").read_text("utf-8")))
