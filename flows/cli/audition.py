"""audition: hear the versions of a voice beside the character, without knowing which is which, and vote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from flows.cli.options import Config, Engines, Options, Runners, SeriesId, StoreAt, character_id, opened
from flows.cli.serving import PORT, Host, Names, Place, Port, Token, serve
from flows.cli.terminal import console, say, stage_bars
from tasks.auditions.audition import Audition, scores_of
from tasks.auditions.audition_export import export as write_to
from tasks.auditions.audition_export import publish
from tasks.auditions.audition_making import Wanted, hold, load
from tasks.auditions.audition_votes import VoteError, cast_votes, results, votes_of
from tasks.studio import Studio
from tasks.trust.rights import check_rights


def add_to(app: typer.Typer) -> None:
    app.command()(audition)


def audition(
    character: Annotated[str, typer.Option(help="Whose voices")],
    text: Annotated[list[str] | None, typer.Option(help="A text they all say; repeatable. Default: three")] = None,
    lines: Annotated[int, typer.Option(min=0, max=40, help="Recordings of the character that they say again")] = 4,
    version: Annotated[
        list[str] | None, typer.Option(help="Only this version (its first letters will do); repeatable")
    ] = None,
    export: Annotated[Path | None, typer.Option(help="Write the page to this folder instead of serving it")] = None,
    votes: Annotated[Path | None, typer.Option(help="Take in votes that a page in a folder saved")] = None,
    summary: Annotated[bool, typer.Option("--summary", help="Only print figures and votes")] = False,
    host: Host = "127.0.0.1",
    port: Port = PORT,
    name: Names = None,
    token: Token = None,
    series: SeriesId = None,
    config: Config = None,
    store: StoreAt = None,
    engine: Engines = None,
    runner: Runners = None,
    option: Options = None,
) -> None:
    """Judge a character's voices by ear: every version beside the character, two at a time, and figures."""
    from flows.audition import AuditionDesk
    from infra.slots import MachineSlots
    from tasks.opening import with_engines

    studio = opened(config, store, series, engine, runner, option)
    character = character_id(studio, character)
    if votes:
        _take_in(studio, character, votes)
        return
    if export:
        check_rights(studio, character, "export")
    with stage_bars() as bars:
        wanted = Wanted(texts=tuple(text or ()), own=lines, versions=tuple(version or ()))
        made = hold(with_engines(studio, MachineSlots(), bars), character, wanted)
    page = publish(studio, made)
    _show(studio, made)
    if export:
        written = write_to(studio, made, export).absolute()
        say(f"Open {written} in a browser. It plays the character's own recordings too.")
        say(f"Votes that are saved there are taken in by: voicecast audition --character {character} --votes FILE")
    elif not summary:
        console.print(f"The page without a service: {page} in the store.", style="dim")
        place = Place(host=host, port=port, names=frozenset(name or ()), token=token)
        serve("The audition", place, lambda links: AuditionDesk(studio, links, made))


def _take_in(studio: Studio, character: str, path: Path) -> None:
    made = load(studio, character)
    if made is None:
        raise VoteError(f"{character} has no audition in this store; run: voicecast audition --character {character}")
    try:
        said = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise VoteError(f"--votes {path}: this is no file of votes ({error})") from error
    taken = cast_votes(studio, made, said, str(path))
    publish(studio, made)
    say(f"{path}: {taken.new} new votes" + (f", {taken.known} that were taken in before" if taken.known else ""))
    _show(studio, made)


def _show(studio: Studio, made: Audition) -> None:
    """Figures, and what votes come to."""
    names = {each.id: f"{each.name} {each.engine}".strip() for each in made.contestants}
    table = Table(box=None, header_style="bold")
    for head in ("voice", "lines", "similarity", "pitch off, cents", "octave errors", "characters wrong", "clipped"):
        table.add_column(head, justify="left" if head == "voice" else "right")
    for each in scores_of(made):
        table.add_row(
            names[each.contestant],
            str(each.lines),
            *(
                "-" if value is None else f"{value:{form}}"
                for value, form in (
                    (each.similarity, ".3f"),
                    (each.f0_error_cents, ".0f"),
                    (each.octave_errors, ".1%"),
                    (each.characters_wrong, ".1%"),
                    (each.clipped_share, ".2%"),
                )
            ),
        )
    console.print(table)
    for result in results(votes_of(studio, made.character), list(names)):
        drawn = f", {result.same} neither" if result.same else ""
        say(
            f"{names[result.first]} nearer than {names[result.second]}: {result.won} to {result.lost}{drawn}; "
            f"win rate {result.rate:.0%} ({result.low:.0%} to {result.high:.0%})"
        )
    if made.no_recogniser:
        say(f"Intelligibility was not measured: {made.no_recogniser}.")
    for sample in made.samples:
        if sample.missing:
            say(f"{names.get(sample.contestant, sample.contestant)}, a line is left out: {sample.missing}")
