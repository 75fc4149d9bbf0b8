"""Where engines run: a module for each kind of place."""

from __future__ import annotations

from pathlib import Path

from infra.stage import Runner

NAMES = ("process", "docker")


def make_runner(name: str, work: Path) -> Runner:
    """The runner of that name, which keeps what it needs below a folder of this machine."""
    if name == "docker":
        from infra.runners.docker import DockerRunner

        return DockerRunner(work)
    from infra.runners.process import ProcessRunner

    return ProcessRunner(work)


def sweep_containers() -> list[str]:
    """Remove containers whose run is gone, and give their names. Raises EngineError where no Docker answers."""
    from infra.runners.docker import sweep

    return sweep()
