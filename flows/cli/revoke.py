"""revoke, grant: the end of the rights to a voice, and new ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.options import Config, SeriesId, StoreAt, character_id, opened
from flows.cli.terminal import say

if TYPE_CHECKING:
    from tasks.trust.rights_derived import Plan

SHOWN = 12
"""Keys that a dry run names."""


def add_to(app: typer.Typer) -> None:
    app.command()(revoke)
    app.command()(grant)


def revoke(
    character: Annotated[str, typer.Option(help="Whose voice")],
    by: Annotated[str, typer.Option(help="Who revokes, by name; it is kept")],
    reason: Annotated[str, typer.Option(help="Why; it is kept")],
    erase: Annotated[bool, typer.Option("--erase", help="Do it; without this it is only said what would go")] = False,
    config: Config = None,
    store: StoreAt = None,
    series: SeriesId = None,
) -> None:
    """Erase all that was derived from a character's voice, prove it, and refuse the voice from then on."""
    from tasks.trust import rights_derived, rights_revoking

    studio = opened(config, store, series)
    character = character_id(studio, character)
    if not erase:
        _tell(rights_derived.plan(studio, character))
        say("Nothing was erased. To do it, while nothing else runs on this series, add --erase", style="yellow")
        return
    proof = rights_revoking.revoke(studio, character, by, reason)
    say(f"{len(proof.erased)} keys of {character} are erased, each looked for again; the voice is refused from now on.")
    for word, keys in (("still there", proof.still_there), ("a record still names what was erased", proof.named_still)):
        for key in keys:
            say(f"  {word}: {key}", style="red")
    for each in proof.outside:
        say(f"  not in the store, for you to erase: {each}", style="yellow")
    if proof.still_there or proof.named_still:
        raise typer.Exit(1)


def grant(
    character: Annotated[str, typer.Option(help="Whose voice")],
    by: Annotated[str, typer.Option(help="Who grants, by name; it is kept")],
    config: Config = None,
    store: StoreAt = None,
    series: SeriesId = None,
) -> None:
    """Let a revoked voice be made again, on new rights that the series file records."""
    from tasks.trust import rights

    studio = opened(config, store, series)
    character = character_id(studio, character)
    on = rights.grant(studio, character, by)
    said = ", ".join(f"{name} {value}" for name, value in on.items())
    say(f"{character} may be used again, granted by {by}: {said}")
    say("voicecast season cuts its clips anew; labels are as they were")


def _tell(plan: Plan) -> None:
    clips = f"{plan.clips_count} clips of {len(plan.clips)} episodes"
    say(f"{plan.character}: {len(plan.keys)} keys would be erased, {clips} among them")
    for key in plan.keys[:SHOWN]:
        say(f"  {key}")
    if len(plan.keys) > SHOWN:
        say(f"  ... and {len(plan.keys) - SHOWN} more")
    for each in plan.outside:
        say(f"  not in the store, for you to erase: {each}")
