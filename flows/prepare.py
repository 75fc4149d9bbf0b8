"""Episodes to suggestions: every episode through its stages, then the speakers of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from prefect import flow, get_run_logger, task, unmapped
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture
from prefect.task_runners import ThreadPoolTaskRunner

from containers.contract.errors import RecordingError
from flows.hooks import sweep_engines
from infra.settings import settings
from infra.stage import listener_of_run
from infra.store import AT_ONCE
from tasks.domain import Episode
from tasks.episodes import again, prepared, pruning, recurring_files, room, separating
from tasks.episodes.earlier import Earlier
from tasks.episodes.episodes import choose, list_episodes
from tasks.episodes.prepared import Parts, Prepared, find_all_prepared
from tasks.episodes.recurring_files import Recurring
from tasks.labelling.labels import load
from tasks.opening import check_engines, open_series, with_engines
from tasks.outages import BEARING
from tasks.progress import ended, messages
from tasks.slots import slots_of_run
from tasks.speakers import casting, references
from tasks.speakers.casting import Cast
from tasks.speakers.names import casts_of
from tasks.speakers.references import references_of
from tasks.stages import (
    RETRIED,
    cut,
    diarize,
    embed,
    extract,
    fingerprint,
    fingerprint_vocals,
    separate,
)
from tasks.studio import Source, Studio
from tasks.trust.rights_episodes import publish_without_revoked


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """What a preparation gave: finished episodes, the ones left out and why, and the cast."""

    prepared: tuple[Prepared, ...]
    failed: dict[str, str]
    cast: Cast


@task(name="prepare", task_run_name="prepare {episode.key}", cache_policy=NO_CACHE, persist_result=False, **BEARING)
def prepare_episode(studio: Studio, episode: Episode, earlier: Earlier | None = None) -> Prepared:
    """One episode through all stages that need no human; what of it is not kept goes. `earlier`: the episodes of the
    run."""
    with room.reserved(studio, episode):
        try:
            made = through_stages(studio, episode, earlier)
        except again.MadeOtherwise:  # all of it is there now, and what stands on it is made from that
            made = through_stages(studio, episode, earlier)
        pruning.prune_episode(studio, episode)
    return made


def through_stages(studio: Studio, episode: Episode, earlier: Earlier | None) -> Prepared:
    recording = extract(studio, episode)
    fingerprints = fingerprint(studio, episode, recording)
    stems = separate(studio, episode, recording, earlier)
    voices = fingerprint_vocals(studio, episode, stems)
    turns = diarize(studio, episode, stems)
    clips = cut(studio, episode, stems, turns)
    vectors = embed(studio, episode, stems, clips)
    parts = Parts(
        extract=recording,
        fingerprint=fingerprints,
        fingerprint_vocals=voices,
        separate=stems,
        diarize=turns,
        cut=clips,
        embed=vectors,
    )
    return publish_without_revoked(studio, episode, parts)


@task(name="references", task_run_name="references of {studio.series.series}", **RETRIED)
def hear_references(studio: Studio, files: Sequence[tuple[str, Source]]) -> dict[str, str]:
    """All references as vectors, whatever their form; gives those that cannot be heard, and why."""
    return references.hear_references(studio, files)


@task(
    name="recurring",
    task_run_name="what recurs in {studio.series.series}",
    cache_policy=NO_CACHE,
    persist_result=False,
    **BEARING,
)
def compare_episodes(studio: Studio, episodes: Sequence[Episode]) -> Recurring:
    """Openings, endings, recaps: what of these episodes was heard in another one."""
    known = recurring_files.find_recurring(studio, recurring_files.fingerprints_of(studio, episodes))
    for group in known.groups:
        get_run_logger().info("%s %s: %s", group.id, group.name, group.why)
    return known


@task(
    name="cast", task_run_name="cast of {studio.series.series}", cache_policy=NO_CACHE, persist_result=False, **BEARING
)
def cast_series(studio: Studio, episodes: Sequence[Episode], finished: Sequence[Prepared]) -> Cast:
    """Link the speakers of all finished episodes and compare them with what is known of the characters."""
    base = casting.base_of(studio, episodes, finished)
    known = casting.find_cast(studio, casting.identity_of(base, load(studio.store, studio.series.series)))
    return known or casting.make_cast(studio, base, episodes, finished)


@flow(
    name="prepare",
    flow_run_name="prepare {config}",
    task_runner=ThreadPoolTaskRunner(max_workers=settings().episodes_at_once),  # type: ignore[arg-type]
    on_cancellation=[sweep_engines],
    on_crashed=[sweep_engines],
    persist_result=False,
)
def prepare_series(
    config: str | None = None,
    store: str | None = None,
    engines: dict[str, str] | None = None,
    runners: dict[str, str] | None = None,
    only: list[str] | None = None,
    sample: int | None = None,
) -> Preparation:
    """Prepare every episode of a series; one that fails is named in the end and stops no other.

    `only`: keys of episodes to prepare now; `sample`: so many of them, spread over the series. Who was prepared
    before belongs to the cast all the same.
    """
    studio = open_series(config, store, engines=engines, runners=runners)
    studio = with_engines(studio, slots_of_run(), listener_of_run())
    casts_of(studio.series)
    episodes = list_episodes(studio.series, studio.store)
    finished = find_all_prepared(studio, episodes)
    unfinished = [each for each in episodes if each.key not in finished]
    left_out = {each.key: why for each in unfinished if (why := prepared.find_left_out(studio, each))}
    chosen = choose(episodes, only, sample)
    outstanding = [each for each in chosen if each.key not in finished | left_out]
    get_run_logger().info("%d episodes, %d finished before", len(episodes), len(finished))
    if outstanding:
        check_engines(studio, *prepared.STAGES, *separating.stages_of(studio.series))
    make_room(studio, [each for each in episodes if each.key in finished], outstanding)
    files = references_of(studio)
    usable = [each for each in episodes if each.key in finished or each in outstanding]
    earlier = Earlier(usable, (each.key for each in outstanding))
    under_way = prepare_episode.map(unmapped(studio), outstanding, unmapped(earlier))
    heard = hear_references.submit(studio, files)  # after the first episodes: it fills what they leave of the machine
    made, failed = gather(studio, dict(zip(under_way, outstanding, strict=True)), len(finished))
    failed |= left_out | unheard(heard)
    finished |= made
    prepared.write_episodes(studio, episodes, finished)
    in_order = tuple(finished[each.key] for each in episodes if each.key in finished)
    compare_episodes(studio, [each for each in episodes if each.key in finished])
    tell(studio, in_order, failed)
    return Preparation(prepared=in_order, failed=failed, cast=cast_series(studio, episodes, in_order))


def make_room(studio: Studio, finished: Sequence[Episode], outstanding: Sequence[Episode]) -> None:
    """Take away what is not kept of episodes that were prepared before, and say if the others will not fit."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda each: pruning.prune_episode(studio, each), finished))
    if why := room.too_little(studio, outstanding):
        get_run_logger().warning("%s", why)


