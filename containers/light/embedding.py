"""One voice vector a turn, for linking speakers over episodes and matching them with references.

A turn's vector is the mean of its windows' vectors, without those that the rest
disagrees with. A turn shorter than a window is said again until it fills one:
context would be another's voice as often as not.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from containers.contract.codec import canonical
from containers.contract.errors import RecordingError, RequestError
from containers.contract.item import Item
from containers.contract.stages import EmbedRequest, EmbedResult, Turn

from . import audio, voiceprint
from .speech import Rule, file_speech_probabilities, speech_segments
from .voiceprint import DIMENSION, MODEL, WINDOW_FRAMES, Vectors

REFERENCE = "REFERENCE"
"""Speaker of the turns that are found in a file without any."""
LONGEST = 10.0
"""Seconds of a reference that share a vector."""
_HOP = 80
_PART_SECONDS = 30.0
_BATCH_SECONDS = 60.0
_OUTLIER = 0.15
"""How much lower than the middle cosine to the others a window's may be."""


def embed(request: EmbedRequest, item: Item) -> EmbedResult:
    path = item.input(request.vocals)
    try:
        turns = _reference_turns(path) if request.turns is None else request.turns
        answers = list(_turn_vectors(path, turns, item))
    except soundfile.LibsndfileError as error:
        said = f"the vocals cannot be read as sound: {error}; give a WAV or FLAC file"
        raise audio.refusal(error, said) from error
    rows = np.array([vector for vector, _ in answers], np.float32).reshape(-1, DIMENSION)
    text = base64.b64encode(rows.astype("<f4").tobytes()).decode("ascii")
    vectors = item.output("vectors.json")
    vectors.write_text(canonical({"model": MODEL, "dimension": DIMENSION, "vectors": text}), "utf-8")
    return EmbedResult(
        vectors=item.file(vectors),
        model=MODEL,
        dimension=DIMENSION,
        turns=tuple(turns),
        consistency=tuple(round(consistency, 4) for _, consistency in answers),
    )


def mean_vector(windows: Vectors) -> Vectors:
    """Unit mean of a turn's window vectors (n, dimension), without windows far from the others' mean.

    A cough, a laugh, music or somebody else is one window in many; of fewer than four no one can
    tell which is the odd one.
    """
    mean = voiceprint.unit(windows.mean(axis=0))
    if len(windows) >= 4:
        cosines = windows @ mean
        mean = voiceprint.unit(windows[cosines >= np.median(cosines) - _OUTLIER].mean(axis=0))
    return mean.astype(np.float32)


def _reference_turns(path: Path) -> tuple[Turn, ...]:
    length = np.floor(audio.duration(path) * 1000) / 1000
    rule = Rule(max_speech=LONGEST)
    found = speech_segments(file_speech_probabilities(path), length, rule)
    if not found:
        raise RecordingError("nobody speaks in this reference; give a clip of the character's speech")
    return tuple(Turn(start=round(start, 3), end=round(end, 3), speaker=REFERENCE) for start, end in _stretches(found))


def _stretches(segments: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Segments joined over pauses of up to a second while they stay within LONGEST."""
    joined = [segments[0]]
    for start, end in segments[1:]:
        if start - joined[-1][1] <= 1.0 and end - joined[-1][0] <= LONGEST:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def _turn_vectors(path: Path, turns: Sequence[Turn], item: Item) -> Iterator[tuple[Vectors, float]]:
    """Vector and consistency of each turn, a minute of speech at a time."""
    length = audio.duration(path)
    done = 0
    for group in _groups(turns):
        windows = [_windows(path, turn, length) for turn in group]
        vectors = voiceprint.encode(window for each in windows for window in each)
        for own in np.split(vectors, np.cumsum([len(each) for each in windows])[:-1]):
            mean = mean_vector(own)
            yield mean, float((own @ mean).min()) if len(own) > 1 else 1.0
        done += len(group)
        item.progress(done / len(turns))


def _groups(turns: Sequence[Turn]) -> Iterator[list[Turn]]:
    group: list[Turn] = []
    for turn in turns:
        group.append(turn)
        if sum(each.end - each.start for each in group) >= _BATCH_SECONDS:
            yield group
            group = []
    if group:
        yield group


def _windows(path: Path, turn: Turn, length: float) -> list[NDArray[np.float32]]:
    if turn.start >= length:
        raise RequestError(f"a turn starts at {turn.start} s, the vocals end at {length:.3f} s")
    last = min(turn.end, length)
    parts = max(1, math.ceil((last - turn.start) / _PART_SECONDS))
    edges = np.linspace(turn.start, last, parts + 1)
    mel = np.concatenate([voiceprint.speech_mel(path, *part) for part in pairwise(edges.tolist())])
    spoken = voiceprint.without_pauses(mel)
    return [voiceprint.filled(spoken[first:last]) for first, last in voiceprint.spans(len(spoken), WINDOW_FRAMES, _HOP)]
