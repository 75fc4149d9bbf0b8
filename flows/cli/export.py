"""export: a character's data set in the form another tool reads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import Config, SeriesId, StoreAt, character_id, opened
from flows.cli.terminal import say


def add_to(app: typer.Typer) -> None:
    app.command()(export)


def export(
    format: Annotated[str, typer.Option("--format", "-f", help="wavs, lhotse, audiofolder, gpt-sovits or ljspeech")],
    character: Annotated[str, typer.Option(help="Whose data set")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write; one that voicecast did not is left")],
    config: Config = None,
    store: StoreAt = None,
    series: SeriesId = None,
) -> None:
    """Write a data set for another tool: WAVs (RVC), Lhotse, Hugging Face audiofolder, GPT-SoVITS, LJSpeech."""
    from tasks.exporting import exports

    studio = opened(config, store, series)
    made = exports.export(studio, character_id(studio, character), format, output)
    say(f"{made.folder}: {made.clips} clips, {made.seconds / 60:.1f} minutes; README.md says how to use it")
    if made.without_text:
        say(f"{made.without_text} clips have no text and are not in it", style="yellow")