def unheard(heard: PrefectFuture[dict[str, str]]) -> dict[str, str]:
    """The references that could not be heard, and why."""
    answer = heard.result(raise_on_failure=False)
    return answer if isinstance(answer, dict) else messages([("references", answer)])


def gather(
    studio: Studio, under_way: dict[PrefectFuture[Prepared], Episode], before: int
) -> tuple[dict[str, Prepared], dict[str, str]]:
    """The episodes that could be prepared, and why the others could not; `before`: finished in an earlier run."""
    of = {future.task_run_id: episode for future, episode in under_way.items()}
    made: dict[str, Prepared] = {}
    failures: list[tuple[str, object]] = []
    what, at_once = f"episodes of {studio.series.series}", settings().episodes_at_once
    for future in ended(list(under_way), what, before, at_once):
        answer = future.result(raise_on_failure=False)
        if isinstance(answer, Prepared):
            made[answer.episode] = answer
        else:
            episode = of[future.task_run_id]
            failures.append((episode.key, answer))
            if isinstance(answer, RecordingError):
                prepared.leave_out(studio, episode, answer)
    return made, messages(failures)


def tell(studio: Studio, finished: Sequence[Prepared], failed: dict[str, str]) -> None:
    """A table of the episodes on the run's page; what was left out also in the log."""
    for key, message in sorted(failed.items()):
        get_run_logger().error("%s is left out: %s", key, message)
    rows: list[dict[str, object]] = [
        {
            "episode": each.episode,
            "minutes": round(each.duration / 60, 1),
            "turns": each.turns,
            "clips": each.clips,
            "problems": "; ".join(problem.text for problem in each.problems),
        }
        for each in finished
    ]
    rows += [{"episode": key, "problems": f"LEFT OUT: {message}"} for key, message in sorted(failed.items())]
    create_table_artifact(rows, key=f"episodes-{studio.series.series}".replace("_", "-"), description="Episodes")
