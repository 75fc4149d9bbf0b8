"""Where engines run: a module for each kind of place."""

from __future__ import annotations

from infra.settings import settings
from infra.stage import Runner
from infra.store import Store

NAMES = ("process", "docker", "kubernetes")


def make_runner(name: str, store: Store, run: str = "") -> Runner:
    """The runner of that name, which keeps what it needs in the store or its folder of this machine.

    `run`: id of the flow run, by which what it leaves in a cluster is swept.
    """
    work = store.work
    if name == "kubernetes":
        from infra.runners.kubernetes import KubernetesRunner

        return KubernetesRunner(store, run)
    if name == "docker":
        from infra.runners.docker import DockerRunner

        return DockerRunner(work)
    from infra.runners.process import ProcessRunner

    return ProcessRunner(work, settings().stay_seconds)


def sweep_containers() -> list[str]:
    """Remove containers whose run is gone, and give their names. Raises EngineError where no Docker answers."""
    from infra.runners.docker import sweep

    return sweep()


def sweep_jobs(run: str) -> list[str]:
    """Delete the Jobs of a flow run, where settings name a namespace. Raises EngineError where no cluster answers."""
    from infra.runners.kubernetes_api import is_known
    from infra.runners.kubernetes_sweep import sweep_run

    return sweep_run(run) if is_known() else []
