"""Engines that stay for a moment after a start (infra/runners/warm.py, containers/contract/staying.py)."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from containers.contract.codec import canonical
from containers.contract.item import sha256_of
from containers.contract.stages import CONTRACT, File, ProbeRequest
from infra.engines import engines
from infra.runners.process import ProcessRunner
from infra.runners.warm import WARM
from infra.stage import Exit, Start

STUB = engines()["stub"]


@pytest.fixture(autouse=True)
def _all_leave() -> Iterator[None]:
    WARM.end()  # those of tests before
    yield
    WARM.end()


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., Start]:
    def make(name: str, **options: float) -> Start:
        item = tmp_path / name / "items" / "a"
        (item / "in").mkdir(parents=True)
        (item / "state").mkdir()
        (item / "in/video").write_text(json.dumps({"stub": {"title": name, "duration": 5}}))
        request = ProbeRequest(video=File(path="in/video", sha256=sha256_of(item / "in/video")))
        (item / "request.json").write_text(canonical({"contract": CONTRACT, "stage": "probe", "request": request}))
        (tmp_path / name / "options.json").write_text(json.dumps(options))
        return Start(id=name, engine=STUB, workdir=tmp_path / name, cache=tmp_path / "cache", items=1)

    (tmp_path / "cache").mkdir()
    return make


def run(runner: ProcessRunner, start: Start) -> set[int]:
    """Its engines of this process afterwards."""
    assert runner.run(start, lambda _: None) == Exit(reason="finished")
    assert (start.workdir / "items/a/result.json").exists()
    return engines_of_this_process()


def engines_of_this_process() -> set[int]:
    found = set()
    for children in Path("/proc/self/task").glob("*/children"):
        for child in children.read_text().split():
            if b"containers.contract" in Path(f"/proc/{child}/cmdline").read_bytes():
                found.add(int(child))
    return found


def test_the_next_start_of_the_same_kind_is_taken_by_the_engine_that_stayed(
    tmp_path: Path, start: Callable[..., Start]
) -> None:
    runner = ProcessRunner(tmp_path, stay_seconds=30)
    first = run(runner, start("one"))
    assert len(first) == 1
    assert run(runner, start("two")) == first


def test_other_options_are_another_engine(tmp_path: Path, start: Callable[..., Start]) -> None:
    runner = ProcessRunner(tmp_path, stay_seconds=30)
    first = run(runner, start("one"))
    assert len(run(runner, start("two", sleep_s=0.01)) - first) == 1


def test_an_engine_that_died_while_it_was_idle_is_replaced(tmp_path: Path, start: Callable[..., Start]) -> None:
    runner = ProcessRunner(tmp_path, stay_seconds=30)
    (died,) = run(runner, start("one"))
    os.kill(died, signal.SIGKILL)
    time.sleep(0.05)
    after = run(runner, start("two"))
    assert len(after) == 1
    assert died not in after


def test_an_idle_engine_leaves_after_its_time(tmp_path: Path, start: Callable[..., Start]) -> None:
    run(ProcessRunner(tmp_path, stay_seconds=0.2), start("one"))
    until = time.monotonic() + 10
    while engines_of_this_process():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.parametrize(("stay_seconds", "gpu"), [(0.0, 0), (30.0, 1)])
def test_nothing_stays_where_it_is_not_wanted_or_may_hold_a_gpu(
    tmp_path: Path, start: Callable[..., Start], stay_seconds: float, gpu: int
) -> None:
    one = replace(start("one"), engine=replace(STUB, gpu=gpu))
    assert run(ProcessRunner(tmp_path, stay_seconds=stay_seconds), one) == set()
