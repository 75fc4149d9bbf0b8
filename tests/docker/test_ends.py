"""How a container ends, and what is left of it: each end is told by its name, and nothing stays."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from containers.contract.errors import EngineError, RecordingError
from infra.runners.docker import DockerRunner, daemon, sweep
from infra.stage import Exit, Outcome
from tests.docker.conftest import UNRULY, Dock, containers
from tests.unit.test_dispatch import HERE, STUB, wait_until


def test_items_that_wait_together_share_a_container(dock: Dock) -> None:
    outcomes = dock.run(*(dock.job(f"e{i}", STUB) for i in range(5)))
    assert [start.items for start in dock.containers.starts] == [5]
    assert all(isinstance(each, Outcome) and each.engine == "stub 1" for each in outcomes)
    assert {each.name for each in dock.heard if each.done == 1} == {f"probe e{i}" for i in range(5)}
    assert containers(dock.folder) == []


def test_too_much_memory_is_told_and_takes_no_neighbour_along(dock: Dock) -> None:
    first, glutton, third = dock.run(dock.job("e1"), dock.job("e2", do="eat"), dock.job("e3"))
    assert isinstance(first, Outcome)
    assert isinstance(third, Outcome)
    assert "ran out of memory; raise memory_gb of unruly" in str(glutton)
    assert {ended.reason for ended in dock.containers.exits} == {"out_of_memory", "finished"}
    assert containers(dock.folder) == []


def test_a_child_without_memory_does_not_make_a_good_result_bad(dock: Dock) -> None:
    """Docker says OOMKilled all the same."""
    outcome = dock.one(dock.job("e1", do="let a child eat"))
    assert isinstance(outcome, Outcome)
    assert [ended.reason for ended in dock.containers.exits] == ["finished"]


def test_a_kill_from_outside_is_no_lack_of_memory(dock: Dock) -> None:
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(dock.one, dock.job("e1", do="be silent"))
        for count in (1, 2, 3):
            wait_until(lambda count=count: len(dock.containers.starts) == count, "it is not tried again")
            wait_until(lambda: _running(dock.folder), "no container runs")
            containers(dock.folder)[0].kill()
            wait_until(lambda count=count: len(dock.containers.exits) == count, "the end goes unnoticed")
        assert "unruly was killed" in str(running.result())
    assert {ended.reason for ended in dock.containers.exits} == {"killed"}


@pytest.mark.parametrize("how", ["stop", "remove"])
def test_a_container_that_somebody_stops_or_removes_was_killed(dock: Dock, how: str) -> None:
    do: dict[str, Callable[..., object]] = {
        "stop": lambda each: each.stop(timeout=10),
        "remove": lambda each: each.remove(force=True),
    }
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(dock.one, dock.job("e1", STUB, sleep_s=2))
        wait_until(lambda: _running(dock.folder), "no container runs")
        do[how](containers(dock.folder)[0])
        assert isinstance(running.result(), Outcome), "it is not tried again"
    assert [ended.reason for ended in dock.containers.exits] == ["killed", "finished"]


def test_a_program_that_leaves_says_its_last_words(dock: Dock) -> None:
    failure = dock.one(dock.job("e1", do="leave"))
    assert dock.containers.exits[-1] == Exit(reason="failed", message="exit 7: the library gives up\n")
    assert "the library gives up" in str(failure)


def test_an_engine_without_a_sign_of_life_is_ended(dock: Dock) -> None:
    failure = dock.one(dock.job("e1", replace(UNRULY, timeout_s=1.5), do="be silent"))
    assert isinstance(failure, EngineError)
    assert "no progress for 2 s" in str(failure)
    assert [ended.reason for ended in dock.containers.exits] == ["stuck"]
    assert containers(dock.folder) == []


def test_a_progress_bar_is_a_sign_of_life(dock: Dock) -> None:
    outcome = dock.one(dock.job("e1", replace(UNRULY, timeout_s=4), do="draw a bar"))
    assert isinstance(outcome, Outcome)
    assert {f"training {i}/5\n" for i in range(6)} <= set(dock.containers.lines)


def test_state_is_kept_between_containers(dock: Dock) -> None:
    """Stub counts its attempts there: it dies in the first two."""
    outcome = dock.one(dock.job("e1", STUB, die="probe", times=2))
    assert isinstance(outcome, Outcome)
    assert [ended.reason for ended in dock.containers.exits] == ["killed", "killed", "finished"]
    assert list((dock.folder / "work" / "state").iterdir()) == []


def test_a_broken_recording_is_the_recordings_fault(dock: Dock) -> None:
    good, broken = dock.run(dock.job("e1", STUB), dock.job("e2", STUB, fail="recording"))
    assert isinstance(good, Outcome)
    assert isinstance(broken, RecordingError)


def test_an_engine_without_an_image_names_the_command_that_makes_it(dock: Dock) -> None:
    failure = dock.one(dock.job("e1", replace(STUB, name="nowhere")))
    assert isinstance(failure, EngineError)
    assert "make images ENGINES=nowhere" in str(failure)


def test_a_machine_without_docker_says_what_helps(dock: Dock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{dock.folder}/nothing.sock")
    DockerRunner(dock.folder / "other")
    failure = dock.one(dock.job("e1"))
    assert isinstance(failure, EngineError)
    assert "Docker does not answer" in str(failure)
    assert "systemctl start docker" in str(failure)


def test_a_failing_listener_leaves_no_container(dock: Dock) -> None:
    def hear(_: object) -> None:
        raise OSError("the disk of the log is full")

    dock.dispatcher._listener = hear
    failure = dock.one(dock.job("e1", STUB))
    assert "the disk of the log is full" in str(failure)
    assert containers(dock.folder) == []


RUNS = """
import contextlib, signal, sys, tests.docker.conftest as here
from flows.cli.terminal import interruption_said
from pathlib import Path
if sys.argv[2] == "prefect":  # which turns SIGTERM into an exception
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
dock = here.Dock(Path(sys.argv[1]))
dock.open.set()
with interruption_said() if sys.argv[2] == "command" else contextlib.nullcontext():
    dock.dispatcher.run(dock.job("long", do="be silent"))
