"""status, report: what there is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from flows.cli.options import Config, SeriesId, StoreAt, opened
from flows.cli.terminal import console, say, stage_bars


def add_to(app: typer.Typer) -> None:
    for command in (status, report):
        app.command()(command)


def status(config: Config = None, store: StoreAt = None, series: SeriesId = None) -> None:
    """What is finished, what waits for whom, and what to do next."""
    from tasks.status import status_of

    found = status_of(opened(config, store, series))
    say(f"{found.series}: {found.prepared} of {found.episodes} episodes are prepared")
    for key in found.outstanding[:10]:
        say(f"  not prepared: {key}", style="dim")
    if len(found.outstanding) > 10:
        say(f"  and {len(found.outstanding) - 10} more", style="dim")
    for key, why in found.left_out.items():
        say(f"  left out: {key}: {why}", style="yellow")
    table = Table("character", "rights", "speakers", "minutes", "of", "voice")
    for each in found.characters:
        rights = "yes" if each.rights else "[red]none[/red]"
        minutes = f"{each.minutes:.1f}" if each.minutes is not None else "-"
        table.add_row(each.slug, rights, str(each.speakers), minutes, f"{each.target:g}", each.voice or "-")
    console.print(table)
    say(found.next_step)


def report(
    config: Config = None,
    store: StoreAt = None,
    series: SeriesId = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write")] = Path("report"),
) -> None:
    """A page to listen to all of it, opened from disk: OUTPUT/index.html."""
    from infra.slots import MachineSlots
    from tasks.opening import with_engines
    from tasks.report_pages import write_report

    studio = opened(config, store, series)
    with stage_bars() as bars:
        page = write_report(with_engines(studio, MachineSlots(), bars), output)
    say(f"Open {page} in a browser.")
