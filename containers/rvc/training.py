"""The course of a training: steps, saves with scores, checkpoints, and where to stop.

The state after a step depends on the seed, the clips and the options alone, wherever and how often the training
was interrupted (on a CPU to the bit). What is said of a voice later (losses, scores) travels in the checkpoints.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from containers.contract.errors import EngineError

from . import checkpoints
from .batches import Lessons
from .files import Tensors
from .judging import Judge
from .learner import DECAY, LOSSES, Learner

_LOG = logging.getLogger("voicecast.rvc")
_LOOK = 25
"""Steps between looks at the losses: looking makes the GPU wait."""


@dataclass(frozen=True, kw_only=True)
class Course:
    """`patience`: saves without a better score after which to stop, 0 = never. `checkpoint_minutes`: between full
    checkpoints, beside those at every save."""

    epochs: int
    save_every: int
    learning_rate: float
    patience: int
    checkpoint_minutes: float


@dataclass(kw_only=True)
class Progress:
    """What a training has come to; `best`: the file of the save that scored best so far."""

    step: int = 0
    losses: list[dict[str, float]] = field(default_factory=list)
    saves: list[dict[str, float]] = field(default_factory=list)
    best: str = ""
    stopped: bool = False


class Training:
    def __init__(self, learner: Learner, lessons: Lessons, judge: Judge, course: Course, folder: Path) -> None:
        """`folder`: where checkpoints are, and perhaps are already."""
        self._learner, self._lessons, self._judge, self._course = learner, lessons, judge, course
        self._folder, self._device = folder, next(learner.generator.parameters()).device
        self.progress = Progress()
        self._sums = torch.zeros(len(LOSSES), device=self._device)
        self._written = time.monotonic()
        state = checkpoints.newest(folder, self._device)
        if state is not None:
            self._restore(state)
            _LOG.info("going on after step %d of %d", self.progress.step, self._steps)

    @property
    def _steps(self) -> int:
        return self._course.epochs * self._lessons.steps_per_epoch

    def run(self, said: Callable[[float], None]) -> Tensors:
        """Train to the end; the weights of the best save. EngineError when numbers stop being finite."""
        began, first = time.monotonic(), self.progress.step
        while self.progress.step < self._steps and not self.progress.stopped:
            self._step()
            step = self.progress.step
            said(step / self._steps)
            if step % self._lessons.steps_per_epoch == 0:
                self._end_epoch((time.monotonic() - began) / (step - first))
            elif time.monotonic() - self._written >= 60 * self._course.checkpoint_minutes:
                self._checkpoint()
            if step == first + _LOOK:
                left = (time.monotonic() - began) / _LOOK * (self._steps - step)
                _LOG.info("%.0f min to go, unless stopped early", left / 60)
        return self._best()

    def _step(self) -> None:
        step = self.progress.step
        batch, draws = self._lessons.batch(step)
        epoch = step // self._lessons.steps_per_epoch
        self._sums += self._learner.step(batch, draws, self._course.learning_rate * DECAY**epoch)
        self.progress.step = step + 1
        if self.progress.step % _LOOK == 0:
            self._check()

    def _check(self) -> None:
        if not (bool(torch.isfinite(self._sums).all()) and self._learner.finite()):
            raise EngineError(
                f"training came to numbers that are not finite before step {self.progress.step}; the checkpoint before "
                "that is kept, but going on would come to the same. Train with precision fp32, a smaller "
                "learning_rate, or without the clip that does it"
            )

    def _end_epoch(self, seconds_a_step: float) -> None:
        """Losses of the epoch; a save with its scores where one is due; a checkpoint after it."""
        self._check()
        progress, course = self.progress, self._course
        epoch = progress.step // self._lessons.steps_per_epoch
        means = (self._sums / self._lessons.steps_per_epoch).tolist()
        progress.losses.append({name: round(value, 5) for name, value in zip(LOSSES, means, strict=True)})
        self._sums.zero_()
        line: dict[str, Any] = {"epoch": epoch, **progress.losses[-1]}
        due = epoch % course.save_every == 0 or epoch == course.epochs
        if due:
            line |= self._save(epoch)
        line["minutes_left"] = round(seconds_a_step * (self._steps - progress.step) / 60, 1)
        _LOG.info("%s", json.dumps(line))
        with (self._folder / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")
        if due or time.monotonic() - self._written >= 60 * course.checkpoint_minutes:
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
        self.progress.stopped = (
            bool(self._course.patience) and len(self.progress.saves) - 1 - best >= self._course.patience
        )
        return scores

    @property
    def best_epoch(self) -> int:
        return int(self.progress.best[6:-3])

    def _checkpoint(self) -> None:
        self._check()
        progress = vars(self.progress)
        checkpoints.save(
            self._folder, self.progress.step, {**self._learner.state(), "progress": progress, "sums": self._sums}
        )
        for old in sorted(self._folder.glob("voice-*.pt"))[: -checkpoints.KEPT]:
            checkpoints.drop(old)
        self._written = time.monotonic()

    def _restore(self, state: dict[str, Any]) -> None:
        self._learner.restore(state)
        self.progress = Progress(**state["progress"])
        self._sums = state["sums"].to(self._device)

    def _best(self) -> Tensors:
        path = self._folder / self.progress.best
        if not checkpoints.whole(path):
            raise EngineError(
                f"{path.name}, the best voice so far, is damaged; delete this item's state and train again"
            )
        tensors: Tensors = torch.load(path, map_location="cpu", weights_only=True)
        return tensors
