"""The whole job of a series: prepare, labels, data sets, voices. `python -m flows.season --help`"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import NamedTuple

from prefect import flow, get_run_logger
from prefect.artifacts import create_markdown_artifact

from flows.dataset import make_data_sets
from flows.gate import ask_labels, settle
from flows.hooks import sweep_engines
from flows.prepare import Preparation, prepare_series
from flows.train import train_voices, why_not
from tasks.clips import data_sets
from tasks.clips.data_sets import DataSet
from tasks.domain import Suggestion
from tasks.episodes.episodes import list_episodes
from tasks.episodes.prepared import STAGES, find_all_prepared, find_left_out
from tasks.episodes.separating import stages_of
from tasks.labelling.decisions import Labels
from tasks.labelling.label_form import lines_to_add
from tasks.labelling.label_rules import newcomers
from tasks.labelling.labels import load
from tasks.opening import check_engines, open_series
from tasks.speakers import casting
from tasks.studio import Studio
from tasks.trust.rights import not_revoked
from tasks.voices import Card, find_voice


@dataclass(frozen=True, kw_only=True)
class Season:
    """What a season run gave.

    `waiting`: speakers that need a label before anything is trained. `to_add`: lines that the series file lacks for
    characters that people named.
    """

    episodes: int
    failed: dict[str, str]
    waiting: tuple[Suggestion, ...]
    data_sets: tuple[DataSet, ...] = ()
    voices: tuple[Card, ...] = ()
    left_out: dict[str, str] | None = None
    to_add: str = ""


@flow(
    name="season",
    flow_run_name="season {config}",
    on_cancellation=[sweep_engines],
    on_crashed=[sweep_engines],
    persist_result=False,
)
def season(
    config: str | None = None,
    store: str | None = None,
    labels: str | None = None,
    engines: dict[str, str] | None = None,
    runners: dict[str, str] | None = None,
) -> Season:
    """Episodes in, voices out; waits for labels in between unless references answer every question."""
    studio = open_series(config, store, engines=engines, runners=runners)
    check_engines(studio, *STAGES, *stages_of(studio.series), "clean", "train")
    preparation = prepare_series(config, store, engines, runners)
    return after(preparation, studio, Told(config, store, engines, runners), labels)


class Told(NamedTuple):
    """What a flow was told, and tells the flows in it."""

    config: str | None
    store: str | None
    engines: dict[str, str] | None
    runners: dict[str, str] | None


def after(preparation: Preparation, studio: Studio, told: Told, labels: str | None) -> Season:
    """What follows a preparation, in the body of a top-level flow: the gate, and with all said data sets and voices."""
    labelled = ask_labels(studio, preparation.cast, labels or studio.series.labels)
    outcome = Season(
        episodes=len(preparation.prepared),
        failed=preparation.failed,
        waiting=labelled.waiting,
        to_add=name_new(studio, labelled.labels),
    )
    if labelled.waiting or not preparation.prepared:
        return outcome
    return finish(outcome, told)


def name_new(studio: Studio, labels: Labels) -> str:
    """Say what the series file lacks for characters that people named: in the log, and on the run's page."""
    named = newcomers(labels, studio.series.characters)
    if not named:
        return ""
    lines = lines_to_add(named)
    get_run_logger().warning("the series file lacks %s; add to it:\n%s", ", ".join(named), lines)
    text = f"The series file lacks characters that were named. Add, and run it again:\n\n```yaml\n{lines}\n```"
    create_markdown_artifact(text, key=f"new-characters-{studio.series.series}".replace("_", "-"))
    return lines


def finish(outcome: Season, told: Told) -> Season:
    """What follows once labels are there; a labels file is not taken again, since people may have corrected it."""
    made = make_data_sets(told.config, told.store, None, told.engines, told.runners)
    training = train_voices(told.config, told.store, None, told.engines, told.runners)
    return replace(outcome, data_sets=made.ready, voices=training.voices, left_out=training.left_out | made.failed)


def finished(studio: Studio, policy: str) -> Season | None:
    """The season as it stands in the store, if nothing is left to do; looks only, starts nothing."""
    episodes = list_episodes(studio.series, studio.store)
    found = find_all_prepared(studio, episodes)
    prepared = list(found.values())
    unfinished = [each for each in episodes if each.key not in found]
    failed = {each.key: why for each in unfinished if (why := find_left_out(studio, each))}
    if len(prepared) + len(failed) < len(episodes):
        return None
    base = casting.base_of(studio, episodes, prepared)
    cast = casting.find_cast(studio, casting.identity_of(base, load(studio.store, studio.series.series)))
    if cast is None or policy not in ("ask", "auto"):
        return None
    labelled = settle(studio, cast, policy)
    if labelled.waiting:
        return None
    labels = labelled.labels
    made = {}
    for slug in not_revoked(studio):
        found_set = data_sets.find_data_set(studio, slug, data_sets.identity_of(studio, cast, labels, slug))
        if found_set is None:
            return None
        made[slug] = found_set
    done = _with_voices(studio, len(prepared), failed, made)
    named = newcomers(labels, studio.series.characters)
    return replace(done, to_add=lines_to_add(named)) if done and named else done


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
