"""Runs that died without anybody knowing are started again, on a schedule.

The server's automations (flows.automations) act on events, and a server that is killed loses those it held; a worker
that cannot tell a death leaves the run as it was. This looks at states, which stand in the database.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from prefect import flow, get_client, get_run_logger
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
    TaskRunFilter,
    TaskRunFilterState,
    TaskRunFilterStateType,
)
from prefect.client.schemas.objects import TERMINAL_STATES, FlowRun, State, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.states import AwaitingRetry, Crashed

PATIENCE = {
    StateType.CRASHED: timedelta(minutes=10),
    StateType.PENDING: timedelta(minutes=60),
    StateType.RUNNING: timedelta(minutes=30),
}
"""How long a run may be in a state: an automation has had its chance, a cluster its time to find a node."""
BEATS = timedelta(minutes=15)
"""A run that is Running beats every 30 s."""
OLDEST = timedelta(days=2)
"""What died before is history."""
MOST = 200


@flow(name="voicecast-revive", flow_run_name="revive", persist_result=False)
def revive() -> None:
    """Start runs again that have died and that nobody has taken up; they go on where they were."""
    with get_client(sync_client=True) as client:
        for run in revive_runs(client, datetime.now(UTC)):
            get_run_logger().warning("%s had died as %s and is started again", run.name, run.state_name)
        for name in end_orphans(client, datetime.now(UTC)):
            get_run_logger().info("%s was left Running when what it belongs to ended", name)


def revive_runs(client: SyncPrefectClient, now: datetime) -> list[FlowRun]:
    """Those that were started again, as they were before."""
    wanted = FlowRunFilter(
        tags=FlowRunFilterTags(all_=["voicecast"]),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(PATIENCE))),
        deployment_id=FlowRunFilterDeploymentId(is_null_=False),
    )
    found = client.read_flow_runs(flow_run_filter=wanted, sort=FlowRunSort.START_TIME_DESC, limit=MOST)
    dead = [run for run in found if is_overdue(run, now) and not _beats(client, run, now)]
    for run in dead:
        client.set_flow_run_state(
            run.id, AwaitingRetry(message="It died unseen; what was finished is kept."), force=True
        )
    return dead


def end_orphans(client: SyncPrefectClient, now: datetime) -> list[str]:
    """Runs within a run whose end the server has not heard, crashed on its books; gives their names."""
    running = [StateType.RUNNING, StateType.PENDING]
    ended = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(TERMINAL_STATES))))
    tasks = client.read_task_runs(
        task_run_filter=TaskRunFilter(state=TaskRunFilterState(type=TaskRunFilterStateType(any_=running))),
        flow_run_filter=ended,
        limit=MOST,
    )
    inner = client.read_flow_runs(
        flow_run_filter=FlowRunFilter(
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=running)),
            deployment_id=FlowRunFilterDeploymentId(is_null_=True),
        ),
        limit=MOST,
    )
    unheard: State[Any] = Crashed(message="The server did not hear how it ended.")
    lost = [each for each in tasks if each.state is None or now - each.state.timestamp > BEATS]
    for task in lost:
        client.set_task_run_state(task.id, unheard, force=True)
    dead = [run for run in inner if run.parent_task_run_id and is_overdue(run, now) and not _beats(client, run, now)]
    for run in dead:
        client.set_flow_run_state(run.id, unheard, force=True)
    return [*(each.name for each in lost), *(each.name for each in dead)]


def is_overdue(run: FlowRun, now: datetime) -> bool:
    """Whether a run has been for too long in a state that somebody should have ended."""
    if run.state is None or run.state.type not in PATIENCE:
        return False
    return PATIENCE[run.state.type] < now - run.state.timestamp < OLDEST


def _beats(client: SyncPrefectClient, run: FlowRun, now: datetime) -> bool:
    """Whether a run that is Running has given a sign of life."""
    if run.state is None or not run.state.is_running():
        return False
    wanted = {
        "occurred": {"since": (now - BEATS).isoformat(), "until": now.isoformat()},
        "event": {"name": ["prefect.flow-run.heartbeat"]},
        "resource": {"id": [f"prefect.flow-run.{run.id}"]},
    }
    answer = client.request("POST", "/events/filter", json={"filter": wanted, "limit": 1})
    return bool(answer.json()["events"])
