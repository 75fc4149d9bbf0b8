"""Data sets to voices: every character with rights and enough speech, one after another or side by side."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger, task, unmapped
from prefect.cache_policies import NO_CACHE

from flows.hooks import sweep_engines
from infra.stage import listener_of_run
from tasks import voices
from tasks.clips.clean_ledger import clips_to_train
from tasks.clips.data_sets import DataSet, load_data_set
from tasks.opening import check_engines, open_series, with_engines
from tasks.outages import BEARING
from tasks.progress import ended, messages
from tasks.slots import slots_of_run
from tasks.stages import train
from tasks.studio import Studio
from tasks.trust.rights import NoVoice, RightsError, check_rights, not_revoked
from tasks.voices import ANEW, Before, Card, find_voice


@dataclass(frozen=True, kw_only=True)
class Training:
    """Voices that are ready, and why the other characters have none."""

    voices: tuple[Card, ...]
    left_out: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class How:
    """`go_on`: train the current voices on with today's clips; `begin_from`: train on from these files of a voice, for
    one named character; else voices are begun anew. `min_minutes`: train with so little speech, for this run."""

    go_on: bool = False
    begin_from: tuple[str, ...] = ()
    min_minutes: float | None = None


USUAL = How()


@task(name="voice", task_run_name="voice of {character}", cache_policy=NO_CACHE, persist_result=False, **BEARING)
def make_voice(studio: Studio, character: str, before: Before) -> Card:
    """Train a character's voice and enter it in the registry."""
    data = load_data_set(studio, character)
    assert data
    made = train(studio, character, clips_to_train(studio, character), before.files)
    return voices.register(studio, character, data, made, before.history)


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
    options: dict[str, dict[str, Any]] | None = None,
    how: How = USUAL,
) -> Training:
    """A voice for every character (or the ones named) that may have one; each is resumable alone."""
    studio = open_series(config, store, engines=engines, runners=runners, options=options)
    studio = with_engines(studio, slots_of_run(), listener_of_run())
    before, left_out = sorted_out(studio, characters or not_revoked(studio), how)
    ready = {slug: card for slug, each in before.items() if (card := find_voice(studio, slug, each))}
    outstanding = [slug for slug in before if slug not in ready]
    if outstanding:
        check_engines(studio, "train")
    futures = list(make_voice.map(unmapped(studio), outstanding, [before[slug] for slug in outstanding]))
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
    return Training(voices=tuple(ready[slug] for slug in before if slug in ready), left_out=left_out)


def sorted_out(studio: Studio, named: list[str], how: How) -> tuple[dict[str, Before], dict[str, str]]:
    """Who may have a voice, and what it begins from; and why the others may not."""
    before: dict[str, Before] = {}
    left_out: dict[str, str] = {}
    for slug in named:
        why = why_not(studio, slug, how.min_minutes)
        try:
            if why is None:
                before[slug] = _before(studio, slug, how)
        except NoVoice as error:
            why = str(error)
        left_out |= {slug: why} if why else {}
    return before, left_out


def _before(studio: Studio, character: str, how: How) -> Before:
    if how.begin_from:
        return voices.given_before([Path(each) for each in how.begin_from])
    return voices.voice_before(studio, character) if how.go_on else ANEW


def why_not(studio: Studio, character: str, min_minutes: float | None = None) -> str | None:
    """Why a character is not trained; None if it may be."""
    try:
        check_rights(studio, character, "train")
    except RightsError as error:
        return str(error)
    data, least = load_data_set(studio, character), min_minutes
    if least is None:
        least = studio.series.min_minutes
    if data is None or data.clips == 0:
        return (
            f"{character} has no clip in its data set: no speaker counts as this character yet (voicecast label), or "
            "no clip was good enough (voicecast dataset says why)"
        )
    if not enough(data, least):
        return (
            f"{character} has {data.minutes:.1f} min of clean speech, {least:g} min are the least; approve more of "
            f"it, or train it all the same: voicecast train {character} --min-minutes N "
            "(or targets: min_minutes in the series file)"
        )
    return None


def enough(data: DataSet | None, least_minutes: float) -> bool:
    return data is not None and data.clips > 0 and data.minutes >= least_minutes
