"""status, report: what there is."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from flows.cli.options import Config, SeriesId, StoreAt, at, opened
from flows.cli.terminal import console, say, say_problems, stage_bars

if TYPE_CHECKING:
    from infra.underway import Underway


def add_to(app: typer.Typer) -> None:
    for command in (status, report):
        app.command()(command)


def status(config: Config = None, store: StoreAt = None, series: SeriesId = None) -> None:
    """What is finished, what works now and how long it will take, what waits for whom, and what to do next."""
    from flows.cli.server_runs import lines_of_server
    from tasks.status import status_of

    studio = opened(config, store, series)
    found = status_of(studio)
    say(f"{found.series}: {found.prepared} of {found.episodes} episodes are prepared")
    for working in found.underway:
        _show_underway(working)
    if found.seconds_left is not None:
        say(f"  about {_span(found.seconds_left)} till the other episodes are prepared, at the pace until now")
    for line in lines_of_server():
        say(f"  {line}")
    for key in found.outstanding[:10]:
        say(f"  not prepared: {key}", style="dim")
    if len(found.outstanding) > 10:
        say(f"  and {len(found.outstanding) - 10} more", style="dim")
    if found.again:
        say(f"  {found.again} of these: prepared before, with another engine, option or file than now;")
        say("  what that changes is made again, and nothing else")
    for name, count in found.unknown.items():
        what = f"labels name {name} ({count} speaker{'s' * (count > 1)}), who is not in the series file"
        say(f"  {what}: add the character, or say anew who it is: voicecast label --all", style="yellow")
    for key, why in found.left_out.items():
        say(f"  left out: {key}: {why}", style="yellow")
    say_problems(found.problems)
    table = Table("character", "rights", "speakers", "minutes", "of", "voice")
    for each in found.characters:
        rights = "yes" if each.rights else "[red]none[/red]"
        minutes = f"{each.minutes:.1f}" if each.minutes is not None else "-"
        table.add_row(each.slug, rights, str(each.speakers), minutes, f"{each.target:g}", each.voice or "-")
    console.print(table)
    file = studio.series.folder / "series.yaml"
    here = at(file, store) if series and not config and file.is_file() else at(config, store, series)
    say("Next: nothing, as long as that works" if found.underway else found.next_step(here))


def _show_underway(each: Underway) -> None:
    """A process at work, and a line for each item it is at."""
    say(f"  at work for {_span(time.time() - each.began)}: process {each.pid} of {each.host}", style="green")
    for item in each.items:
        said = f"{item.done:.0%}, for {_span(time.time() - item.since)}"
        say(f"    {item.name} by {item.engine}: {said}", style="green")


def _span(seconds: float) -> str:
    """A length of time, as a person says it."""
    if seconds < 90:
        return f"{max(0.0, seconds):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def report(
    config: Config = None,
    store: StoreAt = None,
    series: SeriesId = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write")] = Path("report"),
) -> None:
    """A page to listen to all of it, opened from disk: OUTPUT/index.html."""
    from infra.slots import MachineSlots
    from tasks.opening import with_engines
    from tasks.reporting.report_pages import write_report

    studio = opened(config, store, series)
    with stage_bars() as bars:
        page = write_report(with_engines(studio, MachineSlots(), bars), output)
    say(f"Open {page} in a browser.")
