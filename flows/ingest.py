"""One new episode, and every night a look for new ones: what events and schedules start."""

from __future__ import annotations

from pathlib import Path

from prefect import get_run_logger

from flows import forms
from flows.prepare import prepare_series
from flows.season import Season, Told, after
from infra.sources import place_of
from tasks.episodes.episodes import list_episodes
from tasks.episodes.prepared import STAGES, find_all_prepared, find_left_out
from tasks.episodes.separating import stages_of
from tasks.opening import check_engines, open_series
from tasks.series import SeriesError
from tasks.studio import Studio


def ingest(file: str, told: Told, labels: str | None) -> Season:
    """Prepare one episode and go on with the season, in the body of a top-level flow."""
    studio = open_series(told.config, told.store, engines=told.engines, runners=told.runners)
    key = key_of(studio, file)
    check_engines(studio, *STAGES, *stages_of(studio.series), "clean", "train")
    preparation = prepare_series(told.config, told.store, told.engines, told.runners, only=[key])
    return after(preparation, studio, told, labels)


def key_of(studio: Studio, file: str) -> str:
    """The key of the episode that a path or address names; SeriesError if the series does not hold it."""
    place = place_of(file)
    wanted = str(studio.series.folder / place) if isinstance(place, Path) else str(place)
    for each in list_episodes(studio.series, studio.store):
        if each.file == wanted or _same(each.file, wanted):
            return each.key
    raise SeriesError(
        f"{file} is no episode of {studio.series.series}: `episodes:` matches {', '.join(studio.series.episodes)} "
        f"below {studio.series.folder}; put it there, or add its place to the series file"
    )


def _same(one: str, other: str) -> bool:
    """Whether two paths lead to one file."""
    return not one.startswith("s3://") and Path(one).exists() and Path(other).exists() and Path(one).samefile(other)


def nightly(told: Told, labels: str | None) -> Season | None:
    """Prepare what has come since; None if nothing has. People who are asked already are not asked by a second run."""
    log = get_run_logger()
    studio = open_series(told.config, told.store, engines=told.engines, runners=told.runners)
    episodes = list_episodes(studio.series, studio.store)
    done = find_all_prepared(studio, episodes)
    fresh = [each for each in episodes if each.key not in done and not find_left_out(studio, each)]
    if not fresh:
        log.info("%s: all %d episodes are prepared; nothing was started", studio.series.series, len(episodes))
        return None
    log.info("%s: %d new episodes: %s", studio.series.series, len(fresh), ", ".join(each.key for each in fresh[:20]))
    check_engines(studio, *STAGES, *stages_of(studio.series), "clean", "train")
    preparation = prepare_series(told.config, told.store, told.engines, told.runners)
    if waiting := forms.waiting_runs(studio):
        log.info("flow run %s waits for labels already, and goes on with these episodes once it has them", waiting[0])
        return None
    return after(preparation, studio, told, labels)