"""


@pytest.mark.parametrize(
    ("how", "sent", "left"),
    [
        ("bare", signal.SIGKILL, 1),
        ("bare", signal.SIGTERM, 1),
        ("prefect", signal.SIGTERM, 0),
        ("bare", signal.SIGINT, 0),
        ("command", signal.SIGINT, 0),
    ],
)
def test_a_run_that_ends_takes_its_container_along_and_the_next_sweeps_what_is_left(
    tmp_path: Path, how: str, sent: signal.Signals, left: int
) -> None:
    """What is left of a killed process is stopped at once, so that it holds neither memory nor GPU."""
    parent = subprocess.Popen([sys.executable, "-c", RUNS, str(tmp_path), how], cwd=HERE, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: list(tmp_path.glob("work/starts/*/items/*/started")), "no item has begun")
        sweep()
        assert _running(tmp_path), "what is alive is not swept"
        parent.send_signal(sent)
        parent.wait(timeout=120)
    finally:
        parent.kill()
    wait_until(lambda: not _running(tmp_path), "the container outlives its run")
    assert len(containers(tmp_path)) <= left  # 0 also where a run beside this one has swept
    Dock(tmp_path)
    assert containers(tmp_path) == []
    assert list(tmp_path.glob("work/containers/*")) == []
    assert list(tmp_path.glob("work/starts/*")) == []


def test_runs_beside_each_other_leave_each_others_containers_alone(tmp_path: Path) -> None:
    docks = [Dock(tmp_path / name) for name in "ab"]
    stop = threading.Event()

    def sweeping() -> None:
        while not stop.wait(0.05):
            sweep()

    with ThreadPoolExecutor(3) as pool:
        sweeper = pool.submit(sweeping)
        try:
            answers = [pool.submit(dock.one, dock.job("e1", STUB, sleep_s=1)) for dock in docks]
            assert all(isinstance(each.result(), Outcome) for each in answers)
        finally:
            stop.set()
        sweeper.result()
    assert [ended.reason for dock in docks for ended in dock.containers.exits] == ["finished"] * 2


def test_containers_of_others_are_left_alone(tmp_path: Path) -> None:
    """Of another machine that uses the same Docker, and of no voicecast at all."""
    labels = [{"voicecast.owner": str(tmp_path / "gone"), "voicecast.host": "elsewhere"}, {"voicecast.start": "1"}]
    with daemon() as client:
        image = client.images.list()[0].id
        others = [client.containers.create(image, ["true"], labels=each) for each in labels]
        try:
            sweep()
            assert all(client.containers.get(each.id) for each in others)
        finally:
            for each in others:
                each.remove()


def _running(folder: Path) -> bool:
    return any(each.status == "running" for each in containers(folder))
