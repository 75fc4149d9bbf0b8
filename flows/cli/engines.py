"""engines: which there are, and how to install those with an environment of their own."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from flows.cli.terminal import cell, console, say

app = typer.Typer(help="Which engines are installed, their versions and weights, and what they lack.")


def add_to(root: typer.Typer) -> None:
    root.add_typer(app, name="engines")


@app.callback(invoke_without_command=True)
def engines(context: typer.Context) -> None:
    """Which engines are installed, their versions, and what they lack."""
    if context.invoked_subcommand:
        return
    from infra.engines import engines as known
    from infra.weights import licences, look

    table = Table("engine", "stages", "installed", "GPU", "memory")
    weights = Table("engine", "weights", "licence", "here")
    for engine in known().values():
        table.add_row(
            engine.name, " ".join(engine.stages), cell(_about(engine.name)), str(engine.gpu), f"{engine.memory_gb:g} GB"
        )
        for each in licences(engine.name):
            terms = f"{each.licence} (terms to accept: {each.page})" if each.gated else each.licence
            weights.add_row(engine.name, each.weights, cell(terms), look(each.weights).state)
    console.print(table)
    console.print(weights)
    say("Licences in full, and where each file comes from: voicecast weights list, docs/weights.md")


@app.command()
def install(
    names: Annotated[list[str], typer.Argument(metavar="ENGINE...", help="demucs, pyannote, ...")],
    torch_index: Annotated[
        str | None,
        typer.Option(envvar="TORCH_INDEX", help="Package index with the build of torch to take (CPU, CUDA)"),
    ] = None,
) -> None:
    """Make an engine's environment from its locked requirements, and try it."""
    from containers.contract.errors import EngineError
    from infra.engines import UnknownEngine
    from infra.engines import engines as known
    from infra.environments import install as make

    unknown = sorted(set(names) - set(known()))
    if unknown:
        raise UnknownEngine(f"no engine {', '.join(unknown)}; there are: {', '.join(known())}")
    for name in names:
        with console.status(f"{name} ...") as status:
            make(known()[name], torch_index, lambda step, name=name: status.update(f"{name}: {step} ..."))  # type: ignore[misc]
            status.update(f"{name}: self-test ...")
            version = _about(name)
        if version.startswith("broken"):
            raise EngineError(
                f"engine {name} was installed, but its self-test failed: {version.removeprefix('broken: ')}"
            )
        say(f"{name} is installed: {version}")


def _about(name: str) -> str:
    from infra.engines import engines as known
    from infra.runners.process import about

    folder = Path(tempfile.mkdtemp(prefix="voicecast-"))
    try:
        return about(known()[name], folder)
    finally:
        shutil.rmtree(folder)
