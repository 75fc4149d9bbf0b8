"""speak --song: a song in a character's voice."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.terminal import say, stage_bars
from flows.cli.written import write_out
from infra.slots import MachineSlots
from tasks.opening import with_engines
from tasks.speech import songs
from tasks.speech.songs import FORMS
from tasks.speech.speaking import NothingToSay, Spoken
from tasks.studio import Studio

Song = Annotated[bool, typer.Option("--song", help="--audio is a song: its singer's voice is replaced, all else stays")]
Alone = Annotated[bool, typer.Option("--alone", help="With --song: nobody plays along, so separate nothing")]


def sing(
    studio: Studio,
    character: str,
    text: str | None,
    audio: list[Path],
    output: Path,
    pitch_shift: float | None,
    *,
    alone: bool,
) -> None:
    """Write the song and what it is beside it."""
    if len(audio) != 1 or text:
        raise NothingToSay("a song is one recording: give one --audio FILE with --song, and no text")
    if not audio[0].is_file():
        raise NothingToSay(f"--audio {audio[0]} is no file")
    suffix = output.suffix.lower()
    if suffix not in FORMS:
        raise NothingToSay(f"--output {output}: name a song {', '.join(f'*{each}' for each in FORMS)}")
    with stage_bars() as bars:
        made_by = with_engines(studio, MachineSlots(), bars)
        song = songs.Song(character=character, audio=audio[0], alone=alone, shift_semitones=pitch_shift)
        sung = songs.sing(made_by, song)
        data = songs.in_form(made_by, sung, suffix)
    write_out(output, data, studio.store.read(sung.key.replace(".flac", ".json")))
    say(summary(output, sung))


def summary(output: Path, sung: Spoken) -> str:
    """What was made, how far it was moved, and how well the pitch was kept."""
    about, pitch = sung.about, sung.about["pitch"]
    said = f"{output}: {about['duration']:.1f} s, sung as {about['name']} by {about['engine']}"
    said += f", {about['pitch_shift_semitones']:+g} semitones"
    if about["separated_by"]:
        said += f"; separated by {about['separated_by']}"
    if pitch["f0_error_cents"] is None:
        return f"{said}; no pitch was heard"
    return (
        f"{said}; pitch {pitch['f0_error_cents']:.0f} cents off, octave errors {pitch['octave_errors']:.1%} "
        "(as it is heard before and after)"
    )
