"""deploy and arrived: a Prefect server is told of voicecast, and of a new episode."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from flows.cli.terminal import cell, console, say
from infra.job_templates import POOLS


def add_to(app: typer.Typer) -> None:
    app.command()(deploy)
    app.command()(arrived)


def deploy(
    pool: Annotated[str, typer.Option(help="Where flows run: process, docker or kubernetes")] = "process",
    name: Annotated[str | None, typer.Option(help="Name of the work pool; default: as its kind")] = None,
    registry: Annotated[
        str | None, typer.Option(help="Build the image of the house, push it there, and run flows in it by digest")
    ] = None,
    image: Annotated[
        list[str] | None, typer.Option("--image", help="With --registry: this engine's image too; repeatable")
    ] = None,
    notify: Annotated[
        str | None,
        typer.Option(help="Who is told that labels are wanted: a webhook, or type/name of a notification block"),
    ] = None,
) -> None:
    """Make the work pool, limits, automations and deployments of a Prefect server; again: nothing but what changed."""
    from flows.deploying import check_server
    from flows.deploying import deploy as make

    kind = next((each for each in POOLS if each == pool), None)
    if kind is None:
        raise typer.BadParameter(f"--pool {pool}: choose one of {', '.join(POOLS)}")
    if image and not registry:
        raise typer.BadParameter("--image needs --registry, where images are pushed")
    check_server()
    house = push_images(registry, image or []) if registry else None
    shown = Table("on the server", "")
    for done in make(kind, name or kind, house, notify):
        shown.add_row(cell(done.what), cell(done.how))
    console.print(shown)
    say(f"Start a worker where flows may run: prefect worker start --pool {name or kind} --type {kind}")


def push_images(registry: str, engines: list[str]) -> str:
    """Build and push the house, and engines; gives the house by digest."""
    from containers.contract.errors import EngineError
    from infra import images
    from infra.engines import engines as known
    from infra.image_push import push
    from infra.settings import settings
    from infra.slots import gpus

    settings().images = registry.rstrip("/")
    if unknown := sorted(set(engines) - set(images.buildable())):
        raise typer.BadParameter(f"--image {unknown[0]}: there is no such image; see voicecast engines")
    recipe = images.Recipe(
        variant="cuda" if gpus() else "cpu",
        base=os.environ.get("BASE_IMAGE", ""),
        wheels=os.environ.get("WHEELS_IMAGE", ""),
        torch_index=os.environ.get("TORCH_INDEX", ""),
    )
    built = [images.make_house(recipe), *(images.make(known()[each], recipe) for each in engines)]
    if failed := [each for each in built if each.error]:
        raise EngineError(f"{failed[0].image} could not be built: {failed[0].error}")
    digests = [push(each.image) for each in built]
    for each in digests:
        say(f"pushed {each}")
    return digests[0]


def arrived(
    file: Annotated[str, typer.Argument(help="The episode: a path, or s3://bucket/key")],
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="The series file, as the worker sees it; default: its own")
    ] = None,
    store: Annotated[str | None, typer.Option(help="The store, as the worker sees it; default: its own")] = None,
    labels: Annotated[
        str | None, typer.Option(help="ask or auto, for this episode; default: as the series file says")
    ] = None,
) -> None:
    """Say that an episode has arrived: the deployment `ingest` prepares it and goes on with the season."""
    from flows.arrival import tell

    tell(
        file if file.startswith("s3://") else str(Path(file).absolute()),
        config=str(config.absolute()) if config else "",
        store=store or "",
        labels=labels,
    )
    say(f"Told the Prefect server that {file} has arrived; its run appears on the page Runs.")
