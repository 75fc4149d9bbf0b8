"""The AudioSeal engine: an inaudible watermark in generated speech, and its detector.

Generator and detector are read when the first item asks for them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from pathlib import Path

import torch
from audioseal.models import AudioSealDetector, AudioSealWM

from containers.contract import stages
from containers.contract.item import Item, sha256_of
from containers.contract.weights import weights

from . import loading, marking

_model = ""
"""The weights in use, with the hash of their file; a result names them beside the library."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """`model`: weights by name. `threads`: CPU threads; 0 takes what the runner allows."""

    model: str
    threads: int = 0


@dataclass(kw_only=True)
class Models:
    """Options, and what has been read of the weights."""

    options: Options
    generator: AudioSealWM | None = field(default=None)
    detector: AudioSealDetector | None = field(default=None)


def version() -> str:
    return f"audioseal {metadata.version('audioseal')} ({_model})"


def setup(options: Options) -> Models:
    global _model  # noqa: PLW0603 (the contract asks for the version without saying of which model)
    _model = options.model
    if options.threads:
        torch.set_num_threads(options.threads)
    return Models(options=options)


def watermark(models: Models, request: stages.WatermarkRequest, item: Item) -> stages.WatermarkResult:
    if models.generator is None:
        models.generator = loading.load_generator(models.options.model)
    _uses(models.options.model, loading.GENERATOR)
    return marking.watermark(models.generator, request, item)


def detect_watermark(
    models: Models, request: stages.DetectWatermarkRequest, item: Item
) -> stages.DetectWatermarkResult:
    if models.detector is None:
        models.detector = loading.load_detector(models.options.model)
    _uses(models.options.model, loading.DETECTOR)
    return marking.detect(models.detector, request, item)


def _uses(model: str, file: str) -> None:
    global _model  # noqa: PLW0603 (as in setup)
    _model = f"{model}, {file} {_sha256_of(weights(model) / file)[:12]}"


@cache
def _sha256_of(path: Path) -> str:
    return sha256_of(path)
