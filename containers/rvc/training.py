"""The course of a training: steps, saves with scores, checkpoints, and where to stop.

The state after a step depends on the seed, the clips and the options alone, wherever and how often the training
was interrupted (on a CPU to the bit). What is said of a voice later (losses, scores) travels in the checkpoints.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from containers.contract.errors import EngineError, RecordingError

from . import checkpoints
from .batches import Lessons
from .course import Course
from .files import Tensors
from .judging import Judge
from .learner import GRADIENTS, LOSSES, Learner
from .logbook import Logbook, in_words
from .team import ALONE, Team

_LOG = logging.getLogger("voicecast.rvc")
_LOOK = 25
"""Steps between looks at the losses: looking makes the GPU wait."""
_SKIPPED = 24
"""Steps in a row that fp16 may leave out while it looks for a scale (a step halves it, from 65,536)."""
_REHEARSED = 2
_NAMES = (*LOSSES, *GRADIENTS)


@dataclass(kw_only=True)
class Progress:
    """What a training has come to; `sums`: of this epoch's steps, by _NAMES; `best`: the file of the best save."""

    step: int = 0
    sums: list[float] = field(default_factory=lambda: [0.0] * len(_NAMES))
    losses: list[dict[str, float]] = field(default_factory=list)
    saves: list[dict[str, float]] = field(default_factory=list)
    best: str = ""
    stopped: bool = False


