"""speak: a line in a character's voice, or all lines of a script."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from containers.contract.codec import canonical
from flows.cli.dub import Language, Pace, bounds, check_script, told
from flows.cli.options import Config, Engines, Options, Runners, SeriesId, StoreAt, character_id, opened
from flows.cli.outcomes import LEFT_OUT
from flows.cli.recordings import Audio, Pitch, semitones_of, speak_recordings, summary
from flows.cli.sing import Alone, Song, sing
from flows.cli.terminal import console, stage_bars
from flows.cli.terminal import say as say_line
from flows.cli.written import write_out
from infra.slots import MachineSlots
from tasks.opening import with_engines
from tasks.speech.speaking import FORMS, Line, NothingToSay, in_form, in_form_of
from tasks.speech.speaking import speak as say

if TYPE_CHECKING:
    from flows.lines import SpokenScript
    from tasks.studio import Studio


def add_to(app: typer.Typer) -> None:
    app.command()(speak)


def speak(
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="The file to write: .wav, .flac or .mp3, and a .json beside it; a folder of a script or recordings",
        ),
    ],
    character: Annotated[
        str | None, typer.Option(help="Whose voice; of a script, who says lines that name nobody")
    ] = None,
    text: Annotated[str | None, typer.Option(help="What to say")] = None,
    audio: Audio = None,
    script: Annotated[Path | None, typer.Option(help="Lines: .csv, .srt or .ass (docs/speaking.md)")] = None,
    pitch: Pitch = "auto",
    song: Song = False,
    alone: Alone = False,
    language: Language = None,
    pace: Pace = "0.85:1.25",
    series: SeriesId = None,
    config: Config = None,
    store: StoreAt = None,
    engine: Engines = None,
    runner: Runners = None,
    option: Options = None,
) -> None:
    """Say a text, what a recording says, or the lines of a script, in the voices of characters."""
    studio = opened(config, store, series, engine, runner, option)
    character = character and character_id(studio, character)
    if script:
        if text or audio or pitch != "auto":
            raise NothingToSay("--script stands alone: texts, recordings and pitch shifts are in its columns")
        said = told(config, store, series, engine, runner, option)
        speak_all(studio, script, output, character, language, bounds(pace), said)
        return
    if character is None:
        raise NothingToSay("say whose voice: --character")
    if song or alone:
        sing(studio, character, text, audio or [], output, semitones_of(pitch), alone=alone)
        return
    if audio and not text:
        speak_recordings(studio, character, audio, output, pitch)
        return
    check_form(output)
    line = Line(
        character=character,
        text=text,
        audio=audio[0] if audio else None,
        pitch_shift=semitones_of(pitch),
        language=language,
    )
    with stage_bars() as bars:
        made_by = with_engines(studio, MachineSlots(), bars)
        spoken = say(made_by, line)
        data = in_form(made_by, spoken, output.suffix.lower())
    write_out(output, data, studio.store.read(spoken.key.replace(".wav", ".json")))
    say_line(summary(output, spoken))


def check_form(output: Path) -> None:
    if output.suffix.lower() not in FORMS:
        raise NothingToSay(f"--output {output}: name it {', '.join(f'*{each}' for each in FORMS)}")


def speak_all(
    studio: Studio,
    script: Path,
    output: Path,
    character: str | None,
    language: str | None,
    pace: tuple[float, float],
    said: dict[str, Any],
) -> None:
    """The lines of a script, in a folder or in one file; exit code 3 if some could not be said."""
    joined = bool(output.suffix) and not output.is_dir()
    if joined:
        check_form(output)
    check_script(studio, script, character, language)
    from flows.lines import speak_script

    console.print("Starting Prefect (half a minute without a server of your own) ...", style="dim")
    with stage_bars() as bars:
        done = speak_script(str(script.absolute()), character, joined, language, pace, **said)
        if done.reading:
            able = with_engines(studio, MachineSlots(), bars)
            data = in_form_of(able, done.reading.key, done.reading.stated, output.suffix.lower())
            write_out(output, data, canonical(done.reading.stated.stated()).encode())
    if not joined:
        write_lines(studio, done, output)
    spoken = [each for each in done.lines if each.spoken]
    anew = sum(not (each.said and each.said.found) for each in spoken)
    say_line(f"{output}: {len(spoken)} of {len(done.lines)} lines, {anew} said anew")
    for each in done.lines:
        if each.problem:
            say_line(f"Not said: line {each.line.row}: {each.problem}", style="yellow")
    if len(spoken) < len(done.lines):
        raise typer.Exit(LEFT_OUT)


def write_lines(studio: Studio, done: SpokenScript, folder: Path) -> None:
    """A marked WAV a line, named by number and character, with its .json."""
    folder.mkdir(parents=True, exist_ok=True)
    for each in done.lines:
        if each.spoken:
            path = folder / f"{each.line.number:03d}-{each.line.character}.wav"
            about = studio.store.read(each.spoken.key.replace(".wav", ".json"))
            write_out(path, studio.store.read(each.spoken.key), about)
