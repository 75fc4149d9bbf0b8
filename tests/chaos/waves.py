"""A wave: seasons that run on a Prefect server while it, its database or their workers are killed and come back.

Runs are started again by the server's automations (flows.automations). A person answers forms, and presses Retry where
a run failed, or where nobody started it again in time, as when the server died before it knew, and orders a season
again that left something out; all three are counted.
"""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tests.chaos import faults, season
from tests.chaos.children import Loss
from tests.chaos.playing import ENDS_S, Playing, attend, begin
from tests.chaos.rounds import compare
from tests.chaos.served import Served, processes_of, until

Kill = Literal["worker", "server", "database"]
KILLS: tuple[Kill, ...] = ("worker", "server", "database")
MOST_KILLS = 6
"""Of a server in a wave, by default: then its seasons may end in peace."""


@dataclass(frozen=True, kw_only=True)
class Wave:
    """`kills`: of those, `struck` hit at least one season under way; `finished`: seasons that ended as undisturbed."""

    kind: Kill
    database: str
    seed: int
    kills: int
    struck: int
    seasons: int
    asked: int
    in_flight: int
    redone: int
    by_hand: int
    failures: list[str]
    seconds: float


Truths = dict[bool, dict[str, str]]
"""Contents of an undisturbed season, by whether it asks a person."""


def undisturbed(there: Served, folder: Path, episodes: int) -> Truths:
    playing = [
        begin(there, folder / f"asks-{asks}", f"undisturbed-{asks}", episodes, asks=bool(asks)) for asks in (0, 1)
    ]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda each: attend(there, each, None, threading.Event()), playing))
    for each in playing:
        each.worker.kill()
        if each.failures:
            raise Loss(f"an undisturbed season failed: {each.failures}")
    return {each.asks: season.contents(each.root) for each in playing}


def play(
    there: Served,
    kind: Kill,
    seed: int,
    folder: Path,
    truths: Truths,
    seasons: int,
    episodes: int,
    most_kills: int = MOST_KILLS,
) -> Wave:
    """One wave; raises Loss."""
    chance, began = random.Random(f"{seed} {kind}"), time.monotonic()
    playing = [
        begin(there, folder / f"season-{i}", f"{kind}-{seed}-{i}", episodes, asks=chance.random() < 0.5)
        for i in range(seasons)
    ]
    over = threading.Event()
    with ThreadPoolExecutor(2 * seasons + 1) as pool:
        attended = [pool.submit(attend, there, each, truths[each.asks], over) for each in playing]
        if kind == "worker":
            tasks = [pool.submit(_kill_worker, each, random.Random(f"{seed} {each.queue}")) for each in playing]
            struck = [hit for each in tasks for hit in each.result()]
        else:
            struck = _kill_server(there, kind, chance, playing, attended, most_kills)
        try:
            for each in attended:
                each.result()
        finally:
            over.set()
    for each in playing:
        _check(there, each, truths[each.asks])
        each.worker.kill()
    return Wave(
        kind=kind,
        database=there.kind,
        seed=seed,
        kills=len(struck),
        struck=sum(struck),
        seasons=len(playing),
        asked=sum(each.answered for each in playing),
        in_flight=sum(each.in_flight for each in playing),
        redone=sum(each.redone() for each in playing),
        by_hand=sum(each.by_hand for each in playing),
        failures=[why for each in playing for why in each.failures],
        seconds=time.monotonic() - began,
    )


def _kill_worker(one: Playing, chance: random.Random) -> list[bool]:
    """A worker alone, and a worker with the run that it has started; each time another takes its queue."""
    struck: list[bool] = []
    for alone in (True, False):
        if not _wait(one, chance):
            break
        one.note()
        alive = processes_of(one.run)
        one.worker.kill(alone=True)
        if not alone:
            for each in alive:
                with suppress(ProcessLookupError):
                    os.kill(each, signal.SIGKILL)
        struck.append(bool(alive))
        time.sleep(chance.uniform(0, 5))
        one.worker.start()
    return struck


def _kill_server(
    there: Served, kind: Kill, chance: random.Random, playing: list[Playing], attended: list[Any], most: int
) -> list[bool]:
    """As often as seasons still run: the server, or its database, goes, and comes back after a while."""
    struck: list[bool] = []
    while len(struck) < most and not all(each.done() for each in attended):
        going = [each for each, future in zip(playing, attended, strict=True) if not future.done()]
        if not any(_under_way(there, each) for each in going):
            time.sleep(1)
            continue
        _wait_for_an_answer(going, chance) if chance.random() < 0.3 else time.sleep(chance.uniform(0, 8))
        if all(each.done() for each in attended):
            break
        for each in playing:
            each.note()
        struck.append(any(processes_of(each.run) for each in going))
        if kind == "server":
            there.kill_server()
            time.sleep(chance.uniform(0, 8))
            there.start_server()
        else:
            assert there.postgres
            there.postgres.kill()
            time.sleep(chance.uniform(0, 8))
            there.postgres.start()
        time.sleep(chance.uniform(1, 20))
    return struck


def _under_way(there: Served, one: Playing) -> bool:
    return bool(processes_of(one.run)) and there.ask(f"flow_runs/{one.run}")["state"]["type"] == "RUNNING"


def _wait_for_an_answer(going: list[Playing], chance: random.Random) -> None:
    """Until a form that is open is answered, for a while: what was said must outlive the next moment."""
    asking, end = [each for each in going if each.asks and not each.answered], time.monotonic() + 20
    while asking and not any(each.answered for each in asking) and time.monotonic() < end:
        time.sleep(0.02)
    time.sleep(chance.uniform(0, 0.3))


def _wait(one: Playing, chance: random.Random) -> bool:
    """Until the run is there, has finished so many items, or was answered; False if it is over first."""
    wanted, end = chance.randrange(0, 15), time.monotonic() + ENDS_S / 2
    after_answer = one.asks and chance.random() < 0.4
    while time.monotonic() < end:
        begun = len(season.begun(one.folder))
        if (one.answered if after_answer else begun >= wanted) and processes_of(one.run):
            time.sleep(chance.uniform(0, 1.5))
            return True
        if (one.root / "series" / season.SERIES / "voices" / "anna" / "current.json").exists():
            return bool(processes_of(one.run))
        time.sleep(0.1)
    return False


def _check(there: Served, one: Playing, truth: dict[str, str]) -> None:
    until(lambda: not processes_of(one.run), f"{one.queue}: a process outlives its run", 60)
    until(lambda: not faults.processes_of(one.folder), f"{one.queue}: an engine outlives its run", 30)
    compare(one.root, truth)
    after = season.decisions(one.root)
    if any(after.get(name) != said for name, said in one.decisions.items()):
        raise Loss(f"{one.queue}: a decision was lost or changed")
    people = [json.loads(each) for each in after.values()]
    if one.asks and not any(each["who"] == "mika" for each in people):
        raise Loss(f"{one.queue}: a person's answer was lost")
    if twice := one.finished_twice():
        raise Loss(f"{one.queue}: finished work was done again: {sorted(twice)}")


def left_running(there: Served) -> dict[str, list[str]]:
    """Flow runs and task runs that the server still takes for running, by kind."""
    wanted = {"state": {"type": {"any_": ["RUNNING", "PENDING", "CANCELLING"]}}}
    flows = there.ask("flow_runs/filter", {"flow_runs": wanted})
    tasks = there.ask("task_runs/filter", {"task_runs": wanted})
    return {"flow runs": [each["name"] for each in flows], "task runs": [each["name"] for each in tasks]}
