"""Music and effects in the background of prepared episodes; a flow of its own: no season pays for it unasked."""

from __future__ import annotations

from prefect import flow, get_run_logger, task, unmapped
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE

from flows.hooks import sweep_engines
from infra.stage import listener_of_run
from tasks.domain import Episode
from tasks.episodes import pruning
from tasks.episodes.archive import Archived, keep_archive
from tasks.episodes.asset_library import EpisodeAssets
from tasks.episodes.episodes import list_episodes
from tasks.episodes.prepared import Prepared, prepared_episodes
from tasks.opening import check_engines, open_series, with_engines
from tasks.progress import ended, messages
from tasks.slots import slots_of_run
from tasks.stages import survey
from tasks.studio import Studio


@task(name="assets", task_run_name="assets of {prepared.episode}", cache_policy=NO_CACHE, persist_result=False)
def assets_of(studio: Studio, prepared: Prepared, episode: Episode) -> EpisodeAssets:
    """The assets of one episode; what came back for them and is not kept goes again."""
    found = survey(studio, prepared)
    pruning.prune_episode(studio, episode)
    return found


@task(
    name="archive",
    task_run_name="archive of {studio.series.series}",
    cache_policy=NO_CACHE,
    persist_result=False,
)
def keep_themes(studio: Studio) -> tuple[Archived, ...]:
    """Openings, endings and eyecatches, each once."""
    return keep_archive(studio)


@flow(
    name="assets",
    flow_run_name="assets {config}",
    on_cancellation=[sweep_engines],
    on_crashed=[sweep_engines],
    persist_result=False,
)
def find_assets(
    config: str | None = None,
    store: str | None = None,
    engines: dict[str, str] | None = None,
    runners: dict[str, str] | None = None,
) -> dict[str, str]:
    """List cues and effects of every prepared episode, keep what recurs once; gives those that failed, and why."""
    studio = open_series(config, store, engines=engines, runners=runners)
    studio = with_engines(studio, slots_of_run(), listener_of_run())
    check_engines(studio, "survey", "preview")
    prepared = prepared_episodes(studio)
    episodes = {each.key: each for each in list_episodes(studio.series, studio.store)}
    futures = assets_of.map(unmapped(studio), prepared, [episodes[each.episode] for each in prepared])
    names = {future.task_run_id: each.episode for future, each in zip(futures, prepared, strict=True)}
    found: list[EpisodeAssets] = []
    failures: list[tuple[str, object]] = []
    for future in ended(list(futures), f"assets of {studio.series.series}"):
        answer = future.result(raise_on_failure=False)
        if isinstance(answer, EpisodeAssets):
            found.append(answer)
        else:
            failures.append((names[future.task_run_id], answer))
    failed = messages(failures)
    for key, message in failed.items():
        get_run_logger().error("no assets of %s: %s", key, message)
    for kept in keep_themes(studio):
        get_run_logger().info("%s is kept in the archive, of %s", kept.name, kept.episode)
    rows: list[dict[str, object]] = [
        {"episode": each.episode, "music cues": len(each.cues), "effects": len(each.effects)}
        for each in sorted(found, key=lambda each: each.episode)
    ]
    create_table_artifact(rows, key=f"assets-{studio.series.series}".replace("_", "-"), description="Assets")
    return failed
