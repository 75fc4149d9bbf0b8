"""Slots of this machine: never more than there are, and none lost with a process."""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from containers.contract.errors import EngineError
from infra import slots
from infra.engines import Engine, engines
from infra.slots import MachineSlots

HERE = Path(__file__).parents[2]
STUB = replace(engines()["stub"], at_most=1)

COUNTS = """
import os, sys, time
from dataclasses import replace
from pathlib import Path
from infra.engines import engines
from infra.slots import MachineSlots
folder, inside = Path(sys.argv[1]), Path(sys.argv[2])
slots, engine = MachineSlots(folder), replace(engines()["stub"], at_most=2)
for _ in range(6):
    with slots(engine):
        mine = inside / str(os.getpid())
        mine.touch()
        print(len(list(inside.iterdir())), flush=True)
        time.sleep(0.02)
        mine.unlink()
"""

HOLDS = """
import sys, time
from dataclasses import replace
from pathlib import Path
from infra.engines import engines
from infra.slots import MachineSlots
with MachineSlots(Path(sys.argv[1]))(replace(engines()["stub"], at_most=1)):
    print("held", flush=True)
    time.sleep(60)
"""


def test_processes_together_never_hold_more_than_there_are(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    command = [sys.executable, "-c", COUNTS, str(tmp_path / "slots"), str(tmp_path / "inside")]
    children = [subprocess.Popen(command, cwd=HERE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    counts = [int(line) for child in children for line in child.communicate()[0].splitlines()]
    assert len(counts) == 24
    assert max(counts) <= 2


def test_a_killed_holder_gives_its_slot_back(tmp_path: Path) -> None:
    got = threading.Event()

    def hold() -> None:
        with MachineSlots(tmp_path)(STUB):
            got.set()

    holder = subprocess.Popen([sys.executable, "-c", HOLDS, str(tmp_path)], cwd=HERE, stdout=subprocess.PIPE)
    assert holder.stdout
    assert holder.stdout.readline()
    waiting = threading.Thread(target=hold)
    waiting.start()
    assert not got.wait(0.3)
    holder.kill()
    holder.wait()
    assert got.wait(5)
    waiting.join()


def test_two_who_want_all_gpus_do_not_wait_for_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "gpus", lambda: ("0", "1"))
    wanted = replace(STUB, gpu=2, at_most=2)

    def hold() -> None:
        for _ in range(10):
            with MachineSlots(tmp_path)(wanted):
                pass

    threads = [threading.Thread(target=hold, daemon=True) for _ in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(20)
    assert not any(each.is_alive() for each in threads)


def test_a_start_gets_gpus_of_its_own_and_computes_on_the_cpu_where_there_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine, engine = MachineSlots(tmp_path), replace(STUB, gpu=1, at_most=4)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,GPU-5b1c")
    with machine(engine) as first, machine(engine) as second, machine(replace(engine, gpu=0)) as none:
        assert (first, second, none) == (("3",), ("GPU-5b1c",), ())
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with machine(engine) as nothing:
        assert nothing == ()


def test_an_engine_that_wants_more_gpus_than_the_machine_has_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slots, "gpus", lambda: ("0",))
    with (
        pytest.raises(EngineError, match="wants 2 GPUs and this machine has 1"),
        MachineSlots(tmp_path)(replace(STUB, gpu=2)),
    ):
        pass


def test_memory_is_shared_out_and_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that wants more than the machine has runs alone."""
    monkeypatch.setattr(slots, "memory_gb", lambda: 4.0)
    machine, engine = MachineSlots(tmp_path), replace(STUB, memory_gb=3, at_most=4)
    second = threading.Event()

    def hold() -> None:
        with machine(replace(engine, memory_gb=64)):
            second.set()

    with machine(engine):
        waiting = threading.Thread(target=hold)
        waiting.start()
        assert not second.wait(0.2)
    assert second.wait(5)
    waiting.join()


def test_a_start_that_waits_for_a_gpu_keeps_no_memory_from_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 8 GB and one GPU a start holds 2 GB and the GPU: another of 4 GB waits for it, and 6 GB are free to others."""
    monkeypatch.setattr(slots, "memory_gb", lambda: 8.0)
    monkeypatch.setattr(slots, "gpus", lambda: ("0",))
    machine, engine = MachineSlots(tmp_path), replace(STUB, at_most=4)
    second, third = threading.Event(), threading.Event()

    def hold(wanted: Engine, got: threading.Event) -> None:
        with machine(wanted):
            got.set()

    with machine(replace(engine, gpu=1, memory_gb=2)):
        waits = threading.Thread(target=hold, args=(replace(engine, gpu=1, memory_gb=4), second))
        waits.start()
        assert not second.wait(0.2)
        computes = threading.Thread(target=hold, args=(replace(engine, memory_gb=6), third))
        computes.start()
        assert third.wait(5)
        assert not second.is_set()
    assert second.wait(5)
    waits.join()
    computes.join()
