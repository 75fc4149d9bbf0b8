"""From what a command or a deployment says to a studio: which series file, which store, which engines.

One resolver for all commands: what is given wins, then VOICECAST_CONFIG and
VOICECAST_STORE, then series.yaml in the current folder and a store beside it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect.runtime import flow_run
from pydantic import ValidationError

from containers.contract.codec import encode
from containers.contract.errors import EngineError
from infra.dispatch import Dispatcher
from infra.engines import engine_for
from infra.readiness import lacks
from infra.runners import make_runner
from infra.settings import settings
from infra.stage import Listener, Slots
from infra.store import Damaged, Store, find_json, open_store, write_json
from infra.underway import Notice
from tasks.logbook import write_json_lines
from tasks.progress import log_engines
from tasks.series import Series, SeriesError, read_series
from tasks.studio import Studio


def config_path(config: str | Path | None = None) -> Path:
    """The series file that is meant; of a folder, the series.yaml in it."""
    path = Path(config or settings().config or "series.yaml").expanduser()
    file = path / "series.yaml" if path.is_dir() else path
    return file.parent.resolve() / file.name


def store_address(store: str | None, config: Path) -> str:
    """The store that is meant, for a series file."""
    return store or settings().store or str(config.parent / "voicecast-store")


def open_series(
    config: str | Path | None = None,
    store: str | None = None,
    *,
    series: str | None = None,
    engines: dict[str, str] | None = None,
    runners: dict[str, str] | None = None,
    options: dict[str, dict[str, Any]] | None = None,
) -> Studio:
    """A studio that only looks; `series`: the id of one the store knows, in place of a series file. `options` of
    engines win over those of the series file, one by one."""
    path = config_path(config)
    address = store_address(store, path)
    if series and not config:
        place = open_store(address)
        known = _known_series(place, series)
        if known:
            return Studio(series=_with(known, engines, runners, options), store=place)
        if not path.exists():
            raise SeriesError(f"the store {address} knows no series {series!r}; name another --store, or its --config")
    found = read_series(path)
    if series and series != found.series:
        raise SeriesError(
            f"the store {address} knows no series {series!r}, and {path} is about {found.series!r}; name its --config"
        )
    place = open_store(address)
    write_if_new(place, found)
    return Studio(series=_with(found, engines, runners, options), store=place)


def with_engines(studio: Studio, slots: Slots, listener: Listener) -> Studio:
    """The same studio, able to start engines."""
    log_engines()
    write_json_lines()
    names = {"process", *studio.series.runners.values()}
    run = str(flow_run.root_flow_run_id or "")
    runners = {name: make_runner(name, studio.store, run) for name in sorted(names)}
    dispatcher = Dispatcher(studio.store.work, runners, slots, Notice(studio.store.work, listener))
    return Studio(series=studio.series, store=studio.store, dispatcher=dispatcher)


def check_engines(studio: Studio, *stages: str) -> None:
    """Raises EngineError that names all that the engines of these stages lack, before hours are spent on others."""
    series = studio.series
    chosen = {series.engine(stage): engine_for(series.engine(stage), stage) for stage in stages}
    wanted = [
        line
        for name, engine in chosen.items()
        for line in lacks(engine, series.runners.get(name, "process"), series.options.get(name, {}))
    ]
    if "clean" in stages and series.dereverb:
        drying = engine_for(series.dereverb.engine, "separate")
        wanted += lacks(drying, series.runners.get(drying.name, "process"), series.dereverb.options)
    if wanted:
        raise EngineError("; ".join(dict.fromkeys(wanted)))


def write_if_new(store: Store, series: Series) -> None:
    """Remember a series in the store, so that `--series ID` is enough later."""
    key = f"series/{series.series}/series.json"
    said = {"folder": str(series.folder), "file": series.model_dump(mode="json", exclude_unset=True)}
    try:
        known = find_json(store, key)
    except Damaged:
        known = None
    if known != encode(said):
        write_json(store, key, said)


def _known_series(store: Store, series: str) -> Series | None:
    key = f"series/{series}/series.json"
    said = find_json(store, key)
    if said is None:
        return None
    return Series.model_validate({**said["file"], "folder": said["folder"]})


def _with(
    series: Series,
    engines: dict[str, str] | None,
    runners: dict[str, str] | None,
    options: dict[str, dict[str, Any]] | None,
) -> Series:
    """The series with engines, runners and options of engines that the command line names."""
    if not engines and not runners and not options:
        return series
    changed = {
        "engines": {**series.engines, **(engines or {})},
        "runners": {**series.runners, **(runners or {})},
        "options": {
            **series.options,
            **{name: {**series.options.get(name, {}), **each} for name, each in (options or {}).items()},
        },
    }
    try:
        return Series.model_validate({**series.model_dump(), "folder": series.folder, **changed})
    except ValidationError as error:
        first = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise SeriesError(f"--engine, --runner or --option: {first}") from error
