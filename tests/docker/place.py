"""The docker runner as a place where the contract's tests run engines."""

from __future__ import annotations

import os
from pathlib import Path

from docker.types import Mount

from containers.contract.errors import EngineError
from infra.engines import Engine
from infra.image_names import image_of
from infra.runners.docker import DockerRunner, daemon
from tests.contract.places import Place


def lacks(engine: Engine) -> str | None:
    try:
        with daemon(engine.name) as client:
            client.images.get(image_of(engine, "cpu"))
    except EngineError as error:
        return str(error)
    return None


def python(engine: Engine, script: Path, out: Path) -> None:
    seen = [Mount(str(script), str(script), type="bind", read_only=True), Mount(str(out), str(out), type="bind")]
    with daemon(engine.name) as client:
        client.containers.run(
            image_of(engine, "cpu"),
            [str(script), str(out)],
            entrypoint=["python3"],
            mounts=seen,
            environment={"HOME": str(out), "OMP_NUM_THREADS": "1"},
            user=f"{os.getuid()}:{os.getgid()}",
            network_mode="none",
            remove=True,
        )


DOCKER = Place(runner=DockerRunner, lacks=lacks, python=python)
