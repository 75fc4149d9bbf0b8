"""Maintenance, on a schedule: what dead runs left behind goes."""

from __future__ import annotations

from prefect import flow, get_run_logger
from prefect.artifacts import create_table_artifact

from flows.deployments_forms import Upkeep
from infra.settings import settings
from infra.store import open_store
from infra.upkeep import clear_up
from tasks.series import SeriesError


@flow(name="voicecast-maintenance", flow_run_name="maintenance", persist_result=False)
def maintenance(upkeep: Upkeep = Upkeep()) -> None:  # noqa: B008 (a value)
    """Remove containers, Jobs, checkpoints and half-written files that belong to no living run."""
    address = upkeep.store or settings().store
    if not address:
        raise SeriesError("which store? say it in the form, or set VOICECAST_STORE where the worker runs")
    cleared = clear_up(open_store(address), upkeep.work_days)
    for kind, why in cleared.cannot.items():
        get_run_logger().info("%s are not looked after here: %s", kind, why)
    rows: list[dict[str, object]] = [
        {"what": kind, "removed": len(names), "names": ", ".join(names[:10])} for kind, names in cleared.removed.items()
    ]
    create_table_artifact(rows, key="maintenance", description=f"What was removed for {address}")
