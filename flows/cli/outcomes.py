"""What a run of flows gave, said at the terminal: its table, what failed, and what is to be done next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer
from rich.table import Table

from flows.cli.terminal import cell, console, say

if TYPE_CHECKING:
    from flows.season import Season
    from tasks.status import Status
    from tasks.studio import Studio

TRY_AGAIN, LEFT_OUT, LABELS_WANTED = 1, 3, 4
"""Exit codes: the machine failed; something was left out and the rest is done; a person is waited for."""


def show_season(done: Season, stands: Status, at: str = "") -> None:
    """What a season gave, and what is to be done next; `at`: the options that lead a command to this series."""
    if done.to_add:
        say(f"The series file lacks characters that were named. Add to it, and run this again:\n{done.to_add}")
    if done.waiting:
        from tasks.status import waiting_said

        name_failed(done.failed)
        say(f"{waiting_said(len(done.waiting))}: run voicecast label{at}, then this again.", style="bold")
        raise typer.Exit(LABELS_WANTED)
    table = Table("character", "minutes", "clips", "voice", "note")
    voices = {card.character: card for card in done.voices}
    for each in done.data_sets:
        card = voices.get(each.character)
        voice = f"{card.version} by {card.engine}" if card else "none"
        why = (done.left_out or {}).get(each.character, "")
        table.add_row(each.character, f"{each.minutes:.1f}", str(each.clips), voice, cell(why))
    if done.data_sets:
        console.print(table)
    name_failed(done.failed)
    without = (done.left_out or {}).keys() - {each.character for each in done.data_sets}
    say(stands.next_step(at))
    name_without_data({slug: (done.left_out or {})[slug] for slug in sorted(without)})
    end_with(done.failed, stands)


def end_with(failed: dict[str, str], stands: Status) -> None:
    """The exit code for what could not be prepared: 1 where that may go well another time, 3 where it will not."""
    if failed:
        raise typer.Exit(TRY_AGAIN if failed.keys() & set(stands.outstanding) else LEFT_OUT)


def name_revoked(studio: Studio) -> None:
    """Name the characters that are left out because their rights were revoked."""
    from tasks.trust.rights import all_revoked

    for each in all_revoked(studio).values():
        say(f"Left out: {each.said()}", style="yellow")


def name_failed(failed: dict[str, str]) -> None:
    """A line a reason, however many have it: of a full disk, every episode to come."""
    alike: dict[str, list[str]] = {}
    for key, message in sorted(failed.items()):
        alike.setdefault(message.removeprefix(f"{key} "), []).append(key)
    for message, keys in alike.items():
        more = f" and {len(keys) - 10} more" if len(keys) > 10 else ""
        say(f"Left out: {', '.join(keys[:10])}{more}: {message}", style="yellow")


def name_without_data(failed: dict[str, str]) -> None:
    """Name the characters whose data set failed; exit code 1, since trying again can help."""
    for slug, message in failed.items():
        say(f"No data set of {slug}: {message}", style="yellow")
    if failed:
        raise typer.Exit(1)


def counted(reasons: dict[str, int]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
