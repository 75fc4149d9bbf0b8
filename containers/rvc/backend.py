"""The rvc engine: voices of the RVC v2 form, trained and spoken by code of our own.

Compatible with RVC-WebUI and Applio by file format (see README.md). Models are read when the first item asks for
them, and stay for the items that follow.
"""

from __future__ import annotations

import logging
import sys
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib import metadata

import torch

from containers.contract import stages
from containers.contract.item import Item

from .content import ContentEncoder
from .conversion import Listening, convert_with
from .f0 import Method
from .learner import Precision
from .making import Terms, train_with
from .shape import SAMPLE_RATES_HZ, Size
from .speaking import Manner
from .training import Course

VERSION = "1.0"
_named: list[str] = []
"""The content model of this start; a result names it beside the engine."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """`content`, `pretrained`: weights by name; `pretrained` "" trains from nothing.

    Training: `sample_rate_hz` of new voices; `f0` crepe, crepe-tiny, harvest or dio, `crepe_hop` in samples at 16 kHz;
    `save_every`: epochs between saves, at which held-out clips choose the best; `patience`: saves without a better
    one after which to stop, 0 = never; `checkpoint_minutes` between checkpoints to go on from after a crash;
    `precision` fp32, bf16 or fp16; `min_seconds` of speech under which a character is not trained; `size` tiny is
    for tests: the same format, a network that fits no pretrained pair.
    Converting: `index_rate`, `protect`, `loudness_mix` as in speaking.Manner.
    `seed` of every random number; `threads`: CPU threads, 0 takes what the runner allows.
    """

    content: str
    pretrained: str
    sample_rate_hz: int = 40000
    f0: Method = "crepe"
    crepe_hop: int = 128
    epochs: int = 500
    batch_size: int = 8
    save_every: int = 50
    patience: int = 0
    learning_rate: float = 1e-4
    precision: Precision = "fp32"
    checkpoint_minutes: float = 10.0
    min_seconds: float = 120.0
    size: Size = "full"
    index_rate: float = 0.75
    protect: float = 0.33
    loudness_mix: float = 0.25
    seed: int = 0
    threads: int = 0

    def __post_init__(self) -> None:
        if self.sample_rate_hz not in SAMPLE_RATES_HZ:
            raise ValueError(f"sample_rate_hz is one of {SAMPLE_RATES_HZ}, not {self.sample_rate_hz}")
        counts = ("crepe_hop", "epochs", "batch_size", "save_every")
        wrong = [name for name in counts if getattr(self, name) < 1]
        wrong += [name for name in ("index_rate", "protect", "loudness_mix") if not 0 <= getattr(self, name) <= 1]
        wrong += [name for name in ("patience", "checkpoint_minutes", "seed", "threads") if getattr(self, name) < 0]
        if wrong or self.learning_rate <= 0:
            raise ValueError(f"out of range: {', '.join(wrong) or 'learning_rate'}")
        if self.size == "tiny" and self.pretrained:
            raise ValueError('a tiny voice fits no pretrained pair; set pretrained to ""')


class Model:
    """What items of one start share."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.listening = Listening(method=options.f0, crepe_hop=options.crepe_hop, device=self.device)

    @cached_property
    def encoder(self) -> ContentEncoder:
        return ContentEncoder(self.options.content, self.device)


def version() -> str:
    return " ".join(["rvc", VERSION, f"torch-{metadata.version('torch').partition('+')[0]}", *_named])


def setup(options: Options) -> Model:
    _named[:] = [options.content]
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")
    logging.getLogger("voicecast").setLevel(logging.INFO)
    if options.threads:
        torch.set_num_threads(options.threads)
    return Model(options)


def train(model: Model, request: stages.TrainRequest, item: Item) -> stages.TrainResult:
    options = model.options
    course = Course(
        epochs=options.epochs,
        save_every=options.save_every,
        learning_rate=options.learning_rate,
        patience=options.patience,
        checkpoint_minutes=options.checkpoint_minutes,
    )
    terms = Terms(
        engine=version(),
        sample_rate_hz=options.sample_rate_hz,
        size=options.size,
        pretrained=options.pretrained,
        batch_size=options.batch_size,
        precision=options.precision,
        seed=options.seed,
        min_seconds=options.min_seconds,
        index_rate=options.index_rate,
        course=course,
        listed={name: each for name, each in asdict(options).items() if name not in ("threads", "checkpoint_minutes")},
    )
    return train_with(terms, model.listening, model.encoder, request, item)


def convert(model: Model, request: stages.ConvertRequest, item: Item) -> stages.ConvertResult:
    options = model.options
    manner = Manner(
        index_rate=options.index_rate,
        protect=options.protect,
        loudness_mix=options.loudness_mix,
        seed=options.seed,
    )
    return convert_with(model.listening, model.encoder, manner, request, item)
