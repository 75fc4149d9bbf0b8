"""The training itself: the library's networks and losses, in an order and with a chance that the epoch decides.

Every step is seeded by its epoch and number, and a checkpoint holds all that the next epoch needs (the library
drops the optimisers' memory when it goes on), so a training that was killed ends as if it had not been.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from so_vits_svc_fork.dataset import TextAudioCollate, TextAudioDataset
from so_vits_svc_fork.hparams import HParams
from so_vits_svc_fork.train import VitsLightning
from torch.utils.data import DataLoader, Sampler

from containers.contract.codec import canonical
from containers.contract.errors import EngineError
from containers.contract.item import Item

from .backend import Options

_LIGHTNINGS = {"float32": "32-true", "float16": "16-mixed", "bfloat16": "bf16-mixed"}
_DIVERGED = "the training came to numbers that are none; set a lower learning_rate, or precision to float32"
PREPARED, LEARNED = 0.1, 0.97
"""How far the item is when the lessons are ready, and when they are learnt."""
_PARTS = ("net_g", "net_d", "optim_g", "optim_d", "scheduler_g", "scheduler_d")


class Learner(VitsLightning):
    """The library's training step without its pages of curves, its pictures and its checkpoints."""

    def load(self, reset_optimizer: bool = False) -> None:
        """Nothing: `Checkpoint` loads."""

    def save_checkpoints(self, adjust: int = 1) -> None:
        """Nothing: `Checkpoint` saves."""

    def log_dict_(self, log_dict: dict[str, Any], **_: Any) -> None:
        """Nothing: there is no page of curves."""

    def log_image_dict(self, image_dict: dict[str, Any], dataformats: str = "HWC") -> None:
        """Nothing, as above."""


class Checkpoint:
    """A training between two epochs, in one file that is whole or not there."""

    def __init__(self, path: Path, config: dict[str, Any]) -> None:
        self._path, self._config = path, canonical(config)

    def save(self, learner: Learner, epochs: int) -> None:
        parts = {name: getattr(learner, name).state_dict() for name in _PARTS}
        partial = self._path.with_suffix(".partial")
        with open(partial, "wb") as file:
            torch.save({"config": self._config, "epochs": epochs, **parts}, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, self._path)

    def load(self, learner: Learner) -> int:
        """Epochs that are done; 0 where there is no checkpoint, or one of a training with other settings."""
        if not self._path.exists():
            return 0
        kept = torch.load(self._path, map_location="cpu", weights_only=True)
        if kept["config"] != self._config:
            return 0
        for name in _PARTS:
            getattr(learner, name).load_state_dict(kept[name])
        return int(kept["epochs"])


class Lessons(TextAudioDataset):
    """The library's data set; what it cuts out of a long clip depends on clip and epoch, not on who loads it."""

    def __getitem__(self, index: Any) -> dict[str, torch.Tensor]:
        epoch, number = index
        self.random.seed(f"{self.hps.train.seed} {epoch} {number}")
        return super().__getitem__(number)


class Order(Sampler[tuple[int, int]]):
    """Every lesson once an epoch, in another order each time; `set_epoch` is called by Lightning."""

    def __init__(self, lessons: int, first_epoch: int, seed: int) -> None:
        self._lessons, self._first, self._seed, self._epoch = lessons, first_epoch, seed, 0

    def __len__(self) -> int:
        return self._lessons

    def __iter__(self) -> Iterator[tuple[int, int]]:
        epoch = self._first + self._epoch
        numbers = list(range(self._lessons))
        random.Random(f"{self._seed} {epoch}").shuffle(numbers)
        yield from ((epoch, number) for number in numbers)

    def set_epoch(self, epoch: int) -> None:
        self._epoch = epoch


class Keeper(pl.Callback):
    """Seeds every step, tells how far the training is, and keeps a checkpoint every so many epochs."""

    def __init__(self, checkpoint: Checkpoint, first: int, epochs: int, every: int, item: Item):
        self._checkpoint, self._first, self._epochs, self._every, self._item = checkpoint, first, epochs, every, item

    def on_train_batch_start(self, trainer: pl.Trainer, module: Any, _batch: Any, batch_index: int) -> None:
        seed = module.hparams.train.seed
        torch.manual_seed(seed + 1_000_003 * (self._first + trainer.current_epoch) + batch_index)

    def on_train_batch_end(self, trainer: pl.Trainer, *rest: Any) -> None:
        within = (rest[-1] + 1) / int(trainer.num_training_batches)
        done = (self._first + trainer.current_epoch + within) / self._epochs
        self._item.progress(PREPARED + (LEARNED - PREPARED) * done)

    def on_train_epoch_end(self, trainer: pl.Trainer, module: Any) -> None:
        done = self._first + trainer.current_epoch + 1
        if done % self._every == 0 and done < self._epochs:
            self._checkpoint.save(module, done)


def learner_of(config: dict[str, Any]) -> Learner:
    """Networks and optimisers of a config, with the library's random start."""
    return Learner(**HParams(**config))


def learn(
    learner: Learner, sounds: Sequence[Path], item: Item, config: dict[str, Any], options: Options, epochs: int
) -> None:
    """Train until `epochs` are done, from the item's checkpoint if there is one."""
    if options.precision != "float32" and not torch.cuda.is_available():  # a CPU takes many times as long with it
        raise EngineError(f"precision {options.precision} needs a GPU, and there is none here; set it to float32")
    checkpoint = Checkpoint(item.state / "checkpoint.pt", config)
    first = checkpoint.load(learner)
    keeper = Keeper(checkpoint, first, epochs, options.save_every, item)
    stft = torch.stft  # the library puts its own in its place for bfloat16
    try:
        trainer = pl.Trainer(
            accelerator="gpu" if torch.cuda.is_available() else "cpu",
            devices=1,
            precision=_LIGHTNINGS[options.precision],
            max_epochs=epochs - first,
            limit_val_batches=0,
            num_sanity_val_steps=0,
            logger=False,
            callbacks=[keeper],
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            default_root_dir=item.state,
        )
        trainer.fit(learner, _loader(sounds, item.state, config, options, first))
    except SystemExit as error:  # what the library does when the pitch it predicts is no number
        raise EngineError(_DIVERGED) from error
    finally:
        torch.stft = stft
    if not all(each.isfinite().all() for each in learner.net_g.state_dict().values()):
        raise EngineError(_DIVERGED)


def _loader(sounds: Sequence[Path], folder: Path, config: dict[str, Any], options: Options, first: int) -> Any:
    known = HParams(**config)
    known.data.training_files = str(folder / "lessons.txt")
    (folder / "lessons.txt").write_text("\n".join(map(str, sounds)), "utf-8")
    return DataLoader(
        Lessons(known),
        batch_size=options.batch_size,
        sampler=Order(len(sounds), first, known.train.seed),
        num_workers=options.workers,
        collate_fn=TextAudioCollate(),
        pin_memory=torch.cuda.is_available(),
    )
