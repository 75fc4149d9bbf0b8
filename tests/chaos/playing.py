"""A season that runs on a Prefect server, and the person who looks after it."""

from __future__ import annotations

import json
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos import season
from tests.chaos.children import Loss
from tests.chaos.served import Program, Served, processes_of, write_series

SLEEP_S = 1.5
"""Seconds that every item takes longer, so that a kill finds some in flight."""
ENDS_S = 1500.0
"""How long a season may take, deaths, silences and restarts included."""
HAND_S = {"Crashed": 150.0, "Submitting": 120.0, "Pending": 120.0, "Running": 300.0}
"""When a person presses Retry on a run that has no process: the server should have seen to it before."""


@dataclass
class Playing:
    """A season under way; `answered`: a person's answer was accepted; `by_hand`: how often Retry was pressed."""

    folder: Path
    run: str
    queue: str
    asks: bool
    worker: Program
    order: dict[str, str]
    answered: bool = False
    by_hand: int = 0
    failures: list[str] = field(default_factory=list)
    records: set[str] = field(default_factory=set)
    before: int = 0
    in_flight: int = 0
    twice: set[str] = field(default_factory=set)
    decisions: dict[str, bytes] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        return self.folder / "store"

    def note(self) -> None:
        """At a kill: what is finished by now, said by now, and in flight."""
        self._again()
        begun = season.begun(self.folder)
        self.records = {each[:16] for each in season.recorded(self.root)}
        self.before, self.in_flight = len(begun), self.in_flight + len(set(begun) - self.records)
        self.decisions |= season.decisions(self.root)

    def redone(self) -> int:
        begun = season.begun(self.folder)
        return len(begun) - len(set(begun))

    def finished_twice(self) -> set[str]:
        self._again()
        return self.twice

    def _again(self) -> None:
        self.twice |= self.records & set(season.begun(self.folder)[self.before :])


def begin(there: Served, folder: Path, queue: str, episodes: int, *, asks: bool) -> Playing:
    config = write_series(folder, episodes, asks=asks, sleep_s=SLEEP_S)
    worker = there.worker(queue, folder / "begun.log")
    order = {"config": str(config), "store": str(folder / "store"), "labels": "ask" if asks else "auto"}
    run = there.order(queue, order)
    return Playing(folder=folder, run=run, queue=queue, asks=asks, worker=worker, order=order)


def attend(there: Served, one: Playing, truth: dict[str, str] | None, over: threading.Event) -> None:
    """Be the person of a season until it is whole: answer its form, press Retry if it failed, order it again if it left
    something out; it is ordered once if `truth` is None."""
    end = time.monotonic() + ENDS_S
    since, before = time.monotonic(), ""
    while not over.is_set():
        state = there.ask(f"flow_runs/{one.run}")["state"]
        name = state["name"]
        if name == "Completed" and truth in (None, season.contents(one.root)):
            return
        if time.monotonic() > end:
            raise Loss(f"{one.queue} is left {name} ({state.get('message')}); it has {processes_of(one.run)}")
        if (said := f"{name} {state['timestamp']}") != before:
            since, before = time.monotonic(), said
        stuck = HAND_S.get(name, 1e9) < time.monotonic() - since and not processes_of(one.run)
        if name in ("Suspended", "Paused"):
            _answer(there, one)
        if name in ("Failed", "Completed") or stuck:
            one.by_hand += 1
            one.failures.append(f"{name}: {str(state.get('message') or 'something was left out')[:200]}")
            if one.by_hand > 5:
                raise Loss(f"{one.queue} fails for ever: {one.failures}")
            if name == "Completed":
                one.run = there.order(one.queue, one.order)
            else:
                again = {"type": "SCHEDULED", "name": "AwaitingRetry"}
                there.ask(f"flow_runs/{one.run}/set_state", {"state": again, "force": True})
        time.sleep(0.7)


def _answer(there: Served, one: Playing) -> None:
    forms = sorted((one.root / "series" / season.SERIES / "cast" / "forms").glob("*.json"))
    if not forms:
        return
    asked = json.loads(forms[-1].read_text("utf-8"))["prefill"]
    answers = {**dict.fromkeys(asked, "carl"), "labelled_by": "mika"}
    with suppress(OSError):  # the form is not there yet, or the server is gone: asked again
        said = there.ask(f"flow_runs/{one.run}/resume", {"run_input": answers})
        one.answered |= said["status"] == "ACCEPT"
