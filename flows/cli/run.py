"""season, prepare, dataset, train: the flows, from the command line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from flows.cli.options import (
    Config,
    Engines,
    LabelPolicy,
    Only,
    Options,
    Runners,
    Sample,
    StoreAt,
    at,
    character_id,
    keys,
    opened,
    options_of,
    pairs,
    policy,
)
from flows.cli.outcomes import counted, end_with, name_failed, name_revoked, name_without_data, show_season
from flows.cli.terminal import STARTING, at_terminal, console, interruption_said, say, say_problems, stage_bars

if TYPE_CHECKING:
    from flows.season import Season
    from tasks.studio import Studio


def add_to(app: typer.Typer) -> None:
    for command in (season, prepare, dataset, train):
        app.command()(command)


def season(
    config: Config = None,
    store: StoreAt = None,
    labels: LabelPolicy = None,
    engine: Engines = None,
    runner: Runners = None,
) -> None:
    """All of it: prepare the episodes, wait for labels, make data sets, train voices."""
    from tasks.status import status_of

    done = run_season(config, store, labels, engine, runner)
    if done.waiting and at_terminal():
        from flows.cli.label import label_waiting

        label_waiting(opened(config, store))
        done = run_season(config, store, labels, engine, runner)
    stands = status_of(opened(config, store, engines=engine, runners=runner))
    show_season(done, stands, at(config, store))


def run_season(
    config: Path | None,
    store: str | None,
    labels: str | None,
    engine: list[str] | None = None,
    runner: list[str] | None = None,
) -> Season:
    """The season's outcome; where nothing is left to do, seen in the store before Prefect is started."""
    from flows import season as flow
    from flows.forms import TELL

    labels = policy(labels)
    studio = opened(config, store, engines=engine, runners=runner)
    name_revoked(studio)
    done = flow.finished(studio, labels or studio.series.labels)
    if done:
        console.print("Everything is finished already; nothing was started.", style="dim")
        return done
    console.print("Starting Prefect (half a minute without a server of your own) ...", style="dim")
    with started(studio):
        TELL.set(say)
        outcome: Season = flow.season(**_parameters(config, store, engine, runner), labels=labels)
    return outcome


@contextmanager
def started(prepares: Studio | None = None, only: list[str] | None = None, sample: int | None = None) -> Iterator[None]:
    """Inside, flows run: with a Prefect server, and bars of what engines do. `prepares`: whose episodes, these or all,
    the first flow prepares."""
    from flows.head_start import head_start
    from flows.temporary_server import prefect_server

    with interruption_said(), stage_bars(STARTING), ExitStack() as held:
        with head_start(prepares, only, sample) if prepares else nullcontext():
            held.enter_context(prefect_server())
        yield


def prepare(
    config: Config = None,
    store: StoreAt = None,
    engine: Engines = None,
    runner: Runners = None,
    only: Only = None,
    sample: Sample = None,
) -> None:
    """Episodes to recordings, stems, turns, clips, linked speakers and suggestions; asks nothing.

    With --sample 8, eight episodes spread over the series: label them, and the rest follows by itself.
    """
    from flows.prepare import prepare_series
    from tasks.status import status_of, waiting_said

    studio = opened(config, store, engines=engine, runners=runner)
    with started(studio, keys(only), sample):
        done = prepare_series(**_parameters(config, store, engine, runner), only=keys(only), sample=sample)
    say(f"{len(done.prepared)} episodes are prepared, {len(done.cast.speakers)} speakers heard.")
    found = status_of(studio)
    say_problems(found.problems)
    if found.waiting:
        here = at(config, store)
        say(f"Next: voicecast label{here}, or voicecast review{here} for a page ({waiting_said(found.waiting)})")
    name_failed(done.failed)
    end_with(done.failed, found)


