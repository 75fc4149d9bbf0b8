"""What runs after a flow run that was cancelled or has crashed: its worker calls these when the run is gone."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from prefect import Flow, get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.states import AwaitingRetry

from containers.contract.errors import EngineError
from infra.runners import sweep_containers, sweep_jobs

RESTARTS = 2
"""How often a run that crashed is started again."""


def sweep_engines(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:  # noqa: ARG001 (as Prefect calls it)
    """Remove containers and Jobs that the run has left; a machine without Docker or cluster has none."""
    with suppress(EngineError):
        sweep_containers()
    with suppress(EngineError):
        sweep_jobs(str(flow_run.id))


def start_again(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:  # noqa: ARG001
    """Let a run whose process died be run again, a few times: what was finished is in the store."""
    with get_client(sync_client=True) as client:
        crashes = [each for each in client.read_flow_run_states(flow_run.id) if each.is_crashed()]
        if len(crashes) <= RESTARTS:
            client.set_flow_run_state(flow_run.id, AwaitingRetry(message=f"It died; start {len(crashes) + 1}."))
