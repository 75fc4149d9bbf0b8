"""How often a deployment's run may die: the server starts it again (flows.automations), and one that dies of itself
must not be started for ever."""

from __future__ import annotations

from prefect import get_client
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext

from containers.contract.errors import EngineError

LIVES = 3


def check_lives() -> None:
    """At the head of a run's body; EngineError, which fails the run, if it died too often without an end between."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return
    with get_client(sync_client=True) as client:
        died = deaths(client.read_flow_run_states(context.flow_run.id))
    if died >= LIVES:
        raise EngineError(
            f"this run died {died} times (killed, out of memory, its machine gone) and is not started again by itself; "
            "see the worker's log, then press Retry: it goes on where it was"
        )


def deaths(states: list[State]) -> int:
    """Crashes of a living run since it last ended otherwise; a crash that is told twice is one."""
    count, living = 0, False
    for state in sorted(states, key=lambda each: each.timestamp):
        if state.is_running():
            living = True
        elif state.is_crashed():
            count, living = count + living, False
        elif state.is_final() or state.is_paused():
            count, living = 0, False
    return count
