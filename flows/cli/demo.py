"""demo: the main job on a small series that the program makes itself."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import at
from flows.cli.outcomes import show_season
from flows.cli.recordings import summary
from flows.cli.run import run_season
from flows.cli.terminal import console, stage_bars
from flows.cli.terminal import say as show
from infra.demo_series import make_demo_series
from infra.slots import MachineSlots
from tasks.opening import open_series, with_engines
from tasks.reporting.report_pages import write_report
from tasks.speech.speaking import Line, Spoken, speak
from tasks.status import status_of
from tasks.studio import Studio

TEXT = "必殺技、ゴッドハンド！"
NOTE = (
    "This series is synthetic: one text-to-speech voice, warped into several people, over music made in code. "
    "It shows that every step works and how it looks; it proves little about how well voices are told apart. "
    "The figures on real speech stand at the end of this page."
)


def add_to(app: typer.Typer) -> None:
    app.command()(demo)


def demo(
    folder: Annotated[Path, typer.Argument(help="Where series, store and report go")] = Path("demo"),
    text: Annotated[str, typer.Option(help="What the characters say in the end")] = TEXT,
) -> None:
    """Make a small series, run the whole job on it, and write a page to listen to."""
    began = time.monotonic()
    with console.status("Making a small series (episodes, references, truth) ..."):
        config = make_demo_series(folder)
    store = str(folder / "store")
    season = run_season(config, store, "auto")
    studio = open_series(config, store)
    show_season(season, status_of(studio), at(config, store))
    with stage_bars() as bars:
        able = with_engines(studio, MachineSlots(), bars)
        spoken = say(able, text)
        page = write_report(able, folder / "report", NOTE)
    for slug, line in spoken.items():
        output = folder / f"{slug}.wav"
        output.write_bytes(studio.store.read(line.key))
        show(summary(output, line))
    show(f"Done in {time.monotonic() - began:.0f} s. Open {page.absolute()} in a browser.")


def say(studio: Studio, text: str) -> dict[str, Spoken]:
    """The line in every character's voice."""
    lines = [Line(character=slug, text=text) for slug in studio.series.characters]
    with ThreadPoolExecutor(len(lines)) as pool:
        return {
            line.character: spoken for line, spoken in zip(lines, pool.map(partial(speak, studio), lines), strict=True)
        }
