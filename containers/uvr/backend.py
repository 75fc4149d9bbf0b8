"""The UVR engine: vocals by the models of Ultimate Vocal Remover, through the library audio-separator.

One model or several whose vocals are put together; what is left of the recording is the background. The models
are read when the first item asks for them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from importlib import metadata
from typing import Literal

from containers.contract import stages
from containers.contract.item import Item

from .separation import Ensemble, separate_by

_models: tuple[str, ...] = ()
"""The weights that this start separates with; a result names them beside the library."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """`model`: weights by name, or a list of them, put together as `ensemble` says (the words of audio-separator).

    `overlap`: how many windows of a RoFormer or MDX23C model cover each moment; 0 takes what the model's own file
    says. `threads`: CPU threads; 0 takes what the runner allows.
    """

    model: object
    ensemble: Literal[
        "avg_wave", "median_wave", "min_wave", "max_wave", "avg_fft", "median_fft", "min_fft", "max_fft"
    ] = "avg_wave"  # fmt: skip
    overlap: int = 0
    threads: int = 0

    def __post_init__(self) -> None:
        names = self.model if isinstance(self.model, list) else [self.model]
        if not names or not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
            raise ValueError(f"model must be the name of weights or a list of different names, got {self.model!r:.80}")
        if self.overlap < 0:
            raise ValueError(f"overlap must be 0 or more, got {self.overlap}")

    @property
    def models(self) -> tuple[str, ...]:
        return tuple(self.model) if isinstance(self.model, list) else (str(self.model),)


@dataclass(kw_only=True)
class Model:
    """Options, and the models once they have been read."""

    options: Options
    ensemble: Ensemble | None = field(default=None)


def version() -> str:
    return f"uvr (audio-separator {metadata.version('audio-separator')}, {' + '.join(_models)})"


def setup(options: Options) -> Model:
    global _models  # noqa: PLW0603 (the contract asks for the version without saying of which model)
    from . import library

    _models = options.models
    library.start(options.threads or int(os.environ.get("OMP_NUM_THREADS", "0")))
    return Model(options=options)


def separate(model: Model, request: stages.SeparateRequest, item: Item) -> stages.SeparateResult:
    if model.ensemble is None:
        model.ensemble = Ensemble.load(model.options.models, model.options.ensemble, model.options.overlap)
    return separate_by(model.ensemble, request, item)
