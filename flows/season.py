"""The whole job of a series: prepare, labels, data sets, voices. `python -m flows.season --help`"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from prefect import flow

from flows.dataset import make_data_sets
from flows.gate import Labelled, ask_labels
from flows.prepare import prepare_series
from flows.train import train_voices, why_not
from tasks import casting, data_sets
from tasks.data_sets import DataSet
from tasks.domain import Suggestion
from tasks.episodes import list_episodes
from tasks.labels import load
from tasks.opening import check_engines, open_series
from tasks.prepared import STAGES, find_left_out, find_prepared
from tasks.studio import Studio
from tasks.voices import Card, find_voice


@dataclass(frozen=True, kw_only=True)
class Season:
    """What a season run gave. `waiting`: speakers that need a label before anything is trained."""

    episodes: int
    failed: dict[str, str]
    waiting: tuple[Suggestion, ...]
    data_sets: tuple[DataSet, ...] = ()
    voices: tuple[Card, ...] = ()
    left_out: dict[str, str] | None = None


@flow(name="season", flow_run_name="season {config}", persist_result=False)
def season(
    config: str | None = None,
    store: str | None = None,
    labels: str | None = None,
    engines: dict[str, str] | None = None,
    runners: dict[str, str] | None = None,
) -> Season:
    """Episodes in, voices out; waits for labels in between unless references answer every question."""
    studio = open_series(config, store, engines=engines, runners=runners)
    check_engines(studio, *STAGES, "clean", "train")
    preparation = prepare_series(config, store, engines, runners)
    labelled = ask_labels(studio, preparation.cast, labels or studio.series.labels)
    outcome = Season(episodes=len(preparation.prepared), failed=preparation.failed, waiting=labelled.waiting)
    return (
        outcome
        if labelled.waiting or not preparation.prepared
        else finish(outcome, config, store, labels, engines, runners)
    )


def finish(
    outcome: Season,
    config: str | None,
    store: str | None,
    labels: str | None,
    engines: dict[str, str] | None,
    runners: dict[str, str] | None,
) -> Season:
    """What follows once labels are there."""
    made = make_data_sets(config, store, labels, engines, runners)
    training = train_voices(config, store, None, engines, runners)
    return Season(
        episodes=outcome.episodes,
        failed=outcome.failed,
        waiting=(),
        data_sets=made.ready,
        voices=training.voices,
        left_out=training.left_out | made.failed,
    )


def finished(studio: Studio, policy: str) -> Season | None:
    """The season as it stands in the store, if nothing is left to do; looks only, starts nothing."""
    episodes = list_episodes(studio.series, studio.store)
    prepared = [found for each in episodes if (found := find_prepared(studio, each))]
    failed = {each.key: why for each in episodes if (why := find_left_out(studio, each))}
    if len(prepared) + len(failed) < len(episodes):
        return None
    cast = casting.find_cast(studio, casting.identity_of(prepared, casting.references_of(studio)))
    if cast is None or policy not in ("ask", "auto"):
        return None
    labels = load(studio.store, studio.series.series)
    labelled = Labelled(labels=labels) if policy == "auto" else ask_labels(studio, cast, policy)
    if labelled.waiting:
        return None
    made = {}
    for slug in studio.series.characters:
        found_set = data_sets.find_data_set(studio, slug, data_sets.identity_of(studio, cast, labels, slug))
        if found_set is None:
            return None
        made[slug] = found_set
    return _with_voices(studio, len(prepared), failed, made)


def _with_voices(studio: Studio, episodes: int, failed: dict[str, str], made: dict[str, DataSet]) -> Season | None:
    left_out = {slug: why for slug in made if (why := why_not(studio, slug))}
    cards = {slug: find_voice(studio, slug) for slug in made if slug not in left_out}
    ready = tuple(card for card in cards.values() if card)
    if len(ready) < len(cards):
        return None
    return Season(
        episodes=episodes, failed=failed, waiting=(), data_sets=tuple(made.values()), voices=ready, left_out=left_out
    )


if __name__ == "__main__":
    from flows.cli.main import main

    main(["season", *sys.argv[1:]])
