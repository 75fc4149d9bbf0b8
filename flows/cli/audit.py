"""audit: what was done with voices, and whether the log of it is as it was written."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.cli.options import Config, SeriesId, StoreAt, opened
from flows.cli.terminal import say


def add_to(app: typer.Typer) -> None:
    app.command(epilog="Exit codes: 0 done, 2 the log is not as it was written.")(audit)


def audit(
    verify: Annotated[bool, typer.Option("--verify", help="Check the chain of hashes; nothing is listed")] = False,
    head: Annotated[str | None, typer.Option(help="A last hash noted earlier, which must still be in the log")] = None,
    json: Annotated[bool, typer.Option("--json", help="One entry a line, for scripts")] = False,
    config: Config = None,
    store: StoreAt = None,
    series: SeriesId = None,
) -> None:
    """Show or verify the log of rights, trainings, spoken lines, exports, revocations and label decisions."""
    from containers.contract.codec import canonical
    from tasks.trust import audit as log

    studio = opened(config, store, series)
    name = studio.series.series
    if not (verify or head):
        for each in log.entries(studio.store, name):
            about = ", ".join(f"{field} {value}" for field, value in each.about.items())
            say(canonical(each).strip() if json else f"{each.number} {each.time} {each.action}: {about}")
        return
    found = log.verify(studio.store, name, head)
    if found.problem:
        say(f"The audit log of {name} is not as it was written: {found.problem}", style="red")
        raise typer.Exit(2)
    say(f"{found.entries} entries, each follows the one before. Last hash: {found.head}")