class Training:
    """A training, seen from the process that leads it; see `follow` for the others of its team."""

    def __init__(
        self, learner: Learner, lessons: Lessons, judge: Judge, course: Course, folder: Path, team: Team = ALONE
    ) -> None:
        """`folder`: where checkpoints are, and perhaps are already."""
        self._learner, self._lessons, self._judge, self._course = learner, lessons, judge, course
        self._folder, self._device, self._team = folder, learner.device, team
        self.progress = Progress()
        self._seen: list[Tensor] = []
        self._skipped = 0
        self._written = time.monotonic()
        path = checkpoints.newest(folder)
        if path:
            state = checkpoints.read(path, self._device)
            learner.restore(state)
            self.progress = Progress(**state["progress"])
            _LOG.info("going on after step %d of %d", self.progress.step, self._steps)
        self._log = Logbook(folder, self.progress.step)

    @property
    def _steps(self) -> int:
        return self._course.epochs * self._lessons.steps_per_epoch

    @property
    def best_epoch(self) -> int:
        return int(self.progress.best[6:-3])

    def run(self, said: Callable[[float], None]) -> Tensors:
        """Train to the end; the weights of the best save. RecordingError when numbers stop being finite."""
        first = self.progress.step
        try:
            if self._team.agreed(first < self._steps and not self.progress.stopped, self._device):
                _LOG.info("%s", self._foretold(rehearsed(self._learner, self._lessons, first)))
                self._learn(first, said)
        finally:
            self._log.close()
        return self._best()

    def _foretold(self, seconds_a_step: float) -> str:
        steps = self._steps - self.progress.step
        return (
            f"{steps} steps of {seconds_a_step:.2f} s ({self._learner.precision} on {self._device.type}, "
            f"{self._team.size} at once) take about {in_words(steps * seconds_a_step)}, if it is not stopped early"
        )

    def _learn(self, first: int, said: Callable[[float], None]) -> None:
        began = time.monotonic()
        for batch, draws in self._lessons.fed(first, self._steps):
            rate = self._course.rate(self.progress.step // self._lessons.steps_per_epoch)
            self._seen.append(self._learner.step(batch, draws, rate))
            self.progress.step += 1
            step = self.progress.step
            said(step / self._steps)
            if len(self._seen) == _LOOK:
                self._look()
            if step % self._lessons.steps_per_epoch == 0:
                self._end_epoch((time.monotonic() - began) / (step - first))
                if self.progress.stopped:
                    return
            elif self._due():
                self._checkpoint()

    def _due(self) -> bool:
        return time.monotonic() - self._written >= 60 * self._course.checkpoint_minutes

    def _look(self) -> None:
        """Take in what the steps since the last look gave; stop at the first that is not finite."""
        if not self._seen:
            return
        rows = torch.stack(self._seen).tolist()
        first = self.progress.step - len(rows)
        self._seen.clear()
        for number, row in enumerate(rows, first):
            row = self._checked(number, row)  # noqa: PLW2901 (as it counts)
            self.progress.sums = [before + value for before, value in zip(self.progress.sums, row, strict=True)]
        means = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
        finite = {name: mean for name, mean in zip(_NAMES, means, strict=True) if math.isfinite(mean)}
        self._log.steps(self.progress.step, finite)

    def _checked(self, number: int, row: list[float]) -> list[float]:
        """A step's numbers; gradients beyond fp16's range are left out while it looks for a scale."""
        losses, gradients = row[: len(LOSSES)], row[len(LOSSES) :]
        lost = [name for name, value in zip(_NAMES, row, strict=True) if not math.isfinite(value)]
        left_out = self._learner.precision == "fp16" and all(math.isfinite(each) for each in losses)
        self._skipped = self._skipped + 1 if lost else 0
        if lost and (not left_out or self._skipped > _SKIPPED):
            raise RecordingError(self._not_finite(number, lost))
        return [*losses, *(each if math.isfinite(each) else 0.0 for each in gradients)]

    def _not_finite(self, number: int, lost: list[str]) -> str:
        epoch = number // self._lessons.steps_per_epoch + 1
        return (
            f"training came to numbers that are not finite in step {number + 1} (epoch {epoch}): {', '.join(lost)}. "
            f"That step heard {', '.join(self._lessons.names(number))}. Nothing after the last checkpoint is kept, and "
            "going on would come to the same. Train with the option precision: fp32, with a smaller learning_rate, or "
            "reject the clip that does it"
        )

    def _end_epoch(self, seconds_a_step: float) -> None:
        """Losses of the epoch; a save with its scores where one is due; a checkpoint after it."""
        self._look()
        progress, course, each = self.progress, self._course, self._lessons.steps_per_epoch
        epoch = progress.step // each
        means = {name: round(value / each, 5) for name, value in zip(_NAMES, progress.sums, strict=True)}
        progress.losses.append(means)
        progress.sums = [0.0] * len(_NAMES)
        due = course.saves(epoch)
        scores = self._save(epoch) if due else {}
        left = in_words(seconds_a_step * (self._steps - progress.step))
        self._log.epoch(epoch, progress.step, means, scores, f"{left} left to epoch {course.epochs}")
        if due:
            progress.stopped = self._team.agreed(progress.stopped, self._device)
        if due or self._due():
            self._checkpoint()

    def _save(self, epoch: int) -> dict[str, float]:
        """Score the voice as it is now; keep its weights if there is none better."""
        generator = self._learner.generator.eval()
        scores = self._judge.scores(generator, self._device)
        generator.train()
        before = [save.get("quality", 0.0) for save in self.progress.saves]
        self.progress.saves.append({"epoch": epoch, **scores})
        if not scores or not before or scores["quality"] > max(before):  # without held-out clips the last is the best
            self.progress.best = f"voice-{epoch:06}.pt"
            tensors = {name: each.detach().cpu() for name, each in generator.state_dict().items()}
            checkpoints.put(self._folder / self.progress.best, tensors)
        best = [save["epoch"] for save in self.progress.saves].index(self.best_epoch)
        patience = self._course.patience
        self.progress.stopped = bool(patience) and len(self.progress.saves) - 1 - best >= patience
        return scores

    def _checkpoint(self) -> None:
        self._look()
        if not self._learner.finite():
            raise RecordingError(self._not_finite(self.progress.step - 1, ["weights"]))
        state = {**self._learner.state(), "progress": vars(self.progress)}
        checkpoints.save(self._folder, self.progress.step, state)
        for old in sorted(self._folder.glob("voice-*.pt"))[: -checkpoints.KEPT]:
            checkpoints.drop(old)
        self._written = time.monotonic()

    def _best(self) -> Tensors:
        path = self._folder / self.progress.best
        if not checkpoints.whole(path):
            raise EngineError(
                f"{path.name}, the best voice so far, is damaged; delete this item's state and train again"
            )
        tensors: Tensors = checkpoints.read(path, torch.device("cpu"))
        return tensors


def rehearsed(learner: Learner, lessons: Lessons, first: int) -> float:
    """Seconds that a step takes, from some that change nothing; the one before them warms up."""
    began = time.monotonic()
    for number in range(_REHEARSED + 1):
        if number == 1:
            began = time.monotonic()
        learner.rehearse(*lessons.batch(first + number % lessons.steps_per_epoch))
    return (time.monotonic() - began) / _REHEARSED


def follow(learner: Learner, lessons: Lessons, course: Course, team: Team, path: Path | None) -> None:
    """What a process of a team does that does not lead: learn its part of each step, from the same checkpoint on."""
    first = 0
    if path:
        state = checkpoints.read(path, learner.device)
        learner.restore(state)
        first = int(state["progress"]["step"])
    if not team.agreed(False, learner.device):
        return
    rehearsed(learner, lessons, first)
    for step, (batch, draws) in enumerate(lessons.fed(first, course.epochs * lessons.steps_per_epoch), first + 1):
        epoch, rest = divmod(step, lessons.steps_per_epoch)
        learner.step(batch, draws, course.rate((step - 1) // lessons.steps_per_epoch))
        if not rest and course.saves(epoch) and team.agreed(False, learner.device):
            return
