"""Maintenance, on a schedule: what dead runs left behind goes, and what series do not keep; damage is looked for."""

from __future__ import annotations

from datetime import UTC, datetime

from prefect import flow, get_run_logger
from prefect.artifacts import create_table_artifact

from flows.deployments_forms import Upkeep
from infra.settings import settings
from infra.store import Store, StoreError, open_store
from infra.upkeep import clear_up
from tasks.keeping import letting_go
from tasks.keeping.nightly_check import check
from tasks.opening import open_series
from tasks.series import SeriesError

SHOWN = 200
"""Rows of damage; more are one damage of the disk."""


@flow(name="voicecast-maintenance", flow_run_name="maintenance", persist_result=False)
def maintenance(upkeep: Upkeep = Upkeep()) -> None:  # noqa: B008 (a value)
    """Remove containers, Jobs, checkpoints and half-written files that belong to no living run, and what the series
    files do not keep; report damage."""
    address = upkeep.store or settings().store
    if not address:
        raise SeriesError("which store? say it in the form, or set VOICECAST_STORE where the worker runs")
    store = open_store(address)
    cleared = clear_up(store, upkeep.work_days)
    for kind, why in cleared.cannot.items():
        get_run_logger().info("%s are not looked after here: %s", kind, why)
    rows: list[dict[str, object]] = [
        {"what": kind, "removed": len(names), "names": ", ".join(names[:10])} for kind, names in cleared.removed.items()
    ]
    rows += prune_all(store)
    create_table_artifact(rows, key="maintenance", description=f"What was removed for {address}")
    if upkeep.nights:
        report_damage(store, upkeep.nights)


def prune_all(store: Store) -> list[dict[str, object]]:
    """Prune every series of the store by its own file; a row for each that lost something."""
    rows: list[dict[str, object]] = []
    for name in sorted({key.split("/")[1] for key in store.keys("series")}):
        try:
            studio = open_series(store=store.address.removeprefix("file://"), series=name)
            if not studio.series.keep.goes:
                continue
            found = letting_go.look(studio)
            letting_go.let_go(studio, found)
        except (SeriesError, StoreError) as error:
            get_run_logger().info("%s is not pruned now: %s", name, error)
            continue
        for why in found.stay:
            get_run_logger().info("%s keeps what it need not: %s", name, why)
        if found.bytes:
            said = ", ".join(f"{kind} {size / 1e6:.1f} MB" for kind, size in found.by_kind.items())
            rows.append({"what": f"files of {name}", "removed": len(found.episodes), "names": said})
    return rows


def report_damage(store: Store, nights: int) -> None:
    """Tonight's share of the store: what is damaged stands in the log and in an artifact, with the way out."""
    checked = check(store, datetime.now(UTC).toordinal(), nights)
    rows: list[dict[str, object]] = []
    for each in checked:
        seen = each.verified
        get_run_logger().info(
            "%s: %d documents, sizes of %d files, %.1f MB read (a share of 1/%d); %d damaged",
            each.series, seen.documents, seen.files, seen.read_bytes / 1e6, nights, len(seen.broken),
        )  # fmt: skip
        if seen.broken:
            get_run_logger().error("%s: %d things are damaged; run: %s", each.series, len(seen.broken), each.command)
        rows += [
            {"series": each.series, "damaged": one.key, "why": one.why, "run": each.command} for one in seen.broken
        ]
    create_table_artifact(rows[:SHOWN], key="damage", description=f"{len(rows)} damaged things in {store.address}")
