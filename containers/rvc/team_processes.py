"""Several processes at one training: the leading one starts the others, and hands them all they need as files.

`python -m containers.rvc.team_processes FOLDER RANK` is such a process. It ends when the one that started it does.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from containers.contract.codec import canonical, decode
from containers.contract.errors import EngineError

from . import checkpoints
from .batches import Keep, Lessons, Material
from .course import Course
from .learner import Beginning, Learner, Speed
from .shape import shape_of
from .team import ALONE, Team, joined
from .training import follow

_LEAVE_SECONDS = 60
_DIED = "a process of the training has died; what it said is in the log"
_CLIPS = ("content", "f0", "samples")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What every process of a training has to know; `processes` 0: one for each GPU, one where there is none."""

    config: tuple[Any, ...]
    spectral: bool
    thinner: int
    course: Course
    batch_size: int
    seed: int
    speed: Speed
    keep: Keep
    processes: int


def build(
    plan: Plan, material: Material, beginning: Beginning, team: Team, device: torch.device
) -> tuple[Learner, Lessons]:
    shape = shape_of(list(plan.config))
    lessons = Lessons(material, shape, plan.batch_size, plan.seed, device, plan.keep, team)
    learner = Learner(shape, beginning, plan.speed, plan.seed, device, team)
    return learner, lessons


def team_size(wanted: int, device: torch.device) -> int:
    """How many processes train together; EngineError for more than there are GPUs."""
    there = torch.cuda.device_count() if device.type == "cuda" else 1
    if device.type == "cuda" and wanted > there:
        raise EngineError(
            f"processes: {wanted} GPUs are wanted for one training, and a start of rvc may use {there}; set "
            f"gpu = {wanted} for rvc in engines.toml, or processes to 0"
        )
    return wanted or there


@contextmanager
def team_of(plan: Plan, material: Material, beginning: Beginning, state: Path, device: torch.device) -> Iterator[Team]:
    """The team, this process leading it; within, its other processes run `follow`."""
    size = team_size(plan.processes, device)
    if size == 1:
        yield ALONE
        return
    folder = state / "together"
    shutil.rmtree(folder, ignore_errors=True)
    _hand_out(folder, plan, material, beginning, checkpoints.newest(state), size)
    with ExitStack() as left:
        left.callback(shutil.rmtree, folder, ignore_errors=True)
        others = [left.enter_context(_helper(folder, rank)) for rank in range(1, size)]
        _await(folder, others)
        try:
            with _fewer_threads(size, device), joined(folder, Team(size=size), device):
                yield Team(size=size)
        except (RuntimeError, torch.distributed.DistError) as error:
            if any(each.poll() for each in others):
                raise EngineError(f"{_DIED}: {error}") from error
            raise


def _await(folder: Path, others: list[subprocess.Popen[bytes]]) -> None:
    """Until all of them have read what they need; EngineError if one dies over it, since a team waits for everyone."""
    while not all((folder / f"ready-{rank}").exists() for rank in range(1, len(others) + 1)):
        if any(each.poll() is not None for each in others):
            raise EngineError(_DIED)
        time.sleep(0.05)


def _hand_out(folder: Path, plan: Plan, material: Material, beginning: Beginning, path: Path | None, size: int) -> None:
    folder.mkdir()
    save_file({name: getattr(material, name).contiguous() for name in _CLIPS}, folder / "clips.safetensors")
    for name in ("generator", "discriminator"):
        tensors = getattr(beginning, name)
        if tensors is not None:
            save_file({key: each.contiguous() for key, each in tensors.items()}, folder / f"{name}.safetensors")
    about = {
        "plan": plan,
        "size": size,
        "lengths": material.lengths,
        "names": material.names,
        "checkpoint": path.name if path else "",
    }
    (folder / "plan.json").write_text(canonical(about), "utf-8")


@contextmanager
def _helper(folder: Path, rank: int) -> Iterator[subprocess.Popen[bytes]]:
    """A process that stays while this one does; what it prints goes where this one's errors go."""
    code = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([code, *filter(None, [os.environ.get("PYTHONPATH")])])}
    child = subprocess.Popen(
        [sys.executable, "-m", "containers.rvc.team_processes", str(folder), str(rank)],
        stdin=subprocess.PIPE,
        stdout=sys.stderr.fileno() if hasattr(sys.stderr, "fileno") else None,
        env=environment,
    )
    try:
        yield child
        with suppress(subprocess.TimeoutExpired):  # it ends by itself
            child.wait(_LEAVE_SECONDS)
    finally:
        child.kill()
        child.wait()


@contextmanager
def _fewer_threads(size: int, device: torch.device) -> Iterator[None]:
    """On a CPU the processes of a team share its threads."""
    threads = torch.get_num_threads()
    if device.type == "cpu":
        torch.set_num_threads(max(1, threads // size))
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def main(folder: Path, rank: int) -> None:
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    about = json.loads((folder / "plan.json").read_text("utf-8"))
    plan, team = decode(Plan, about["plan"]), Team(rank=rank, size=about["size"])
    device = torch.device("cuda", rank) if torch.cuda.is_available() else torch.device("cpu")
    if device.type == "cuda":
        torch.cuda.set_device(device)
    material = Material(
        **load_file(folder / "clips.safetensors"), lengths=tuple(about["lengths"]), names=tuple(about["names"])
    )
    (folder / f"ready-{rank}").touch()
    with _fewer_threads(team.size, device), joined(folder, team, device):
        learner, lessons = build(plan, material, _beginning(folder, plan), team, device)
        path = folder.parent / about["checkpoint"] if about["checkpoint"] else None
        follow(learner, lessons, plan.course, team, path)


def _beginning(folder: Path, plan: Plan) -> Beginning:
    found = {
        name: load_file(path) if (path := folder / f"{name}.safetensors").exists() else None
        for name in ("generator", "discriminator")
    }
    return Beginning(**found, spectral=plan.spectral, thinner=plan.thinner)


def _leave_with_parent() -> None:
    with suppress(OSError):
        while os.read(0, 4096):
            pass
    os._exit(1)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
