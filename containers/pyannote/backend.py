"""The pyannote engine: who speaks when, and one voice vector a turn, by pyannote.audio.

Models are read when the first item asks for them, from folders of the weights folder only, and never in a way
that lets a file run anything (loading.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib import metadata

import torch

from containers.contract import stages
from containers.contract.item import Item
from containers.contract.weights import weights

from .diarization import diarize_by
from .embedding import embed_by
from .loading import load_embedding, load_pipeline
from .once_a_chunk import Diarizer
from .side_by_side import diarize_side_by_side
from .voiceprint import Voiceprint

_models = ""
"""The weights of this start; results name them beside the library."""

_BESIDE_A_GPU = 4
"""CPU threads of one operation where a GPU does the work."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """`model`: a pipeline's weights; `embedding`: an embedding model's, or a pipeline's, whose own is then taken.

    `threads`: CPU threads; 0 takes what the runner allows. `segments_at_once`: stretches of 10 s that go through a
    network together; 0 takes 32 on a GPU and 4 on a CPU. `clustering_threshold`: over the pipeline's own.
    """

    model: str
    embedding: str
    threads: int = 0
    segments_at_once: int = 0
    clustering_threshold: float | None = None


@dataclass(frozen=True, kw_only=True)
class Model:
    """Options, and the networks once an item has asked for them."""

    options: Options

    @property
    def diarizer(self) -> Diarizer:
        return self.diarizers[0]

    @cached_property
    def diarizers(self) -> tuple[Diarizer, ...]:
        """Each with networks of its own, which are small."""
        folder, threshold = weights(self.options.model), self.options.clustering_threshold
        return tuple(
            Diarizer(load_pipeline(folder, threshold), _device(), self._at_once) for _ in range(_side_by_side())
        )

    @cached_property
    def voiceprint(self) -> Voiceprint:
        network, name = load_embedding(weights(self.options.embedding))
        return Voiceprint(network, f"{_library()} {name}", _device(), self._at_once)

    @property
    def _at_once(self) -> int:
        return self.options.segments_at_once or (32 if _device().type == "cuda" else 4)


def version() -> str:
    return f"pyannote ({_library()}, {_models})"


def setup(options: Options) -> Model:
    global _models  # noqa: PLW0603 (the contract asks for the version without saying of which models)
    _models = f"{options.model}, {options.embedding}"
    if options.threads or _device().type == "cuda":
        torch.set_num_threads(options.threads or min(_BESIDE_A_GPU, torch.get_num_threads()))
    return Model(options=options)


def diarize(model: Model, request: stages.DiarizeRequest, item: Item) -> stages.DiarizeResult:
    return diarize_by(model.diarizer, request, item)


def diarize_many(
    model: Model, pairs: Iterator[tuple[stages.DiarizeRequest, Item]]
) -> Iterator[tuple[Item, stages.DiarizeResult | BaseException]]:
    return diarize_side_by_side(lambda: model.diarizers, _side_by_side(), pairs)


def embed(model: Model, request: stages.EmbedRequest, item: Item) -> stages.EmbedResult:
    return embed_by(model.voiceprint, lambda: model.diarizer, request, item)


def _library() -> str:
    return f"pyannote.audio {metadata.version('pyannote.audio')}"


def _side_by_side() -> int:
    """Recordings at once: beside a GPU, half of the time goes into what Python does; a CPU is busy with one."""
    return 2 if _device().type == "cuda" else 1


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
