"""assets: the music and the effects in the background of the episodes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Annotated

import typer
from rich.table import Table

from containers.contract.errors import RecordingError, StageError
from flows.cli.options import Config, Engines, Runners, SeriesId, StoreAt, opened
from flows.cli.terminal import cell, console, say, stage_bars
from tasks.domain import Episode
from tasks.episodes.asset_library import EpisodeAssets
from tasks.episodes.prepared import Prepared
from tasks.studio import Studio


def add_to(app: typer.Typer) -> None:
    app.command()(assets)


def assets(
    episode: Annotated[
        list[str] | None, typer.Option("--episode", help="Key of an episode; repeatable; else all")
    ] = None,
    export: Annotated[bool, typer.Option("--export", help="Also cut every cue and effect out, as FLAC")] = False,
    config: Config = None,
    store: StoreAt = None,
    series: SeriesId = None,
    engine: Engines = None,
    runner: Runners = None,
) -> None:
    """List music cues (and where nobody speaks over them) and effects of the prepared episodes; keep openings,
    endings and eyecatches once."""
    from infra.slots import MachineSlots
    from tasks.episodes.archive import keep_archive
    from tasks.episodes.episodes import list_episodes
    from tasks.episodes.prepared import prepared_episodes
    from tasks.opening import with_engines

    studio = opened(config, store, series, engine, runner)
    chosen = [each for each in prepared_episodes(studio) if not episode or each.episode in episode]
    if missing := set(episode or ()) - {each.episode for each in chosen}:
        raise LookupError(f"no prepared episode has the key {', '.join(sorted(missing))}; voicecast status names them")
    with stage_bars() as bars, ThreadPoolExecutor(32) as pool:
        able = with_engines(studio, MachineSlots(), bars)
        episodes = {each.key: each for each in list_episodes(studio.series, studio.store)}
        found = list(pool.map(lambda each: listed(able, each, episodes[each.episode], export=export), chosen))
        archived = keep_archive(able)
    done = [each for each in found if isinstance(each, EpisodeAssets)]
    console.print(table(done))
    say(f"Lists lie in {studio.home}/assets/ of the store; voicecast report shows and plays them.")
    if archived:
        say(f"Kept once in {studio.home}/archive/: {', '.join(each.name for each in archived)}.")
    failed = {each.episode: error for each, error in zip(chosen, found, strict=True) if isinstance(error, StageError)}
    for key, error in failed.items():
        say(f"Left out: {key}: {error}", style="yellow")
    if failed:
        others = [each.exit_code for each in failed.values() if not isinstance(each, RecordingError)]
        raise typer.Exit(others[0] if others else 3)


def listed(studio: Studio, prepared: Prepared, episode: Episode, *, export: bool) -> EpisodeAssets | StageError:
    from tasks.episodes.asset_library import export_assets, list_assets
    from tasks.episodes.pruning import prune_episode

    try:
        found = list_assets(studio, prepared)
        return export_assets(studio, found) if export else found
    except StageError as error:
        return error
    finally:
        prune_episode(studio, episode)


def table(found: list[EpisodeAssets]) -> Table:
    """An episode a row."""
    shown = Table("episode", "music cues", "minutes", "without dialogue", "effects")
    for each in found:
        clear = sum(stretch.end - stretch.start for cue in each.cues for stretch in cue.clear)
        music = sum(cue.duration for cue in each.cues)
        told = (each.episode, str(len(each.cues)), f"{music / 60:.1f}", f"{clear / 60:.1f}", str(len(each.effects)))
        shown.add_row(*map(cell, told))
    return shown
