"""Where the contract's tests run engines, and how tiny weights are made there."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker

from infra.engines import Engine
from infra.image_names import image_of
from infra.readiness import lacks_place
from infra.runners.docker import DockerRunner
from infra.runners.process import ProcessRunner, lay_code
from infra.stage import Runner
from infra.store import open_store

TINY = Path(__file__).parent / "tiny"
"""A script for each engine with weights: it makes small random ones, in the form of the engine's own library."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A runner under test; `python` runs a script with an engine's libraries and hands it a folder."""

    name: str
    runner: Callable[[Path], Runner]
    python: Callable[[Engine, Path, Path], None]

    def lacks(self, engine: Engine) -> str | None:
        """Why an engine cannot run there."""
        lacking = lacks_place(engine, self.name)
        return lacking[0] if lacking else None


def tiny_weights(place: Place, engine: Engine, folder: Path) -> dict[str, Any]:
    """Make the engine's tiny weights in a folder; gives the options that go with them."""
    folder.mkdir(parents=True)
    script = TINY / f"{engine.name}.py"
    if not script.exists():
        return {}
    place.python(engine, script, folder)
    for path in folder.rglob("*"):  # some libraries write for their user alone, and a container's is another
        path.chmod(0o755 if path.is_dir() else 0o644)
    options = folder / "options.json"
    return dict(json.loads(options.read_text("utf-8"))) if options.exists() else {}


def _python_of_process(engine: Engine, script: Path, out: Path) -> None:
    code = lay_code(engine, out.parent / "code")
    subprocess.run(
        [str(engine.interpreter), str(script), str(out)],
        check=True,
        cwd=code,
        env={"PYTHONPATH": str(code), "PATH": "/usr/bin:/bin", "HOME": str(out.parent), "OMP_NUM_THREADS": "1"},
        timeout=280,
    )


def _python_of_docker(engine: Engine, script: Path, out: Path) -> None:
    with closing(docker.from_env()) as client:
        client.containers.run(
            image_of(engine, "cpu"),
            [f"/tiny/{script.name}", "/out"],
            entrypoint="python3",
            user=f"{os.getuid()}:{os.getgid()}",
            environment={"HOME": "/tmp", "OMP_NUM_THREADS": "1"},
            volumes=[f"{script.parent}:/tiny:ro", f"{out}:/out"],
            network_mode="none",
            remove=True,
        )


def _in_a_cluster(_: Path) -> Runner:
    from infra.runners.kubernetes import KubernetesRunner

    return KubernetesRunner(open_store(os.environ["VOICECAST_STORE"]))


class Cluster(Place):
    """A cluster that tests/kubernetes has set up for this process: images of which engines are in it, a store."""

    def lacks(self, engine: Engine) -> str | None:
        loaded = os.environ.get("VOICECAST_TEST_CLUSTER", "").split()
        return None if engine.name in loaded else "see tests/kubernetes"


PLACES = {
    "process": Place(name="process", runner=ProcessRunner, python=_python_of_process),
    "docker": Place(name="docker", runner=DockerRunner, python=_python_of_docker),
    "kubernetes": Cluster(name="kubernetes", runner=_in_a_cluster, python=_python_of_docker),
}
