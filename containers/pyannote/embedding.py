"""Stage embed: one voice vector a turn, for linking speakers over episodes and matching them with references."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import numpy as np

from containers.contract.codec import canonical
from containers.contract.errors import RecordingError, RequestError
from containers.contract.item import Item
from containers.contract.stages import EmbedRequest, EmbedResult, Turn

from . import sound
from .once_a_chunk import Diarizer
from .sound import RATE_HZ, Samples
from .voiceprint import LONGEST, Vectors, Voiceprint

REFERENCE = "REFERENCE"
"""Speaker of the turns that are found in a file without any."""
REFERENCE_LONGEST = 10.0
"""Seconds of a reference that share a vector."""
_PAUSE, _LEAST = 1.0, 0.25


def embed_by(
    voiceprint: Voiceprint, diarizer: Callable[[], Diarizer], request: EmbedRequest, item: Item
) -> EmbedResult:
    """`diarizer` is asked for only where a reference's speech has to be found."""
    samples = sound.read(item.input(request.vocals))
    turns = _reference_turns(diarizer(), samples) if request.turns is None else request.turns
    found = list(_turn_vectors(voiceprint, samples, turns, item))
    rows = np.array([vector for vector, _ in found], np.float32).reshape(-1, voiceprint.dimension)
    text = base64.b64encode(rows.astype("<f4").tobytes()).decode("ascii")
    vectors = item.output("vectors.json")
    content = {"model": voiceprint.name, "dimension": voiceprint.dimension, "vectors": text}
    vectors.write_text(canonical(content), "utf-8")
    return EmbedResult(
        vectors=item.file(vectors),
        model=voiceprint.name,
        dimension=voiceprint.dimension,
        turns=tuple(turns),
        consistency=tuple(round(consistency, 4) for _, consistency in found),
    )


def _reference_turns(diarizer: Diarizer, samples: Samples) -> tuple[Turn, ...]:
    length = len(samples) / RATE_HZ
    silent = not len(samples) or np.abs(samples).max() < sound.SILENT_UNDER
    speech = [] if silent else [(each.start, min(each.end, length)) for each in diarizer.speech(samples)]
    found = [each for each in _stretches(speech) if each[1] - each[0] >= _LEAST]
    if not found:
        raise RecordingError("nobody speaks in this reference; give a clip of the character's speech")
    return tuple(Turn(start=round(start, 3), end=round(end, 3), speaker=REFERENCE) for start, end in found)


def _stretches(speech: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Speech joined over pauses of up to a second and parted equally, none longer than REFERENCE_LONGEST."""
    joined: list[tuple[float, float]] = []
    for start, end in speech:
        if joined and start - joined[-1][1] <= _PAUSE and end - joined[-1][0] <= REFERENCE_LONGEST:
            joined[-1] = (joined[-1][0], end)
        else:
            joined += _parts(start, end, REFERENCE_LONGEST)
    return joined


def _parts(start: float, end: float, longest: float) -> list[tuple[float, float]]:
    edges = np.linspace(start, end, max(1, math.ceil((end - start) / longest)) + 1)
    return list(pairwise(edges.tolist()))


def _turn_vectors(
    voiceprint: Voiceprint, samples: Samples, turns: Sequence[Turn], item: Item
) -> Iterator[tuple[Vectors, float]]:
    """Vector and consistency of each turn, in their order."""
    spans = [_parts(turn.start, _end(turn, samples), LONGEST) for turn in turns]
    crops = [samples[round(start * RATE_HZ) : round(end * RATE_HZ)] for each in spans for start, end in each]
    found: dict[int, Vectors] = {}
    for index, vectors in voiceprint.vectors(crops):
        found[index] = vectors
        item.progress(len(found) / len(crops))
    first = 0
    for each in spans:
        parts = [found[first + index] for index in range(len(each))]
        first += len(each)
        yield _together(parts)


def _together(parts: Sequence[Vectors]) -> tuple[Vectors, float]:
    """A turn's vector from those of its parts, which are of one length, and the lowest cosine of a window to it."""
    total = np.sum([part[0] for part in parts], axis=0)
    mean = total / max(float(np.linalg.norm(total)), 1e-9)
    windows = np.concatenate([part[1:] for part in parts])
    return mean, min(1.0, float((windows @ mean).min())) if len(windows) else 1.0


def _end(turn: Turn, samples: Samples) -> float:
    length = len(samples) / RATE_HZ
    if round(turn.start * RATE_HZ) >= len(samples):
        raise RequestError(f"a turn starts at {turn.start} s, the vocals end at {length:.3f} s")
    return min(turn.end, length)
