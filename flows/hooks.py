"""What runs after a flow run that was cancelled or has crashed: its worker calls these when the run is gone."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from prefect import Flow
from prefect.client.schemas.objects import FlowRun, State

from containers.contract.errors import EngineError
from infra.runners import sweep_containers, sweep_jobs


def sweep_engines(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:  # noqa: ARG001 (as Prefect calls it)
    """Remove containers and Jobs that the run has left; a machine without Docker or cluster has none."""
    with suppress(EngineError):
        sweep_containers()
    with suppress(EngineError):
        sweep_jobs(str(flow_run.id))