def dataset(
    config: Config = None,
    store: StoreAt = None,
    labels: LabelPolicy = None,
    engine: Engines = None,
    runner: Runners = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Only say what deciding anew would change; nothing is written or cleaned")
    ] = False,
) -> None:
    """Labels to data sets, without training."""
    studio = opened(config, store, engines=engine, runners=runner)
    if explain:
        explain_data_sets(studio)
        return
    from flows.dataset import make_data_sets
    from tasks.speakers.casting import cast_of

    cast_of(studio)  # says what is missing before Prefect is started
    name_revoked(studio)
    labels = policy(labels)
    with started():
        made = make_data_sets(**_parameters(config, store, engine, runner), labels=labels)
    table = Table("character", "minutes", "clips", "dropped")
    for each in made.ready:
        table.add_row(each.character, f"{each.minutes:.1f}", str(each.clips), counted(each.dropped))
    console.print(table)
    for each in made.ready:
        if each.missing:
            say(f"{each.character}: {each.missing.said()}")
    name_without_data(made.failed)


def explain_data_sets(studio: Studio) -> None:
    """What the thresholds and labels of now would change, from measurements alone and without Prefect."""
    from tasks.clips import data_sets
    from tasks.episodes.prepared import prepared_episodes
    from tasks.labelling import labels
    from tasks.speakers import casting

    said = labels.load(studio.store, studio.series.series)
    changes = data_sets.decide_anew(studio, casting.cast_of(studio), said, prepared_episodes(studio))
    table = Table("character", "minutes now", "then", "clips now", "then", "would come in", "would go", "left out then")
    for each in changes:
        table.add_row(
            each.character, f"{each.minutes_now:.1f}", f"{each.minutes_then:.1f}", str(each.clips_now),
            str(each.clips_then), counted(each.added), counted(each.removed), counted(each.reasons_then),
        )  # fmt: skip
    console.print(table)


def train(
    character: Annotated[list[str] | None, typer.Argument(help="Characters; all, if none is named")] = None,
    config: Config = None,
    store: StoreAt = None,
    engine: Engines = None,
    runner: Runners = None,
    option: Options = None,
    go_on: Annotated[
        bool, typer.Option("--go-on", help="Train the current voices on, with the clips of today")
    ] = False,
    begin_from: Annotated[
        list[Path] | None,
        typer.Option(
            "--from", help="A file of a voice to train on from (rvc: .pth, .index); repeatable, one CHARACTER"
        ),
    ] = None,
    min_minutes: Annotated[
        float | None, typer.Option(min=0, help="Train with so little speech too; default: what the engine asks for")
    ] = None,
) -> None:
    """Data sets to voices."""
    from flows.train import How, train_voices
    from tasks.trust.rights import NoVoice, check_rights

    studio = opened(config, store, engines=engine, runners=runner, options=option)
    character = [character_id(studio, each) for each in character or ()] or None
    for slug in character or ():
        check_rights(studio, slug, "train")
    if begin_from and (go_on or len(character or ()) != 1):
        raise NoVoice("--from is for one CHARACTER that is named, and not together with --go-on")
    for path in begin_from or ():
        if not path.is_file():
            raise NoVoice(f"--from {path} is no file")
    with started():
        done = train_voices(
            **_parameters(config, store, engine, runner),
            characters=character,
            options=options_of(option) or None,
            how=How(
                go_on=go_on,
                begin_from=tuple(str(path.absolute()) for path in begin_from or ()),
                min_minutes=min_minutes,
            ),
        )
    for card in done.voices:
        say(f"{card.character}: voice {card.version} by {card.engine}, {card.minutes:.1f} min of speech")
    for why in done.left_out.values():
        say(f"No voice: {why}", style="yellow")


def _parameters(
    config: Path | None, store: str | None, engine: list[str] | None, runner: list[str] | None
) -> dict[str, Any]:
    """What a flow is told: names only, so that a deployment could be told the same."""
    from tasks.opening import config_path

    return {
        "config": str(config_path(config)),
        "store": store,
        "engines": pairs(engine, "--engine") or None,
        "runners": pairs(runner, "--runner") or None,
    }
