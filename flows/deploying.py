"""A Prefect server brought to the state that voicecast runs in: pool, limits, automations, deployments.

Whatever it was before, it is the same afterwards; what was done is told in lines.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
from prefect import get_client
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from prefect.settings import PREFECT_API_URL

from containers.contract.errors import EngineError
from flows.automations import ensure_automations
from infra.job_templates import Pool, job_template
from infra.settings import HERE
from tasks.series import SeriesError
from tasks.slots import create_limits

TOLD = (
    "entrypoint", "description", "tags", "concurrency_limit", "concurrency_options", "paused", "parameters",
    "work_pool_name", "job_variables", "parameter_openapi_schema",
)  # fmt: skip
"""What makes a deployment what it is."""


@dataclass(frozen=True, kw_only=True)
class Done:
    """One thing on the server, and whether it was made, changed or as it was."""

    what: str
    how: str


def deploy(kind: Pool, name: str, image: str | None, notify: str | None) -> Iterator[Done]:
    """Make or correct everything; tells each thing when it is done. Raises SeriesError where no server answers."""
    check_server()
    yield ensure_pool(kind, name, job_template(kind, image))
    before = limits()
    create_limits()
    for each, limit in sorted(limits().items()):
        yield Done(what=f"limit {each} ({limit})", how=compared(before.get(each), limit))
    known = automations()
    ensure_automations(notify)
    for each, said in sorted(automations().items()):
        yield Done(what=f"automation {each}", how=compared(known.get(each), said))
    before_them = deployments()
    run_prefect_deploy(name)
    for each, said in sorted(deployments().items()):
        yield Done(what=f"deployment {each}", how=compared(before_them.get(each), said))


def check_server() -> None:
    """Raises SeriesError that says how to name a server, if none answers, or none lets us in."""
    address = PREFECT_API_URL.value()
    if not address:
        raise SeriesError("which Prefect server? set PREFECT_API_URL to its address, or start one here: voicecast up")
    try:
        with get_client(sync_client=True) as client:
            client.read_work_pools(limit=1)
    except (httpx.TransportError, RuntimeError) as error:
        raise EngineError(f"no Prefect server answers at {address}: {error}") from error
    except PrefectHTTPStatusError as error:
        status = error.response.status_code
        raise SeriesError(
            f"the Prefect server at {address} refuses ({status}); PREFECT_API_AUTH_STRING=user:password lets you in"
        ) from error


def ensure_pool(kind: Pool, name: str, template: dict[str, Any]) -> Done:
    """The work pool, with our template; a pool of another type of that name is not touched."""
    with get_client(sync_client=True) as client:
        try:
            pool = client.read_work_pool(name)
        except ObjectNotFound:
            client.create_work_pool(WorkPoolCreate(name=name, type=kind, base_job_template=template))
            return Done(what=f"work pool {name}", how="made")
        if pool.type != kind:
            raise SeriesError(f"the work pool {name} is of type {pool.type}, not {kind}; give another --name")
        how = compared(pool.base_job_template, template)
        if how == "changed":
            client.update_work_pool(name, WorkPoolUpdate(base_job_template=template))
        return Done(what=f"work pool {name}", how=how)


def run_prefect_deploy(pool: str) -> None:
    """Prefect's own command on our prefect.yaml; EngineError with what it said last if it fails."""
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", "prefect.yaml"]
    told = {"VOICECAST_POOL": pool, "VOICECAST_TIMEZONE": os.environ.get("VOICECAST_TIMEZONE", "UTC")}
    path = {"PYTHONPATH": os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH", "")]))}
    done = subprocess.run(
        command, env={**os.environ, **told, **path}, cwd=HERE, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise EngineError("prefect deploy failed:\n" + "\n".join((done.stdout + done.stderr).splitlines()[-15:]))


def limits() -> dict[str, int]:
    with get_client(sync_client=True) as client:
        found = client.read_global_concurrency_limits(limit=200, offset=0)
        return {each.name: each.limit for each in found if each.name.startswith("voicecast-")}


def automations() -> dict[str, Any]:
    """Ours; a deployment's are made anew each time, so ids do not count."""
    with get_client(sync_client=True) as client:
        found = client.read_automations()
    ours = [each for each in found if each.name.startswith("voicecast: ")]
    return {each.name: each.model_dump(mode="json", exclude={"id", "actions", "owner_resource"}) for each in ours}


def deployments() -> dict[str, Any]:
    with get_client(sync_client=True) as client:
        found = client.read_deployments(limit=200)
    ours = [each for each in found if "voicecast" in each.tags]
    return {each.name: _said(each) for each in ours}


def _said(deployment: Any) -> dict[str, Any]:
    said: dict[str, Any] = deployment.model_dump(mode="json", include=set(TOLD))
    said["schedules"] = [
        each.model_dump(mode="json", include={"schedule", "active", "slug"}) for each in deployment.schedules
    ]
    return said


def compared(before: Any, after: Any) -> str:
    if before is None:
        return "made"
    return "as it was" if before == after else "changed"
