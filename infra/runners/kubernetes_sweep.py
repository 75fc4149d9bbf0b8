"""Jobs that nobody will fetch results from: of a run that was cancelled, or whose flow has been gone for too long."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

from containers.contract.errors import EngineError
from infra.runners.kubernetes_api import Cluster, cluster
from infra.runners.kubernetes_job import APP, RUN, UNTIL

GRACE_S = 60
OURS = ",".join(f"{key}={value}" for key, value in APP.items())


def sweep_run(run: str) -> list[str]:
    """Delete the Jobs of a flow run, and give their names. Raises EngineError where no cluster answers."""
    with cluster() as api:
        return _delete(api, api.list("jobs", labels=f"{OURS},{RUN}={run}"))


def sweep_orphans() -> list[str]:
    """Delete Jobs whose links have run out, so that nothing of them can arrive any more; gives their names."""
    with cluster() as api:
        gone = [job for job in api.list("jobs", labels=OURS) if _until(job) + GRACE_S < time.time()]
        return _delete(api, gone)


def may_work() -> str:
    """What keeps Jobs from being made here; empty if nothing does."""
    try:
        with cluster() as api:
            api.list("jobs", labels=OURS)
    except EngineError as error:
        return str(error)
    return ""


def _delete(api: Cluster, jobs: list[dict[str, Any]]) -> list[str]:
    return [name for job in jobs if api.delete("jobs", name := str(job["metadata"]["name"]))]


def _until(job: dict[str, Any]) -> float:
    with suppress(KeyError, ValueError):
        return float(job["metadata"]["annotations"][UNTIL])
    return 0.0
