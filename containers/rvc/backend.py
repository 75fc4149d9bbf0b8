"""The rvc engine: voices of the RVC v2 form, trained and spoken by code of our own.

Compatible with RVC-WebUI and Applio by file format (see README.md). Models are read when the first item asks for
them, and stay for the items that follow.
"""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from functools import cached_property
from importlib import metadata
from typing import Literal

import torch

from containers.contract import stages
from containers.contract.item import Item

from .batches import Keep
from .content import ContentEncoder
from .conversion import Listening, convert_with
from .course import Course
from .f0 import Method
from .learner import Precision, Speed
from .making import Terms, train_with
from .shape import SAMPLE_RATES_HZ, Size
from .speaking import Manner
from .voices import Voices
from .writing import Depth, Form

VERSION = "1.0"
LISTED = (
    "content", "pretrained", "sample_rate_hz", "f0", "crepe_hop", "epochs", "batch_size", "save_every", "patience",
    "learning_rate", "precision", "size", "seed",
)  # fmt: skip
"""Options that show in a voice's weights; its card tells them."""
_named: list[str] = []
"""The content model of this start; a result names it beside the engine."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """`content`, `pretrained`: weights by name; `pretrained` "" trains from nothing.

    Training: `sample_rate_hz` of new voices; `f0` crepe, crepe-tiny, harvest or dio, `crepe_hop` in samples at 16 kHz;
    `save_every`: epochs between saves, at which held-out clips choose the best; `patience`: saves without a better
    one after which to stop, 0 = never; `precision` auto (bf16 on a GPU that has it, else fp32), fp32, bf16 or fp16;
    `min_seconds` of speech under which nothing can be learnt (the house's min_minutes says what is sensible); `size`
    tiny is for tests: the same format, a network that fits no pretrained pair.
    How fast, not what: `checkpoint_minutes` between checkpoints to go on from after a crash; `processes`, a GPU each,
    0 takes all that the start may use; `cuda_graphs`: steps are recorded and played back, on one GPU and not in
    fp16; `keep` clips on the device or in memory (host), auto as they fit; `threads`: CPU threads, 0 takes what the
    runner allows.
    Converting: `convert_f0` as f0, empty = the same; `index_rate`, `protect`, `loudness_mix` as in speaking.Manner;
    `output` 16-bit, 24-bit or float, `output_hz` its rate, 0 = the voice's own.
    `seed` of every random number.
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
    precision: Precision = "auto"
    min_seconds: float = 5.0
    size: Size = "full"
    checkpoint_minutes: float = 10.0
    processes: int = 0
    cuda_graphs: bool = True
    keep: Keep = "auto"
    threads: int = 0
    convert_f0: Literal["", "crepe", "crepe-tiny", "harvest", "dio"] = ""
    index_rate: float = 0.75
    protect: float = 0.33
    loudness_mix: float = 0.25
    output: Depth = "16-bit"
    output_hz: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.sample_rate_hz not in SAMPLE_RATES_HZ:
            raise ValueError(f"sample_rate_hz is one of {SAMPLE_RATES_HZ}, not {self.sample_rate_hz}")
        counts = ("crepe_hop", "epochs", "batch_size", "save_every")
        wrong = [name for name in counts if getattr(self, name) < 1]
        wrong += [name for name in ("index_rate", "protect", "loudness_mix") if not 0 <= getattr(self, name) <= 1]
        not_below_0 = ("patience", "checkpoint_minutes", "seed", "threads", "processes", "min_seconds")
        wrong += [name for name in not_below_0 if getattr(self, name) < 0]
        wrong += ["output_hz"] if self.output_hz and not 8000 <= self.output_hz <= 192_000 else []
        if wrong or self.learning_rate <= 0:
            raise ValueError(f"out of range: {', '.join(wrong) or 'learning_rate'}")
        if self.size == "tiny" and self.pretrained:
            raise ValueError('a tiny voice fits no pretrained pair; set pretrained to ""')


class Model:
    """What items of one start share."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.voices = Voices(self.device)

    def listening(self, method: Method) -> Listening:
        return Listening(method=method, crepe_hop=self.options.crepe_hop, device=self.device)

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
        speed=Speed(precision=options.precision, cuda_graphs=options.cuda_graphs),
        keep=options.keep,
        processes=options.processes,
        seed=options.seed,
        min_seconds=options.min_seconds,
        course=course,
        listed={name: getattr(options, name) for name in LISTED},
    )
    return train_with(terms, model.listening(options.f0), model.encoder, request, item)


def convert(model: Model, request: stages.ConvertRequest, item: Item) -> stages.ConvertResult:
    options = model.options
    manner = Manner(
        index_rate=options.index_rate,
        protect=options.protect,
        loudness_mix=options.loudness_mix,
        seed=options.seed,
    )
    form = Form(depth=options.output, rate_hz=options.output_hz)
    listening = model.listening(options.convert_f0 or options.f0)
    return convert_with(listening, model.encoder, model.voices, manner, form, request, item)
