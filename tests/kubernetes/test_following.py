"""A flow that dies, comes back, or is cancelled: nothing runs twice, nothing is lost, nothing is left."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from infra.runners.kubernetes_sweep import sweep_orphans, sweep_run
from infra.stage import Outcome
from tests.kubernetes.conftest import Yard
from tests.unit.test_dispatch import HERE

RUNS = """
import signal, sys
from pathlib import Path
from infra.store import open_store
from tests.kubernetes.conftest import Seen, Yard
folder, store, how, steps = sys.argv[1:]
if how == "prefect":  # which turns SIGTERM into an exception
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
yard = Yard(Path(folder), open_store(store), None, "")
yard.cranes._run = "the-run"
yard.open.set()
yard.dispatcher.run(yard.job("long", do="go step by step", steps=int(steps)))
"""


@contextmanager
def flow(yard: Yard, store: Any, how: str = "bare", steps: int = 30) -> Iterator[subprocess.Popen[bytes]]:
    """A process that wants an item played, whose Job plays it by now."""
    words = [sys.executable, "-c", RUNS, str(yard.folder), store.address, how, str(steps)]
    process = subprocess.Popen(words, cwd=HERE)
    try:
        yard.wait(lambda: list(store.keys("scratch/items")), "nothing has been kept of the item")
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_flow_that_comes_back_follows_the_job_that_is_there(yard: Yard, store: Any) -> None:
    with flow(yard, store) as process:
        process.kill()
    (before,) = yard.jobs()
    outcome = yard.one(yard.job("long", do="go step by step", steps=30))
    assert isinstance(outcome, Outcome), outcome
    assert yard.facts()["first"] == 0, "it was played once, by one Job"
    assert [start.items for start in yard.cranes.starts] == [1]
    assert before["metadata"]["labels"]["voicecast/start"] != yard.cranes.starts[0].id
    assert {each.done for each in yard.heard if each.name == "probe long"} >= {1.0}
    yard.is_empty()
    assert [*store.keys("scratch/starts"), *store.keys("scratch/items")] == []


@pytest.mark.proof
@pytest.mark.parametrize("is_there", [True, False], ids=["Job still there", "Job gone"])
def test_what_a_job_has_sent_while_nobody_was_there_is_taken(yard: Yard, store: Any, is_there: bool) -> None:
    with flow(yard, store, steps=10) as process:
        process.kill()
    yard.wait(lambda: yard.jobs()[0]["status"].get("succeeded"), "the Job does not end")
    if not is_there:
        yard.cluster("delete", "job", "-n", yard.namespace, yard.jobs()[0]["metadata"]["name"])
        yard.is_empty()
    outcome = yard.one(yard.job("long", do="go step by step", steps=10))
    assert isinstance(outcome, Outcome), outcome
    assert is_there or yard.cranes.lines == []
    assert len(yard.cranes.starts) == 1
    yard.is_empty()
    assert [*store.keys("scratch/starts"), *store.keys("scratch/items")] == [] or not is_there


def test_a_cancelled_flow_takes_its_job_along(yard: Yard, store: Any) -> None:
    with flow(yard, store, "prefect") as process:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    yard.is_empty()


@pytest.mark.proof
def test_what_a_killed_run_has_left_is_swept_by_the_run(yard: Yard, store: Any) -> None:
    with flow(yard, store) as process:
        process.kill()
    assert sweep_run("another-run") == []
    (job,) = yard.jobs()
    assert sweep_run("the-run") == [job["metadata"]["name"]]
    yard.is_empty()


@pytest.mark.proof
def test_a_job_whose_links_have_run_out_is_nobodys(yard: Yard, store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with flow(yard, store) as process:
        process.kill()
    assert sweep_orphans() == [], "somebody may come back for it"
    (job,) = yard.jobs()
    later = time.time() + 3600 + 90
    monkeypatch.setattr("infra.runners.kubernetes_sweep.time.time", lambda: later)
    assert sweep_orphans() == [job["metadata"]["name"]]
    yard.is_empty()
