"""The sovits engine: voices trained and spoken by so-vits-svc-fork 4.2.30 (MIT), without its pages and its downloads.

The library's networks, losses, features and conversion do the work, in this process. What is ours: where
files lie, what is loaded and how (tensors only), the order and the seed of every step, checkpoints, progress.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from containers.contract import stages
from containers.contract.item import Item

VERSION = "4.2.30"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a user may choose; times of training are in epochs, one epoch being every clip once.

    `content` and `pretrained` name weights (`pretrained` empty: from scratch). `epochs` 0: as many as make
    10,000 steps, where voices of ten minutes are reported to be good. `save_every`: epochs between checkpoints.
    `model`: entries of the section `model` of the library's config "so-vits-svc-4.0v1" that shall differ from it
    (`{"hidden_channels": 96}` is a smaller voice; it fits no weights that were trained with the template).
    `segment_size`: samples of a clip that the discriminator hears a step, in steps of 512; fewer take less memory.
    `workers`: processes that load clips. `threads`: CPU threads; 0 takes what the runner allows.
    """

    content: str
    pretrained: str
    epochs: int = 0
    batch_size: int = 16
    learning_rate: float = 1e-4
    precision: Literal["float32", "float16", "bfloat16"] = "float32"
    f0_method: Literal["dio", "harvest", "crepe", "crepe-tiny"] = "dio"
    save_every: int = 25
    segment_size: int = 10240
    model: dict[str, int] = field(default_factory=dict)
    workers: int = 0
    threads: int = 0

    def __post_init__(self) -> None:
        if min(self.batch_size, self.save_every) < 1 or min(self.epochs, self.workers, self.threads) < 0:
            raise ValueError("batch_size and save_every are at least 1; epochs, workers and threads not negative")
        if self.segment_size < 1024 or self.segment_size % 512:
            raise ValueError(f"segment_size is a multiple of 512 from 1024 on, got {self.segment_size}")
        if not 0 < self.learning_rate < 1:
            raise ValueError(f"learning_rate lies between 0 and 1, got {self.learning_rate}")


def version() -> str:
    return f"sovits {VERSION}"


def setup(options: Options) -> Any:
    from . import library

    library.prepare(options.threads)
    return library.Engine(options)


def train(engine: Any, request: stages.TrainRequest, item: Item) -> stages.TrainResult:
    from .training import train

    return train(engine, request, item)


def convert(engine: Any, request: stages.ConvertRequest, item: Item) -> stages.ConvertResult:
    from .conversion import convert

    return convert(engine, request, item)
