"""weights fetch, list, verify: the files that engines compute with, and where they come from."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich.progress import BarColumn, DownloadColumn, TaskID, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.progress import Progress as Bars
from rich.table import Column, Table

from containers.contract.stages import STAGES
from flows.cli.options import Config
from flows.cli.terminal import cell, console, errors, say
from infra.weights_catalogue import Weights, WeightsError, WeightsRefused

if TYPE_CHECKING:
    from pydantic import SecretStr

    from infra.weights_fetch import Fetched
    from infra.weights_transfer import Heard

BLOCK = "hf-token"
"""The Prefect Secret block that holds the hub's token, where the variable HF_TOKEN is not set."""

app = typer.Typer(no_args_is_help=True, help="The files that engines compute with: fetch, list, verify.")


def add_to(whole: typer.Typer) -> None:
    whole.add_typer(app, name="weights")


@app.command()
def fetch(
    names: Annotated[
        list[str] | None, typer.Argument(help="Weights; those the series' engines need, if none is named")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All that are known")] = False,
    config: Config = None,
    accept_pickle: Annotated[
        list[str] | None,
        typer.Option(help="Weights whose files may run programs when loaded, and that you trust; repeatable"),
    ] = None,
) -> None:
    """Download weights once, checked; a download that was interrupted goes on where it was."""
    from infra.weights_catalogue import catalogue, known
    from infra.weights_fetch import fetch as fetch_one
    from infra.weights_source import WeightsSource

    accepted = {known(name).name for name in accept_pickle or ()}
    wanted = list(catalogue().values()) if every else [known(name) for name in names or needed(config)]
    failed: list[WeightsError | WeightsRefused] = []
    with WeightsSource(token(wanted)) as source, byte_bars() as heard_of:
        for each in wanted:
            try:
                tell(each, fetch_one(each, source, heard_of(each.name), accept_pickle=each.name in accepted))
            except (WeightsError, WeightsRefused) as error:
                failed.append(error)
    if failed:
        kind = WeightsRefused if all(isinstance(each, WeightsRefused) for each in failed) else WeightsError
        raise kind("\n".join(map(str, failed)))


@app.command("list")
def list_all() -> None:
    """What weights there are, which are here, and under what licence."""
    from infra.weights import look, names_here, pinned, weights_folder
    from infra.weights_catalogue import catalogue

    table = Table(Column("weights", overflow="fold", min_width=20), "engines", "state", "size", "pinned", "licence")
    for name in dict.fromkeys([*catalogue(), *names_here()]):
        found, about = look(name), catalogue().get(name)
        size = (
            f"{found.bytes / 1e6:.0f} MB"
            if found.state != "missing"
            else f"about {about.megabytes} MB"
            if about
            else ""
        )
        rest = (pinned(about), f"{about.licence}{' (gated)' if about.gated else ''}") if about else ("", "")
        table.add_row(*map(cell, (name, " ".join(about.engines) if about else "", found.state, size, *rest)))
    console.print(table)
    say(f"They lie in {weights_folder()}; own: a folder that you made.", style="dim")


@app.command()
def verify(
    names: Annotated[list[str] | None, typer.Argument(help="Weights; all that are here, if none is named")] = None,
) -> None:
    """Read every byte of what is here and compare; exit code 1 if something is damaged."""
    from infra.weights import look, names_here

    damaged = {}
    for name in names or names_here():
        found = look(name, hash_again=True)
        if found.state == "damaged":
            damaged[name] = found.wrong
        say(f"{name}: {found.state}" + "".join(f", {file}" for file in found.wrong))
    missing = [name for name in names or () if look(name).state == "missing"]
    if missing:
        raise WeightsError(f"not here: {', '.join(missing)}; run: voicecast weights fetch {' '.join(missing)}")
    if damaged:
        raise WeightsError(f"damaged: {', '.join(damaged)}; run: voicecast weights fetch {' '.join(damaged)}")
    if not names and not names_here():
        say("No weights are here.")


def needed(config: Path | None) -> list[str]:
    """Names of the weights that the engines of the series take."""
    from infra.engines import engines
    from infra.weights import look
    from tasks.opening import config_path
    from tasks.series import read_series

    path = config_path(config)
    if not path.exists():
        raise WeightsRefused(
            f"{path} is not there, so nobody knows which engines are wanted: name weights (voicecast weights list), "
            "a series file (--config), or --all"
        )
    series = read_series(path)
    chosen = {series.engine(stage) for stage in STAGES}
    named = [engines()[name].weights_named(engines()[name].options(series.options.get(name, {}))) for name in chosen]
    if series.dereverb:
        named.append(engines()[series.dereverb.engine].weights_named(series.dereverb.options))
    found = sorted({name for each in named for name in each})
    if not found:
        say("The engines of this series need no weights.")
    return [name for name in found if look(name).state != "own"]


def token(wanted: Sequence[Weights]) -> SecretStr | None:
    """The hub's token: HF_TOKEN, else, where weights are gated and a Prefect server is set up, the block `hf-token`."""
    from pydantic import SecretStr

    said = os.environ.get("HF_TOKEN", "").strip()
    if said:
        return SecretStr(said)
    if not any(each.gated for each in wanted):
        return None
    from prefect.settings import PREFECT_API_URL

    if not PREFECT_API_URL.value():
        return None
    from prefect.blocks.system import Secret

    try:
        block = cast("Secret[str]", Secret.load(BLOCK))
    except ValueError:  # no such block
        return None
    return SecretStr(str(block.get()).strip())


def tell(weights: Weights, done: Fetched) -> None:
    """What was fetched, under what licence, and what had to be trusted."""
    if not done.files:
        say(f"{weights.name}: here already")
        return
    say(f"{weights.name}: fetched {len(done.files)} files; licence: {weights.licence}. {weights.note}".rstrip())
    if done.trusted:
        files = ", ".join(done.trusted)
        say(f"  pinned on this first fetch (pins.json), since nobody had vouched for them: {files}", style="yellow")


@contextmanager
def byte_bars() -> Iterator[Callable[[str], Heard]]:
    """A bar a file, where there is a terminal; gives what listens to the fetch of one name."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=errors, transient=True, disable=not sys.stderr.isatty()) as bars:
        shown: dict[str, TaskID] = {}

        def heard_of(name: str) -> Heard:
            def heard(file: str, here: int, whole: int | None) -> None:
                bar = shown.setdefault(f"{name}/{file}", TaskID(-1))
                if bar < 0:
                    bar = shown[f"{name}/{file}"] = bars.add_task(f"{name}/{file}", total=whole)
                bars.update(bar, completed=here, total=whole, visible=here != whole)

            return heard

        yield heard_of
