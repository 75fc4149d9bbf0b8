"""Lines in characters' voices, as flows: one, or a script's (the command line says single lines without Prefect)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger, task, unmapped
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run
from prefect.task_runners import ThreadPoolTaskRunner

from flows.hooks import sweep_engines
from flows.results import address_of, link_result, table_results
from infra.stage import listener_of_run
from tasks.opening import check_engines, open_series, with_engines
from tasks.progress import ended
from tasks.slots import slots_of_run
from tasks.speech.dubbing import cards_of
from tasks.speech.saying import Line
from tasks.speech.scripts import Script, ScriptError, ScriptLine
from tasks.speech.scripts_from import name_of, script_at
from tasks.speech.speaking import Spoken, speak
from tasks.speech.speaking_scripts import LineSpoken, Reading, read_out, speak_line
from tasks.stages import RETRIED
from tasks.studio import Studio
from tasks.voices import Card

LINES_AT_ONCE = 32
"""Lines under way at a time; they wait for engines together, so that a start takes many."""


def lines_at_once() -> Any:
    return ThreadPoolTaskRunner(max_workers=LINES_AT_ONCE)


@task(name="speak", task_run_name="speak as {line.character}", cache_policy=NO_CACHE, persist_result=False)
def speak_one(studio: Studio, line: Line) -> Spoken:
    """Synthesize if there is a text, then convert."""
    return speak(studio, line)


@flow(
    name="speak",
    flow_run_name="speak as {character}",
    on_cancellation=[sweep_engines],
    on_crashed=[sweep_engines],
    persist_result=False,
)
def speak_as(
    character: str,
    text: str | None = None,
    audio: str | None = None,
    pitch_shift: float | None = None,
    config: str | None = None,
    store: str | None = None,
    series: str | None = None,
) -> dict[str, Any]:
    """The key of the spoken line in the store, and what it is."""
    studio = with_engines(open_series(config, store, series=series), slots_of_run(), listener_of_run())
    line = Line(character=character, text=text, audio=Path(audio) if audio else None, pitch_shift=pitch_shift)
    spoken = speak_one(studio, line)
    link_result(studio, spoken.key, f"line {studio.series.series} {character}", line.said, f"A line of {character}")
    get_run_logger().info("the line is %s", address_of(studio, spoken.key))
    return {"key": spoken.key, **spoken.about}


@task(name="line", task_run_name="line {line.number} of {line.character}", **RETRIED)
def speak_a_line(
    studio: Studio, card: Card, line: ScriptLine, language: str | None, bounds: tuple[float, float]
) -> LineSpoken:
    return speak_line(studio, card, line, language, bounds)


@dataclass(frozen=True, kw_only=True)
class SpokenScript:
    """The lines of a script in its order, and all of them in one file, where that was asked for."""

    lines: tuple[LineSpoken, ...]
    reading: Reading | None


@flow(
    name="speak-script",
    flow_run_name=lambda: f"speak {name_of(flow_run.parameters['script'])}",
    task_runner=lines_at_once(),
    on_cancellation=[sweep_engines],
    on_crashed=[sweep_engines],
    persist_result=False,
)
def speak_script(  # noqa: PLR0913, PLR0917 (what a form asks)
    script: str,
    character: str | None = None,
    joined: bool = False,
    language: str | None = None,
    bounds: tuple[float, float] = (0.85, 1.25),
    config: str | None = None,
    store: str | None = None,
    series: str | None = None,
    engines: dict[str, str] | None = None,
    runners: dict[str, str] | None = None,
    options: dict[str, dict[str, Any]] | None = None,
) -> SpokenScript:
    """Every line of a script; `character` says those that name nobody, `joined`: also as one file."""
    studio = open_series(config, store, series=series, engines=engines, runners=runners, options=options)
    studio = with_engines(studio, slots_of_run(), listener_of_run())
    lines = script_at(studio.store, script, studio.series.characters, character)
    cards = cards_of(studio, lines, language)
    check_engines(studio, *needed(lines))
    in_voices = by_voice(lines)
    futures = speak_a_line.map(
        unmapped(studio), [cards[each.character] for each in in_voices], in_voices, language, unmapped(bounds)
    )
    done = [future.result() for future in ended(list(futures), f"lines of {lines.file.name}")]
    done.sort(key=lambda each: each.line.number)
    for each in done:
        if each.problem:
            get_run_logger().warning("line %d of the file is not said: %s", each.line.row, each.problem)
    if not any(each.spoken for each in done):
        raise ScriptError(f"{lines.file.name}: none of its lines could be said; the first: {done[0].problem}")
    reading = read_out(studio, lines, cards, done, language or studio.series.language) if joined else None
    _tell(studio, lines, done, reading)
    return SpokenScript(lines=tuple(done), reading=reading)


def _tell(studio: Studio, script: Script, done: list[LineSpoken], reading: Reading | None) -> None:
    """On the run's page: each line, and its file in the store or why there is none."""
    rows = [
        {
            "row": each.line.row,
            "character": each.line.character,
            "said": each.line.said,
            "file": address_of(studio, each.spoken.key) if each.spoken else f"not said: {each.problem}",
        }
        for each in done
    ]
    name = f"{studio.series.series} {script.file.stem}"
    table_results(rows, f"lines {name}", f"Lines of {script.file.name}")
    if reading:
        link_result(studio, reading.key, f"script {name}", "all lines in one file", f"All of {script.file.name}")


def by_voice(script: Script) -> list[ScriptLine]:
    """Lines of a character follow each other, so that an engine that has a voice at hand goes on with it."""
    return sorted(script.lines, key=lambda each: (each.character, each.number))


def needed(script: Script) -> list[str]:
    """The stages that a script's lines go through."""
    texts = any(each.text for each in script.lines)
    sources = any(each.source for each in script.lines)
    return [
        *(["synthesize"] if texts else []),
        *(["extract", "clean", "measure"] if sources else []),
        "convert",
        "retime",
    ]
