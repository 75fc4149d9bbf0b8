"""Options that several commands share, and what they mean."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from tasks.labelling.labels import LabelsError
from tasks.opening import open_series
from tasks.series import SeriesError
from tasks.series.names import folded, ids_by_name
from tasks.studio import Studio

Config = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="The series file. Default: VOICECAST_CONFIG, else ./series.yaml"),
]
StoreAt = Annotated[
    str | None,
    typer.Option(
        "--store",
        help="Folder or s3://bucket/prefix of results. Default: VOICECAST_STORE, else voicecast-store beside the file",
    ),
]
SeriesId = Annotated[str | None, typer.Option("--series", help="Id of a series the store knows, in place of --config")]
Engines = Annotated[
    list[str] | None, typer.Option("--engine", help="STAGE=ENGINE for this run, such as separate=demucs; repeatable")
]
Runners = Annotated[
    list[str] | None, typer.Option("--runner", help="ENGINE=RUNNER for this run, such as demucs=process; repeatable")
]
Options = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        help="ENGINE.NAME=VALUE for this run, such as rvc.index_rate=0.5 (its README lists them); repeatable",
    ),
]
LabelPolicy = Annotated[
    str | None,
    typer.Option("--labels", help="ask (stop for labels), auto (references decide, nobody is asked), or a labels file"),
]

Only = Annotated[
    str | None, typer.Option("--only", help="Keys of the episodes to prepare now, such as s01e01,s01e05; default: all")
]
Sample = Annotated[
    int | None, typer.Option("--sample", min=1, help="Prepare only so many episodes, spread over the series")
]


def at(config: Path | None, store: str | None = None, series: str | None = None) -> str:
    """What a command says after itself to be led to the same series, as a shell reads it; empty for the default."""
    said = {"--config": config, "--store": store, "--series": series}
    return "".join(f" {option} {shlex.quote(str(value))}" for option, value in said.items() if value)


def character_id(studio: Studio, named: str) -> str:
    """The id of a character, said by id, name or alias; what nobody is called as it is."""
    return ids_by_name(studio.series.characters).get(folded(named), named)


def keys(only: str | None) -> list[str] | None:
    """Keys of episodes, separated by commas or spaces."""
    return (only or "").replace(",", " ").split() or None


def pairs(given: list[str] | None, option: str, *, empty: bool = False) -> dict[str, str]:
    """`a=b` options as a mapping; SeriesError for one without an equals sign, or, unless `empty`, without a value."""
    found = [each.partition("=") for each in given or ()]
    for name, equals, value in found:
        if not (name and equals and (value or empty)):
            raise SeriesError(f"{option} {name}{equals}{value}: write it as NAME=VALUE")
    return {name: value for name, _, value in found}


def options_of(given: list[str] | None) -> dict[str, dict[str, Any]]:
    """`engine.name=value` options by engine, values as YAML reads them; SeriesError for one without a dot or value."""
    found: dict[str, dict[str, Any]] = {}
    for name, value in pairs(given, "--option", empty=True).items():
        engine, dot, option = name.partition(".")
        if not (engine and dot and option):
            raise SeriesError(f"--option {name}={value}: write it as ENGINE.NAME=VALUE, such as rvc.index_rate=0.5")
        try:
            found.setdefault(engine, {})[option] = yaml.safe_load(value) if value else ""
        except yaml.YAMLError as error:
            raise SeriesError(f"--option {name}={value}: {value!r} is no value of YAML") from error
    return found


def policy(labels: str | None) -> str | None:
    """ask, auto or a labels file that is there, by its whole path; LabelsError before hours of work else."""
    if labels is None or labels in ("ask", "auto"):
        return labels
    if not Path(labels).is_file():
        raise LabelsError(f"--labels {labels}: neither ask nor auto, nor a file that is there")
    return str(Path(labels).absolute())


def opened(
    config: Path | None,
    store: str | None,
    series: str | None = None,
    engines: list[str] | None = None,
    runners: list[str] | None = None,
    options: list[str] | None = None,
) -> Studio:
    """The studio that the options mean."""
    chosen, run_by, told = pairs(engines, "--engine"), pairs(runners, "--runner"), options_of(options)
    return open_series(config, store, series=series, engines=chosen, runners=run_by, options=told)
