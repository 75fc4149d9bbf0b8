"""The VITS engine: base speech from text by a VITS model in the format of the library transformers.

The model is read when the first item asks for it. What a text becomes before the model sees it (kana are
no letters to it, and English is phonemes) is told by the model's own files; see reading.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import metadata

import torch

from containers.contract import stages
from containers.contract.item import Item

from .synthesis import Voice, synthesize_by

_model = ""
"""The weights that this start speaks with; a result names them beside the library."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """`model`: weights by name. `speaker`: which one of a model of several. `seed`: the same one gives the same
    speech. `threads`: CPU threads; 0 takes what the runner allows."""

    model: str
    speaker: int = 0
    seed: int = 0
    threads: int = 0


@dataclass(kw_only=True)
class Model:
    """Options, and the voice once it has been read."""

    options: Options
    voice: Voice | None = field(default=None)


def version() -> str:
    return f"vits (transformers {metadata.version('transformers')}, {_model})"


def setup(options: Options) -> Model:
    global _model  # noqa: PLW0603 (the contract asks for the version without saying of which model)
    _model = options.model
    if options.threads:
        torch.set_num_threads(options.threads)
    return Model(options=options)


def synthesize(model: Model, request: stages.SynthesizeRequest, item: Item) -> stages.SynthesizeResult:
    if model.voice is None:
        model.voice = Voice.load(model.options.model, model.options.speaker)
    return synthesize_by(model.voice, model.options.seed, request, item)
