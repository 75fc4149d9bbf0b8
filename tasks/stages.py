"""One Prefect task for each stage: its name, retries and tags; what it is asked stands in `orders`.

Retries are for the machine's faults alone: an episode that cannot be read does
not get better by reading it again. The store is the cache: a task whose work
is finished there returns it at once, so Prefect's own cache is off.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import Task, exponential_backoff

from containers.contract import stages
from containers.contract.errors import EngineError
from infra.settings import settings
from infra.store import StoreBusy
from tasks import orders
from tasks.clips import drying
from tasks.domain import Episode
from tasks.episodes import again
from tasks.episodes.earlier import Earlier
from tasks.episodes.episode_subtitles import take_sidecars
from tasks.studio import Made, Source, Stored, Studio

F = TypeVar("F", bound=Callable[..., Any])

RETRIES = 2
HEAVY = "heavy"
"""Tag of runs that keep a machine busy for minutes, to find them by and to limit them on a server. One tag and not one
a stage: Prefect asks the server about every new tag before it starts a task, which takes up to two seconds."""
HEAVY_STAGES = ("separate", "diarize", "train")


def machine_fault(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Whether trying again can help."""
    return isinstance(state.result(raise_on_failure=False), EngineError | StoreBusy)


RETRIED: dict[str, Any] = {
    "retries": RETRIES,
    "retry_delay_seconds": exponential_backoff(settings().retry_seconds),
    "retry_condition_fn": machine_fault,
    "cache_policy": NO_CACHE,
    "persist_result": False,
    "log_prints": False,
}
"""A task's habits: tried again where the machine was at fault, and nothing kept but in the store."""


def stage_task(stage: str, of: str) -> Callable[[F], F]:
    """A Prefect task for a stage; `of`: whose stage it is, from the function's arguments, for its run's name."""
    named = {"name": stage, "task_run_name": f"{stage} {of}", "tags": [HEAVY] if stage in HEAVY_STAGES else []}
    return task(**named, **RETRIED)  # type: ignore[call-overload, no-any-return]


@stage_task("extract", "{episode.key}")
def extract(studio: Studio, episode: Episode) -> Made[stages.ExtractResult]:
    return again.recording_of(studio, episode)


@stage_task("fingerprint", "{episode.key}")
def fingerprint(
    studio: Studio, episode: Episode, extracted: Made[stages.ExtractResult]
) -> Made[stages.FingerprintResult]:
    return again.make(studio, orders.fingerprint(studio, episode, extracted), episode)


@stage_task("fingerprint", "vocals of {episode.key}")
def fingerprint_vocals(
    studio: Studio, episode: Episode, separated: Made[stages.SeparateResult]
) -> Made[stages.FingerprintResult]:
    return again.make(studio, orders.fingerprint_vocals(studio, episode, separated), episode)


@stage_task("separate", "{episode.key}")
def separate(
    studio: Studio, episode: Episode, extracted: Made[stages.ExtractResult], earlier: Earlier | None = None
) -> Made[stages.SeparateResult]:
    return again.stems_of(studio, episode, extracted, earlier)


@stage_task("diarize", "{episode.key}")
def diarize(studio: Studio, episode: Episode, separated: Made[stages.SeparateResult]) -> Made[stages.DiarizeResult]:
    return again.make(studio, orders.diarize(studio, episode, separated), episode)


@stage_task("cut", "{episode.key}")
def cut(
    studio: Studio,
    episode: Episode,
    separated: Made[stages.SeparateResult],
    diarized: Made[stages.DiarizeResult],
) -> Made[stages.CutResult]:
    take_sidecars(studio.store, orders.folder_of(studio, episode), episode)  # what is wrong with them the cast says
    return again.make(studio, orders.cut(studio, episode, separated, diarized), episode)


@stage_task("embed", "{episode.key}")
def embed(
    studio: Studio,
    episode: Episode,
    separated: Made[stages.SeparateResult],
    clips: Made[stages.CutResult],
) -> Made[stages.EmbedResult]:
    return again.make(studio, orders.embed(studio, episode, separated, clips), episode)


@stage_task("dereverb", "{character}")
def dereverb(studio: Studio, character: str, clips: dict[str, Stored]) -> drying.Dry:
    """Stage `separate` of the engine that the series names for it, for each clip."""
    return drying.dry(studio, character, clips)


@stage_task("clean", "{character} {batch}")
def clean(studio: Studio, character: str, batch: str, clips: dict[str, Stored]) -> Made[stages.CleanResult]:
    return studio.make(orders.clean(studio, character, batch, clips))


@stage_task("train", "{character}")
def train(
    studio: Studio, character: str, clips: tuple[Stored, ...], voice: dict[str, Stored | Source] | None = None
) -> Made[stages.TrainResult]:
    return studio.make(orders.train(studio, character, clips, voice))
