"""How alike two voices are: cosines of Resemblyzer's vectors, its weights as they come in the package."""

from __future__ import annotations

import functools
import logging
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .sound import LISTEN_HZ, SILENCE, Samples

MODEL = "resemblyzer 0.1.4"
Vector = NDArray[np.float32]


def vector_of(clips: list[Samples]) -> Vector | None:
    """The unit vector of 16 kHz clips of one speaker, each weighted by its length; None if nothing is heard."""
    total = np.zeros(256, np.float64)
    for samples in clips:
        level = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if len(samples) else 0.0
        if level > SILENCE and len(samples) > LISTEN_HZ // 10:
            raised = samples * np.float32(10**-1.5 / level)  # what the encoder's training speech was raised to
            total += _encoder().embed_utterance(raised) * len(samples)
    length = float(np.linalg.norm(total))
    return (total / length).astype(np.float32) if length else None


def cosine(one: Vector | None, other: Vector | None) -> float | None:
    return None if one is None or other is None else round(float(one @ other), 4)


@functools.cache
def _encoder() -> Any:
    from resemblyzer import VoiceEncoder

    logging.getLogger("numba").setLevel(logging.WARNING)
    return VoiceEncoder("cpu", verbose=False)
