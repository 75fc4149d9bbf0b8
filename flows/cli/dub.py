"""dub: an episode in new words, by a script."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from flows.cli.options import Config, Engines, Options, Runners, SeriesId, StoreAt, opened, options_of, pairs
from flows.cli.outcomes import LEFT_OUT
from flows.cli.run import started
from flows.cli.terminal import cell, console, say
from tasks.speech.saying import NothingToSay

if TYPE_CHECKING:
    from tasks.speech.dubbing import Dub
    from tasks.studio import Studio


def add_to(app: typer.Typer) -> None:
    app.command()(dub)


Pace = Annotated[
    str,
    typer.Option(
        "--pace", help="How much slower and faster than at its own pace a line may be said to fill its slot: 0.85:1.25"
    ),
]
Language = Annotated[
    str | None, typer.Option(help="Of the texts and the new track (ISO 639, such as en). Default: the series'")
]
Speaker = Annotated[str | None, typer.Option(help="Who says lines of the script that name nobody")]


def dub(
    script: Annotated[Path, typer.Option(help="The lines: .csv, .srt or .ass (docs/speaking.md)")],
    episode: Annotated[str, typer.Option(help="Key of the episode, such as s01e01")],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="The video to write, .mkv; the signed track, the slot table and a .json go beside it"
        ),
    ],
    language: Language = None,
    pace: Pace = "0.85:1.25",
    unsaid: Annotated[
        str,
        typer.Option(help="Dialogue that no line replaces: original (is heard) or background (only what is behind it)"),
    ] = "original",
    name: Annotated[str | None, typer.Option(help="Of this dub within the episode. Default: the script's name")] = None,
    title: Annotated[str | None, typer.Option(help="Of the track, as players show it")] = None,
    default: Annotated[bool, typer.Option("--default", help="Players choose the new track")] = False,
    character: Speaker = None,
    series: SeriesId = None,
    config: Config = None,
    store: StoreAt = None,
    engine: Engines = None,
    runner: Runners = None,
    option: Options = None,
) -> None:
    """Say the lines of a script in their characters' voices, and lay them over an episode in place of its dialogue."""
    if output.suffix.lower() != ".mkv":
        raise NothingToSay(f"--output {output}: name it *.mkv; Matroska holds tracks of every kind")
    if unsaid not in ("original", "background"):
        raise NothingToSay(f"--unsaid {unsaid}: say original or background")
    slowest, fastest = bounds(pace)
    how = {
        "language": language, "slowest": slowest, "fastest": fastest, "unsaid": unsaid, "name": name, "title": title,
        "default": default,
    }  # fmt: skip
    studio = opened(config, store, series, engine, runner, option)
    check_script(studio, script, character, language)
    from flows.dubbing import dub_episode

    console.print("Starting Prefect (half a minute without a server of your own) ...", style="dim")
    with started():
        made = dub_episode(
            str(script.absolute()),
            episode,
            how,
            character,
            **told(config, store, series, engine, runner, option),
        )
    copy_out(studio, made, output)
    show(made, output)


def bounds(pace: str) -> tuple[float, float]:
    """The two numbers of 0.85:1.25."""
    slowest, colon, fastest = pace.partition(":")
    try:
        found = float(slowest), float(fastest)
    except ValueError:
        found = 0.0, 0.0
    if not (colon and 0.5 <= found[0] <= 1 <= found[1] <= 2):
        raise NothingToSay(f"--pace {pace}: write it as SLOWEST:FASTEST, such as 0.85:1.25 (0.5 to 1, and 1 to 2)")
    return found


def check_script(studio: Studio, script: Path, character: str | None, language: str | None) -> None:
    """Whatever is wrong with a script or the rights to its voices is said before Prefect is started."""
    from tasks.speech.dubbing import cards_of
    from tasks.speech.scripts import read_script

    cards_of(studio, read_script(script, studio.series.characters, character), language)


def told(  # what flows are told, so that a deployment could be told the same
    config: Path | None,
    store: str | None,
    series: str | None,
    engine: list[str] | None,
    runner: list[str] | None,
    option: list[str] | None,
) -> dict[str, Any]:
    from tasks.opening import config_path

    return {
        "config": str(config_path(config)) if config or not series else None,
        "store": store,
        "series": series,
        "engines": pairs(engine, "--engine") or None,
        "runners": pairs(runner, "--runner") or None,
        "options": options_of(option) or None,
    }


def copy_out(studio: Studio, made: Dub, output: Path) -> None:
    """Bring video, signed track, table and record out of the store; each appears whole."""
    output.parent.mkdir(parents=True, exist_ok=True)
    for key, path in (
        (made.video, output),
        (made.track, output.with_suffix(".flac")),
        (made.table, output.with_suffix(".lines.csv")),
    ):
        partial = path.with_name(f".{path.name}.partial")
        with studio.store.using(key) as stored:
            shutil.copyfile(stored, partial)
        partial.replace(path)
    output.with_suffix(".json").write_text(json.dumps(made.about, ensure_ascii=False, indent=1) + "\n", "utf-8")


def show(made: Dub, output: Path) -> None:
    """The slot table, and what was made."""
    table = Table("line", "character", "slot", "said", "pace", "fit", "text")
    for row in made.rows:
        if row["fit"] != "fits":
            slot = "" if row["slot"] is None else f"{row['slot']:.2f} s"
            length = f"{row['said_end'] - row['said_start']:.2f} s" if "said_end" in row else ""
            note = f"{row['fit']}, {row['over']:.2f} s" if row["fit"] == "over" else row["fit"]
            text = row.get("problem") or row["said"]
            pace = f"{row['pace']:.2f}" if "pace" in row else ""
            table.add_row(str(row["row"]), row["character"], slot, length, pace, note, cell(str(text)))
    if table.row_count:
        console.print(table)
    counts = {
        fit: sum(row["fit"] == fit for row in made.rows) for fit in dict.fromkeys(row["fit"] for row in made.rows)
    }
    anew = f"{made.anew} of {len(made.rows)} lines said anew, the mix {'made anew' if made.mixed_anew else 'as it was'}"
    say(f"{output}: {', '.join(f'{count} {fit}' for fit, count in counts.items())}; {anew}")
    left = made.about["original_dialogue_left"]
    if left and made.about["unsaid"] == "original":
        seconds = sum(end - start for start, end in left)
        say(f"The original is heard in {len(left)} turns ({seconds:.1f} s) that no line replaces (--unsaid background)")
    for each in made.about["video"]["left_out"]:
        say(f"Matroska does not hold {each}; it is left out", style="yellow")
    if made.failed:
        raise typer.Exit(LEFT_OUT)
