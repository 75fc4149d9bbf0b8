"""What a Prefect server knows of runs: which work, which wait for people, and which failed and why."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterParentTaskRunId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.settings import PREFECT_API_URL
from prefect.utilities.urls import url_for

FLOWS = ["season", "prepare", "dataset", "train", "speak", "ingest"]
ALIVE = [StateType.RUNNING, StateType.PENDING, StateType.PAUSED, StateType.CANCELLING]
ENDED_BADLY = [StateType.FAILED, StateType.CRASHED]
SHOWN, DAYS, PATIENCE_S = 10, 7, 3.0


def lines_of_server() -> list[str]:
    """A line a run; nothing where no server is set up, one line where it does not answer."""
    if not PREFECT_API_URL.value():
        return []
    try:
        return [*_said(ALIVE), *_said(ENDED_BADLY)]
    except Exception as error:  # noqa: BLE001 (a status is given all the same)
        return [f"the Prefect server {PREFECT_API_URL.value()} does not answer ({type(error).__name__})"]


def _said(states: list[StateType]) -> Iterator[str]:
    recent = datetime.now(UTC) - timedelta(days=DAYS)
    names = [*FLOWS, *(f"voicecast-{each}" for each in FLOWS)]
    with get_client(sync_client=True, httpx_settings={"timeout": PATIENCE_S}) as client:
        runs = client.read_flow_runs(
            flow_filter=FlowFilter(name=FlowFilterName(any_=names)),
            flow_run_filter=FlowRunFilter(
                state=FlowRunFilterState(type=FlowRunFilterStateType(any_=states)),
                parent_task_run_id=FlowRunFilterParentTaskRunId(is_null_=True),
            ),
            sort=FlowRunSort.EXPECTED_START_TIME_DESC,
            limit=SHOWN,
        )
    for run in runs:
        if states is ALIVE or (run.end_time or recent) > recent:
            yield _line(run)


def _line(run: FlowRun) -> str:
    state = run.state
    if state is None:
        return f"run {run.name}"
    if state.type == StateType.PAUSED:
        return f"run {run.name} waits for people ({state.name}); its form: {_page(run)}"
    if state.type in ENDED_BADLY:
        why = " ".join((state.message or "no reason was given").split())
        return f"run {run.name} ended badly: {why[:300]} ({_page(run)})"
    return f"run {run.name}: {state.name} ({_page(run)})"


def _page(run: FlowRun) -> str:
    return url_for(run) or str(run.id)
