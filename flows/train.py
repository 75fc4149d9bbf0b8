"""Data sets to voices: every character with rights and enough speech, one after another or side by side."""

from __future__ import annotations

from dataclasses import dataclass

from prefect import flow, get_run_logger, task, unmapped
from prefect.cache_policies import NO_CACHE

from flows.hooks import sweep_engines
from infra.stage import listener_of_run
from tasks import voices
from tasks.data_sets import DataSet, clips_to_train, load_data_set
from tasks.opening import check_engines, open_series, with_engines
from tasks.progress import ended, messages
from tasks.slots import slots_of_run
from tasks.stages import train
from tasks.studio import Studio
from tasks.voices import Card, RightsError, check_rights, find_voice


@dataclass(frozen=True, kw_only=True)
class Training:
    """Voices that are ready, and why the other characters have none."""

    voices: tuple[Card, ...]
    left_out: dict[str, str]


@task(name="voice", task_run_name="voice of {character}", cache_policy=NO_CACHE, persist_result=False)
def make_voice(studio: Studio, character: str) -> Card:
    """Train a character's voice and enter it in the registry."""
    data = load_data_set(studio, character)
    assert data
    return voices.register(studio, character, data, train(studio, character, clips_to_train(studio, character)))


@flow(
    name="train",
    flow_run_name="train {config}",
    on_cancellation=[sweep_engines],
    on_crashed=[sweep_engines],
    persist_result=False,
)
def train_voices(
    config: str | None = None,
    store: str | None = None,
    characters: list[str] | None = None,
    engines: dict[str, str] | None = None,
    runners: dict[str, str] | None = None,
) -> Training:
    """A voice for every character (or the ones named) that may have one; each is resumable alone."""
    studio = open_series(config, store, engines=engines, runners=runners)
    studio = with_engines(studio, slots_of_run(), listener_of_run())
    left_out = {slug: why for slug in characters or studio.series.characters if (why := why_not(studio, slug))}
    wanted = [slug for slug in characters or studio.series.characters if slug not in left_out]
    ready = {slug: card for slug in wanted if (card := find_voice(studio, slug))}
    outstanding = [slug for slug in wanted if slug not in ready]
    if outstanding:
        check_engines(studio, "train")
    futures = list(make_voice.map(unmapped(studio), outstanding))
    names = {future.task_run_id: slug for future, slug in zip(futures, outstanding, strict=True)}
    failures: list[tuple[str, object]] = []
    for future in ended(futures, f"voices of {studio.series.series}", len(ready)):
        answer = future.result(raise_on_failure=False)
        if isinstance(answer, Card):
            ready[answer.character] = answer
        else:
            failures.append((names[future.task_run_id], answer))
    left_out |= messages(failures)
    for slug, message in sorted(left_out.items()):
        get_run_logger().warning("no voice for %s: %s", slug, message)
    return Training(voices=tuple(ready[slug] for slug in wanted if slug in ready), left_out=left_out)


def why_not(studio: Studio, character: str) -> str | None:
    """Why a character is not trained; None if it may be."""
    try:
        check_rights(studio.series, character)
    except RightsError as error:
        return str(error)
    data, least = load_data_set(studio, character), studio.series.targets.min_minutes
    if not enough(data, least):
        has = f"{data.minutes:.1f} min" if data else "no clips"
        return f"{character} has {has} of clean speech, {least} min are the least (targets: min_minutes)"
    return None


def enough(data: DataSet | None, least_minutes: float) -> bool:
    return data is not None and data.clips > 0 and data.minutes >= least_minutes
