"""read: how lines will be said, before they are."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any

import typer

from containers.contract.codec import encode
from containers.contract.errors import RecordingError
from containers.contract.readings import moras
from containers.contract.stages import AccentPhrase, ReadWord, SynthesizeResult
from flows.cli.options import Config, Engines, Options, Runners, SeriesId, StoreAt, opened
from flows.cli.terminal import errors, say, stage_bars
from infra.slots import MachineSlots
from infra.store import AT_ONCE
from tasks import orders
from tasks.opening import with_engines
from tasks.speech.readings import said_as
from tasks.speech.speaking import NothingToSay
from tasks.studio import Made, Studio


def add_to(app: typer.Typer) -> None:
    app.command()(read)


def read(
    text: Annotated[list[str] | None, typer.Option(help="A line; repeatable")] = None,
    lines: Annotated[Path | None, typer.Option("--file", help="A text file with a line of speech on each line")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, a line each, for programs")] = False,
    series: SeriesId = None,
    config: Config = None,
    store: StoreAt = None,
    engine: Engines = None,
    runner: Runners = None,
    option: Options = None,
) -> None:
    """Show how lines are read: kana, accents, and which words the dictionary of the series or nobody knows."""
    studio = opened(config, store, series, engine, runner, option)
    asked = [*(text or ()), *(_lines_of(lines) if lines else ())]
    if not asked:
        raise NothingToSay("give a line to read (--text), or a file of them (--file)")
    with stage_bars() as bars:
        made_by = with_engines(studio, MachineSlots(), bars)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            answers = list(pool.map(lambda line: _read(made_by, line), asked))
    for line, answer in zip(asked, answers, strict=True):
        if isinstance(answer, Exception):
            errors.print(str(answer), style="red", markup=False, highlight=False, soft_wrap=True)
        elif as_json:
            typer.echo(json.dumps({"text": line, "engine": answer.engine, **_facts(answer)}, ensure_ascii=False))
        else:
            _show(studio, line, answer)
    if any(isinstance(answer, Exception) for answer in answers):
        raise typer.Exit(RecordingError.exit_code)


def _read(studio: Studio, line: str) -> Made[SynthesizeResult] | RecordingError:
    """How the line is read, or what is wrong with it; other lines are read all the same."""
    try:
        return studio.make(orders.synthesize(studio, line, studio.series.language))
    except RecordingError as error:
        return error


def _lines_of(path: Path) -> list[str]:
    try:
        return [line.strip() for line in path.read_text("utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise NothingToSay(f"--file {path} cannot be read as UTF-8 text: {error}") from error


def _facts(made: Made[SynthesizeResult]) -> dict[str, Any]:
    return {"reading": made.result.reading, "phrases": encode(made.result.phrases)}


def _show(studio: Studio, line: str, made: Made[SynthesizeResult]) -> None:
    result = made.result
    words = [word for phrase in result.phrases for word in phrase.words]
    say(line, style="bold")
    say(f"  {accented(result.phrases) or result.reading}   ({made.engine})")
    given = {word.text: word.reading for word in words if word.origin == "given"}
    if given:
        say("  as told: " + "、".join(f"{word} {reading}" for word, reading in given.items()))
    guessed = {word.text: word.reading for word in words if word.origin == "guessed"}
    if guessed:
        listed = "、".join(f"{word} {reading}" for word, reading in guessed.items())
        say(f"  guessed, since in no dictionary: {listed} (correct them under `dictionary:`)", style="yellow")
    for word in _elsewhere(studio, line, words):
        say(f"  {word} is part of another word here; as ｜{word}《...》 it is read as you say", style="yellow")


def _elsewhere(studio: Studio, line: str, words: list[ReadWord]) -> list[str]:
    """Words of the dictionary whose letters are in the line, but which the engine found to be no word there."""
    given = "\n".join(word.text.casefold() for word in words if word.origin == "given")
    told = said_as(studio.series, line).readings if words else ()
    return [each.word for each in told if each.word.casefold() not in given]


def accented(phrases: tuple[AccentPhrase, ...]) -> str:
    """Kana with ＼ where the pitch falls, / between phrases and 、 where a pause is made."""
    parts = []
    for each in phrases:
        said = moras(each.reading)
        fall = f"{''.join(said[: each.accent])}＼{''.join(said[each.accent :])}" if each.accent else each.reading
        parts.append(fall + ("、" if each.pause else " / "))
    return "".join(parts).removesuffix(" / ").removesuffix("、")
