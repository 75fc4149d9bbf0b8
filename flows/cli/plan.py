"""plan: what a series will take, before anything is started."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from containers.contract.errors import StageError
from flows.cli.options import Config, Engines, StoreAt, opened, pairs
from flows.cli.series import probed
from flows.cli.terminal import cell, console, say, stage_bars
from tasks.episodes.footprint import Footprint, footprint
from tasks.planning import Assumption


def add_to(app: typer.Typer) -> None:
    app.command()(plan)


def plan(
    config: Config = None,
    store: StoreAt = None,
    engine: Engines = None,
    cores: Annotated[int, typer.Option(min=1, help="Cores that engines may take; default: this machine's")] = (
        os.cpu_count() or 1
    ),
    gpu: Annotated[int, typer.Option(min=0, help="GPUs that engines may take")] = 1,
    assume: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE for one of the figures, such as gpu_hour_price=2; repeatable")
    ] = None,
    assumptions: Annotated[Path | None, typer.Option(help="A file of figures, in place of tasks/planning.toml")] = None,
) -> None:
    """Hours, GPU hours, disk, bucket and cost of a series, from its minutes and stated assumptions; what its own
    prepared episodes take counts before those."""
    from infra.settings import settings
    from infra.slots import MachineSlots
    from tasks import planning
    from tasks.episodes.episodes import list_episodes
    from tasks.opening import with_engines

    studio = opened(config, store, engines=engine)
    episodes = list_episodes(studio.series, studio.store)
    seen = seen_of(footprint(studio, [each.key for each in episodes]))
    told = planning.assumptions(assumptions or planning.FILE, pairs(assume, "--assume"), seen)
    with stage_bars() as bars, ThreadPoolExecutor(32) as pool:
        able = with_engines(studio, MachineSlots(), bars)
        found = list(pool.map(lambda each: probed(able, each), episodes))
    minutes = [each.duration / 60 for each in found if not isinstance(each, StageError) and each.duration]
    unknown = len(found) - len(minutes)
    chosen = {stage: studio.series.engine(stage) for stage in ("separate", "diarize", "train")}
    goes, at_once = studio.series.keep.goes, settings().episodes_at_once
    made = planning.plan(minutes, len(studio.series.characters), chosen, told, cores, gpu, goes, at_once)
    table = Table("", "")
    for what, figure in (
        ("episodes", f"{made.episodes} of {made.minutes / max(1, made.episodes):.1f} min"),
        ("core hours", f"{made.cpu_hours:.1f}"),
        ("GPU hours", f"{made.gpu_hours:.1f}"),
        (f"hours on {cores} cores and {gpu} GPUs, at least", f"{made.wall_hours:.1f}"),
        (f"bucket or store in the end, GB (keep: {studio.series.keep.preset})", f"{made.bucket_gb:.1f}"),
        *((f"  of it {kind}", f"{gb:.1f}") for kind, gb in made.kept_gb.items()),
        (f"at most, with {at_once} episodes under way, GB", f"{made.peak_gb:.1f}"),
        ("disk with files under way, GB", f"{made.disk_gb:.0f}"),
        ("cost of computing", f"{made.cost:.2f}, {made.cost_per_episode:.3f} an episode"),
        ("cost of keeping, a month", f"{made.cost_per_month:.2f}"),
    ):
        table.add_row(cell(what), cell(figure))
    console.print(table)
    if studio.series.disk_budget_gb:
        name_budget(studio.series.disk_budget_gb, made.peak_gb)
    if unknown:
        say(f"{unknown} episodes say no length or cannot be read and are not counted; see voicecast check", "yellow")
    shown = Table("reckoned with", "", "how", "of what")
    for name, each in told.items():
        shown.add_row(cell(name), cell(f"{each.value:g}"), cell(each.how), cell(each.about))
    console.print(shown)


def seen_of(found: Footprint | None) -> dict[str, Assumption]:
    """What prepared episodes of the series take, as figures of the plan."""
    if found is None:
        return {}
    about = f"of {found.episodes} prepared episodes of this series"
    return {
        f"{kind}_mb_per_minute": Assumption(value=round(mb, 3), how="measured", about=about)
        for kind, mb in found.mb_per_minute.items()
    }


def name_budget(budget_gb: float, peak_gb: float) -> None:
    """Whether the store will fit into the budget of the series file."""
    if peak_gb <= budget_gb:
        say(f"It fits into disk_budget_gb: {peak_gb:.1f} of {budget_gb:g} GB at most.")
        return
    say(f"It does not fit into disk_budget_gb: {peak_gb:.1f} GB at most, and {budget_gb:g} are allowed.", style="bold")
    say("Keep less (keep: reusable, or keep: least; docs/keeping.md), or allow more.")
