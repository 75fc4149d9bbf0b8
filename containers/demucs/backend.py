"""The demucs engine: Demucs's own models and arithmetic, on segments of many recordings at once.

It answers as the library does with `shifts=0`. Weights are loaded with the first item.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Literal

from containers.contract.errors import EngineError
from containers.contract.item import Item
from containers.contract.stages import SeparateRequest, SeparateResult
from containers.contract.weights import weights

if TYPE_CHECKING:
    from .vocals_model import VocalsModel

_named: list[str] = []
"""What `setup` was asked for, which the version says too."""


_BESIDE_A_GPU = 4
"""CPU threads of one operation where a GPU does the work: three operations run side by side, and each is small."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """`model`: a folder of weights. `segments_at_once`: segments in one forward, 0 for what a GPU's memory holds
    (one on a CPU). `precision`: bfloat16 also on a CPU that has it, float16 on a GPU only. `overlap`:
    share of a segment that the next one covers too. `threads`: of the CPU, 0 for all that
    the runner allows (four beside a GPU)."""

    model: str
    segments_at_once: int = 0
    precision: Literal["float32", "float16", "bfloat16"] = "float32"
    overlap: float = 0.25
    threads: int = 0

    def __post_init__(self) -> None:
        if self.segments_at_once < 0 or self.threads < 0:
            raise ValueError("segments_at_once and threads are 0 or more")
        if not 0 <= self.overlap < 1:
            raise ValueError(f"overlap is a share of a segment, 0 or more and below 1, got {self.overlap}")


def version() -> str:
    return " ".join([f"demucs {metadata.version('demucs')}", *_named])


def setup(options: Options) -> Options:
    import demucs.apply  # noqa: F401 (what the self-test is for)
    import torch

    if options.precision != "float32" and not _computes_in(options.precision):
        raise EngineError(
            f"{options.precision} needs a GPU{_OR_CPU[options.precision]}, and there is none; "
            "set the option precision to float32"
        )
    if options.threads or torch.cuda.is_available():
        torch.set_num_threads(options.threads or min(_BESIDE_A_GPU, torch.get_num_threads()))
    half = [] if options.precision == "float32" else [options.precision]
    _named[:] = [options.model, *half]
    return options


_OR_CPU = {"float16": "", "bfloat16": " or a CPU that computes in it"}


def _computes_in(precision: str) -> bool:
    import torch

    if torch.cuda.is_available():
        return True
    return precision == "bfloat16" and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def separate(options: Options, request: SeparateRequest, item: Item) -> SeparateResult:
    ((_, answer),) = separate_many(options, iter([(request, item)]))
    if isinstance(answer, Exception):
        raise answer
    return answer


def separate_many(
    options: Options, pairs: Iterator[tuple[SeparateRequest, Item]]
) -> Iterator[tuple[Item, SeparateResult | Exception]]:
    from .separation import separate_many

    return separate_many(functools.partial(_model, options), pairs)


@functools.cache
def _model(options: Options) -> VocalsModel:
    import torch

    from .bag import load_bag
    from .vocals_model import VocalsModel

    return VocalsModel(
        load_bag(weights(options.model)),
        torch.device("cuda" if torch.cuda.is_available() else "cpu"),
        precision=options.precision,
        overlap=options.overlap,
        at_once=options.segments_at_once,
    )
