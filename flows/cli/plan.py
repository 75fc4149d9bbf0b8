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
    """Hours, GPU hours, disk, bucket and cost of a series, from its minutes and stated assumptions."""
    from infra.slots import MachineSlots
    from tasks import planning
    from tasks.episodes.episodes import list_episodes
    from tasks.opening import with_engines

    told = planning.assumptions(assumptions or planning.FILE, pairs(assume, "--assume"))
    studio = opened(config, store, engines=engine)
    episodes = list_episodes(studio.series, studio.store)
    with stage_bars() as bars, ThreadPoolExecutor(32) as pool:
        able = with_engines(studio, MachineSlots(), bars)
        found = list(pool.map(lambda each: probed(able, each), episodes))
    minutes = [each.duration / 60 for each in found if not isinstance(each, StageError) and each.duration]
    unknown = len(found) - len(minutes)
    chosen = {stage: studio.series.engine(stage) for stage in ("separate", "diarize", "train")}
    made = planning.plan(minutes, len(studio.series.characters), chosen, told, cores, gpu)
    table = Table("", "")
    for what, figure in (
        ("episodes", f"{made.episodes} of {made.minutes / max(1, made.episodes):.1f} min"),
        ("core hours", f"{made.cpu_hours:.1f}"),
        ("GPU hours", f"{made.gpu_hours:.1f}"),
        (f"hours on {cores} cores and {gpu} GPUs, at least", f"{made.wall_hours:.1f}"),
        ("bucket or store, GB", f"{made.bucket_gb:.0f}"),
        ("disk with files under way, GB", f"{made.disk_gb:.0f}"),
        ("cost of computing", f"{made.cost:.2f}, {made.cost_per_episode:.3f} an episode"),
        ("cost of keeping, a month", f"{made.cost_per_month:.2f}"),
    ):
        table.add_row(cell(what), cell(figure))
    console.print(table)
    if unknown:
        say(f"{unknown} episodes say no length or cannot be read and are not counted; see voicecast check", "yellow")
    shown = Table("reckoned with", "", "how", "of what")
    for name, each in told.items():
        shown.add_row(cell(name), cell(f"{each.value:g}"), cell(each.how), cell(each.about))
    console.print(shown)
