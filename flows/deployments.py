"""The flows that deployments run: a form in, and the flows of the other modules in one body.

Top-level flows, since Prefect suspends no others. They are reached by module
path, so that a worker needs voicecast installed and no copy of the repository.
"""

from __future__ import annotations

from typing import Any

from prefect import flow

from flows import ingest as arrivals
from flows import maintenance as upkeeping
from flows import reviving
from flows.deployments_forms import Arrival, Dubbing, Line, Lines, Preparation, Season, Training
from flows.dubbing import dub_episode
from flows.hooks import sweep_engines
from flows.lines import lines_at_once, speak_as, speak_script
from flows.lives import check_lives
from flows.prepare import prepare_series
from flows.season import Told
from flows.season import season as season_flow
from flows.train import How, train_voices
from tasks.outages import bear

USUAL: dict[str, Any] = {
    "on_cancellation": [sweep_engines],
    "on_crashed": [sweep_engines],
    "persist_result": False,
}

maintenance = upkeeping.maintenance
revive = reviving.revive


@flow(name="voicecast-season", flow_run_name="season {order.config}", **USUAL)
def season(order: Season = Season()) -> None:  # noqa: B008 (a value)
    """Episodes in, voices out. Waits on this page for people to say who is who, unless references answer."""
    bear(check_lives)
    bear(lambda: season_flow.fn(**order.told, labels=order.policy))


@flow(name="voicecast-prepare", flow_run_name="prepare {order.config}", **USUAL)
def prepare(order: Preparation = Preparation()) -> None:  # noqa: B008
    """Episodes to recordings, stems, turns, clips, linked speakers and suggestions; asks nothing."""
    bear(check_lives)
    bear(lambda: prepare_series(**order.told, only=order.only or None, sample=order.sample or None))


@flow(name="voicecast-train", flow_run_name="train {order.config}", **USUAL)
def train(order: Training = Training()) -> None:  # noqa: B008
    """Data sets to voices."""
    bear(check_lives)
    bear(lambda: train_voices(**order.told, characters=order.characters or None, how=How(go_on=order.go_on)))


@flow(name="voicecast-speak", flow_run_name="speak as {line.character}", **USUAL)
def speak(line: Line) -> None:
    """A text or a recording in a character's voice; an artifact says where the store has it."""
    bear(check_lives)
    bear(
        lambda: speak_as.fn(
            line.character,
            line.text or None,
            line.audio or None,
            line.pitch_shift or None,
            config=line.config or None,
            store=line.store or None,
            series=line.series or None,
        )
    )


@flow(name="voicecast-speak-script", flow_run_name="speak {lines.shown}", task_runner=lines_at_once(), **USUAL)
def speak_lines(lines: Lines) -> None:
    """Every line of a script in its character's voice; an artifact says where the store has them."""
    bear(check_lives)
    bear(
        lambda: speak_script.fn(
            lines.script,
            lines.character or None,
            joined=lines.joined,
            language=lines.language or None,
            bounds=(lines.slowest, lines.fastest),
            series=lines.series or None,
            **lines.told,
        )
    )


@flow(name="voicecast-dub", flow_run_name="dub {order.episode} by {order.shown}", task_runner=lines_at_once(), **USUAL)
def dub(order: Dubbing) -> None:
    """An episode's lines said anew over its background, beside the original tracks; artifacts say where the video is,
    and how the lines fit their slots."""
    bear(check_lives)
    how = {
        "language": order.language or None,
        "slowest": order.slowest,
        "fastest": order.fastest,
        "unsaid": order.unsaid,
        "name": order.name or None,
        "default": order.default,
    }
    told = {"series": order.series or None, **order.told}
    bear(lambda: dub_episode.fn(order.script, order.episode, how, order.character or None, **told))


@flow(name="voicecast-ingest", flow_run_name="ingest {arrival.file}", **USUAL)
def ingest(arrival: Arrival) -> None:
    """One new episode, by the event `episode.arrived`; then as a season."""
    bear(check_lives)
    bear(lambda: arrivals.ingest(arrival.file, Told(**arrival.told), arrival.policy))


@flow(name="voicecast-nightly", flow_run_name="nightly {order.config}", **USUAL)
def nightly(order: Season = Season()) -> None:  # noqa: B008
    """Look for new episodes, and prepare them; nothing new: nothing is started."""
    bear(check_lives)
    bear(lambda: arrivals.nightly(Told(**order.told), order.policy))
