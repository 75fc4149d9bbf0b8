"""The course of a training as numbers: how long, when it is saved, and at what rate it learns."""

from __future__ import annotations

from dataclasses import dataclass

from .learner import DECAY


@dataclass(frozen=True, kw_only=True)
class Course:
    """`patience`: saves without a better score after which to stop, 0 = never. `checkpoint_minutes`: between full
    checkpoints, beside those at every save."""

    epochs: int
    save_every: int
    learning_rate: float
    patience: int
    checkpoint_minutes: float

    def saves(self, epoch: int) -> bool:
        """Whether the voice is scored after this epoch (from 1)."""
        return epoch % self.save_every == 0 or epoch == self.epochs

    def rate(self, epoch: int) -> float:
        """The learning rate of an epoch, from 0."""
        return self.learning_rate * DECAY**epoch
