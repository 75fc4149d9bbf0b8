"""Labels to data sets: a verdict on every clip, then clean clips for each character."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from prefect import flow, get_run_logger, task, unmapped
from prefect.artifacts import create_link_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE

from flows.gate import settle
from flows.hooks import sweep_engines
from infra.stage import listener_of_run
from tasks.clips import clean_ledger, data_sets
from tasks.clips.data_sets import DataSet
from tasks.clips.dataset import Row
from tasks.clips.drying import Dry
from tasks.episodes.prepared import Prepared, prepared_episodes
from tasks.labelling.decisions import Labels
from tasks.opening import check_engines, open_series, with_engines
from tasks.outages import BEARING
from tasks.progress import ended, messages
from tasks.slots import slots_of_run
from tasks.speakers import casting
from tasks.speakers.casting import Cast
from tasks.speakers.heard import heard_series, texts_of_clips
from tasks.speakers.references import known_references
from tasks.stages import clean, dereverb
from tasks.studio import Studio
from tasks.trust.rights import not_revoked

CLEANED_TOGETHER = 64
"""Clips in one item of the clean stage."""


@dataclass(frozen=True, kw_only=True)
class DataSets:
    """The data sets that are ready, and why the other characters have none."""

    ready: tuple[DataSet, ...]
    failed: dict[str, str]


@task(
    name="verdicts",
    task_run_name="verdicts on {studio.series.series}",
    cache_policy=NO_CACHE,
    persist_result=False,
    **BEARING,
)
def judge(
    studio: Studio, cast: Cast, labels: Labels, prepared: Sequence[Prepared]
) -> tuple[dict[str, tuple[Row, ...]], dict[str, str], dict[str, str]]:
    """Verdicts by character, the hash of every clip, and the words of clips whose words are known."""
    heard = heard_series(studio, prepared)
    hashes = {clip.id: clip.sha256 for episode in heard for clip in episode.clips}
    texts = texts_of_clips(studio, heard)
    rows = data_sets.decide(studio, cast, labels, heard, known_references(studio), texts=texts)
    return rows, hashes, texts


@task(name="data set", task_run_name="data set of {character}", cache_policy=NO_CACHE, persist_result=False, **BEARING)
def make_data_set(
    studio: Studio,
    character: str,
    identity: str,
    rows: Sequence[Row],
    hashes: Mapping[str, str],
    about: data_sets.About,
) -> DataSet:
    """Dry what is newly kept where that is asked for, clean it, and write the manifest."""
    outstanding = list(clean_ledger.to_clean(studio, character, rows, hashes).items())
    for first in range(0, len(outstanding), CLEANED_TOGETHER):
        clips = dict(outstanding[first : first + CLEANED_TOGETHER])
        dried = dereverb(studio, character, clips) if studio.series.dereverb else Dry(clips=clips)
        batch = clean_ledger.batch_name(clips)
        clean_ledger.enter(studio, character, clips, clean(studio, character, batch, dried.clips), dried.by)
    return data_sets.publish(studio, character, identity, rows, about)


@flow(
    name="dataset",
    flow_run_name="dataset {config}",
    on_cancellation=[sweep_engines],
    on_crashed=[sweep_engines],
    persist_result=False,
)
def make_data_sets(
    config: str | None = None,
    store: str | None = None,
    labels: str | None = None,
    engines: dict[str, str] | None = None,
    runners: dict[str, str] | None = None,
) -> DataSets:
    """The data set of every character, from the labels that count now; one that fails stops no other."""
    studio = open_series(config, store, engines=engines, runners=runners)
    studio = with_engines(studio, slots_of_run(), listener_of_run())
    prepared, cast = prepared_episodes(studio), casting.cast_of(studio)
    counted = settle(studio, cast, labels or studio.series.labels).labels
    cast = casting.current(studio, cast, counted)
    wanted = {slug: data_sets.identity_of(studio, cast, counted, slug) for slug in not_revoked(studio)}
    found = {slug: data_sets.find_data_set(studio, slug, identity) for slug, identity in wanted.items()}
    outstanding = [slug for slug, each in found.items() if each is None]
    failures: list[tuple[str, object]] = []
    if outstanding:
        check_engines(studio, "clean")
        rows, hashes, texts = judge(studio, cast, counted, prepared)
        about = data_sets.About(
            labels=counted,
            texts=texts,
            engines={each.episode: each.engines for each in prepared},
            missing=data_sets.lacking(studio, cast, counted, rows),
        )
        futures = make_data_set.map(
            unmapped(studio),
            outstanding,
            [wanted[slug] for slug in outstanding],
            [rows[slug] for slug in outstanding],
            unmapped(hashes),
            unmapped(about),
        )
        names = {future.task_run_id: slug for future, slug in zip(futures, outstanding, strict=True)}
        for future in ended(list(futures), f"data sets of {studio.series.series}"):
            answer = future.result(raise_on_failure=False)
            if isinstance(answer, DataSet):
                found[answer.character] = answer
            else:
                failures.append((names[future.task_run_id], answer))
    failed = messages(failures)
    for slug, message in failed.items():
        get_run_logger().error("no data set of %s: %s", slug, message)
    made = tuple(each for each in found.values() if each)
    tell(studio, made)
    return DataSets(ready=made, failed=failed)


def tell(studio: Studio, made: Sequence[DataSet]) -> None:
    """A table of the data sets on the run's page, and where the files of each one lie."""
    target = studio.series.targets.minutes
    rows: list[dict[str, object]] = [
        {
            "character": each.character,
            "minutes": round(each.minutes, 1),
            "of": target,
            "clips": each.clips,
            "dropped": ", ".join(f"{count} {reason}" for reason, count in sorted(each.dropped.items())),
        }
        for each in made
    ]
    name = studio.series.series.replace("_", "-")
    create_table_artifact(rows, key=f"datasets-{name}", description="Data sets; to hear them: voicecast report")
    for each in made:
        create_link_artifact(
            f"{studio.store.address}/{studio.home}/characters/{each.character}/",
            link_text=f"{studio.series.characters[each.character].name}: clips and manifest.jsonl",
            key=f"dataset-{name}-{each.character.replace('_', '-')}",
            description=f"Data set of {each.character}, {each.minutes:.1f} of {target:g} minutes",
        )
