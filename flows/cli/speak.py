"""speak: a line in a character's voice."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import Config, Engines, Options, Runners, SeriesId, StoreAt, opened
from flows.cli.terminal import say as say_line
from flows.cli.terminal import stage_bars
from infra.slots import MachineSlots
from tasks.opening import with_engines
from tasks.speaking import FORMS, Line, NothingToSay, Spoken, in_form
from tasks.speaking import speak as say


def add_to(app: typer.Typer) -> None:
    app.command()(speak)


def speak(
    character: Annotated[str, typer.Option(help="Whose voice")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The file to write: .wav, .flac or .mp3; a .json goes beside it")
    ],
    text: Annotated[str | None, typer.Option(help="What to say")] = None,
    audio: Annotated[
        Path | None, typer.Option(help="A recording of somebody saying it (any sound or video file)")
    ] = None,
    pitch_shift: Annotated[float | None, typer.Option(help="Semitones; default: the character's own pitch")] = None,
    series: SeriesId = None,
    config: Config = None,
    store: StoreAt = None,
    engine: Engines = None,
    runner: Runners = None,
    option: Options = None,
) -> None:
    """Say a text, or what a recording says, in the voice of a character."""
    studio = opened(config, store, series, engine, runner, option)
    if audio and not audio.is_file():
        raise NothingToSay(f"--audio {audio} is no file")
    if output.suffix.lower() not in FORMS:
        raise NothingToSay(f"--output {output}: name it {', '.join(f'*{each}' for each in FORMS)}")
    line = Line(character=character, text=text, audio=audio, pitch_shift=pitch_shift)
    with stage_bars() as bars:
        made_by = with_engines(studio, MachineSlots(), bars)
        spoken = say(made_by, line)
        data = in_form(made_by, spoken, output.suffix.lower())
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(data)
    output.with_suffix(".json").write_bytes(studio.store.read(spoken.key.replace(".wav", ".json")))
    say_line(summary(output, spoken))


def summary(output: Path, spoken: Spoken) -> str:
    """What was made, and how near it is to the character."""
    about, likeness = spoken.about, spoken.about["similarity"]
    said = f"{output}: {about['duration']:.1f} s of synthetic speech as {about['name']} by {about['engine']}"
    if likeness["after"] is None:
        return said
    before = f", the source {likeness['before']:.2f}" if likeness["before"] is not None else ""
    return f"{said}; similarity to the character {likeness['after']:.2f}{before} (1 = the same voice)"
