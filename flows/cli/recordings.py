"""speak --audio: recordings by one speaker in a character's voice, each to a file of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from containers.contract.errors import RecordingError
from flows.cli.terminal import say as say_line
from flows.cli.terminal import stage_bars
from flows.cli.written import write_out
from infra.slots import MachineSlots
from infra.sources import MEDIA, files_of
from infra.store import AT_ONCE
from tasks.opening import with_engines
from tasks.speech.recordings import Heard, Suggestion, hear, suggested
from tasks.speech.saying import Line, NothingToSay
from tasks.speech.speaking import FORMS, Spoken, in_form, speak
from tasks.studio import Studio
from tasks.voices import Card, voice_to_speak

R = TypeVar("R")
Audio = Annotated[
    list[Path] | None,
    typer.Option(help="A recording of somebody saying it (any sound or video file), or a folder of them; repeatable"),
]
Pitch = Annotated[
    str,
    typer.Option(
        "--pitch",
        "--pitch-shift",
        help="Semitones, such as +3; none; auto: one shift that brings the speaker of all recordings to the "
        "character's pitch; each: one for every recording",
    ),
]


def semitones_of(pitch: str) -> float | None:
    """What is asked for outright; None for auto and each."""
    if pitch in ("auto", "each"):
        return None
    if pitch == "none":
        return 0.0
    try:
        return float(pitch)
    except ValueError as error:
        raise NothingToSay(f"--pitch {pitch}: give semitones (+3, -2.5), auto, each or none") from error


def recordings_in(given: Sequence[Path]) -> tuple[Path, ...]:
    """The recordings that files and folders name, each once; NothingToSay for what is not there."""
    found: dict[Path, None] = {}
    for path in given:
        if path.is_dir():
            inside = [each for each in files_of((str(path.absolute()),), path) if isinstance(each, Path)]
            if not inside:
                raise NothingToSay(f"--audio {path} holds no recordings ({' '.join(sorted(MEDIA))})")
            found |= dict.fromkeys(inside)
        elif path.is_file():
            found[path.absolute()] = None
        else:
            raise NothingToSay(f"--audio {path} is no file and no folder")
    return tuple(found)


def outputs_of(recordings: Sequence[Path], output: Path) -> dict[Path, Path]:
    """Where each is written: the file that was named for a single one, else a folder of WAV files of their names."""
    if len(recordings) == 1 and output.suffix.lower() in FORMS and not output.is_dir():
        return {recordings[0]: output}
    if output.suffix.lower() in FORMS or output.is_file():
        raise NothingToSay(f"--output {output}: name a folder for {len(recordings)} recordings")
    if len(recordings) == 1 and output.suffix and not output.is_dir():
        raise NothingToSay(f"--output {output}: name it {', '.join(f'*{each}' for each in FORMS)}, or a folder")
    names: dict[Path, Path] = {}
    for each in recordings:
        twins = [other for other in recordings if other.stem.casefold() == each.stem.casefold()]
        several = len({other.name.casefold() for other in twins}) < len(twins)
        name = each.stem if len(twins) == 1 else each.name.replace(".", "-")
        names[each] = output / (f"{each.parent.name}-{name}.wav" if several else f"{name}.wav")
    return names


def speak_recordings(studio: Studio, character: str, audio: Sequence[Path], output: Path, pitch: str) -> None:
    """Exit code 3 if some could not be said; each of them is named."""
    asked, recordings = semitones_of(pitch), recordings_in(audio)
    outputs = outputs_of(recordings, output)
    card = voice_to_speak(studio, character)
    with stage_bars() as bars:
        able = with_engines(studio, MachineSlots(), bars)
        heard, silent = _each(recordings, lambda path: hear(able, path))
        shifts = {path: asked for path in heard}
        if asked is None:
            shifts = _suggested(heard, card, together=pitch == "auto")
        lines = {path: Line(character=character, audio=path, pitch_shift=shifts[path]) for path in heard}
        spoken, refused = _each(tuple(heard), lambda path: speak(able, lines[path]))
        for path, each in spoken.items():
            _write(able, each, outputs[path])
    for path, each in spoken.items():
        say_line(f"{summary(outputs[path], each)}{_told(heard[path])}")
    failed = silent | refused
    for path, error in failed.items():
        say_line(f"Not said: {path}: {error}", style="yellow")
    if failed:
        if len(failed) == 1 == len(recordings):
            raise next(iter(failed.values()))
        raise typer.Exit(RecordingError.exit_code)


def _each(paths: Sequence[Path], work: Callable[[Path], R]) -> tuple[dict[Path, R], dict[Path, RecordingError]]:
    """All at once, so that an engine's start takes many; what was made, and what is no recording."""

    def tried(path: Path) -> R | RecordingError:
        try:
            return work(path)
        except RecordingError as error:
            return error

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = dict(zip(paths, pool.map(tried, paths), strict=True))
    failed = {path: each for path, each in answers.items() if isinstance(each, RecordingError)}
    return {path: each for path, each in answers.items() if not isinstance(each, RecordingError)}, failed


def _suggested(heard: Mapping[Path, Heard], card: Card, *, together: bool) -> dict[Path, float | None]:
    groups = [tuple(heard)] if together else [(path,) for path in heard]
    shifts: dict[Path, float | None] = {}
    for group in groups:
        found = suggested([heard[path] for path in group], card.f0_median_hz)
        shifts |= dict.fromkeys(group, found.semitones if found else None)
        if found and group:
            of = "" if together else f" of {group[0].name}"
            say_line(f"Pitch{of}: {_shift(found, card.name)}")
    return shifts


def _shift(found: Suggestion, name: str) -> str:
    return (
        f"{found.semitones:+.2f} semitones, from {found.speaker_hz:.0f} Hz to {name}'s {found.character_hz:.0f} Hz "
        f"(another: --pitch {round(found.semitones):+d})"
    )


def _told(heard: Heard) -> str:
    said = "" if heard.f0_median_hz else "; NO VOICE is heard in the recording: is it silent, or noise?"
    if heard.quieted is None:
        return said
    before, after = heard.quieted.snr_db_before, heard.quieted.snr_db_after
    gained = "" if before is None or after is None else f" ({before:.0f} to {after:.0f} dB)"
    return f"; noise taken off by {heard.quieted.by}{gained}{said}"


def _write(studio: Studio, spoken: Spoken, path: Path) -> None:
    about = studio.store.read(spoken.key.replace(".wav", ".json"))
    write_out(path, in_form(studio, spoken, path.suffix.lower()), about)


def summary(output: Path, spoken: Spoken) -> str:
    """What was made, and how near it is to the character."""
    about, likeness = spoken.about, spoken.about["similarity"]
    said = f"{output}: {about['duration']:.1f} s of synthetic speech as {about['name']} by {about['engine']}"
    if likeness["after"] is None:
        return said
    before = f", the source {likeness['before']:.2f}" if likeness["before"] is not None else ""
    return f"{said}; similarity to the character {likeness['after']:.2f}{before} (1 = the same voice)"
