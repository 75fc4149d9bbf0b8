"""Who speaks when: speech, voice vectors, clusters, then each moment again.

Without a number of speakers it would rather find a person twice than take two
people for one: references and the whole series put a person together again,
nothing takes two people apart.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from containers.contract.errors import RequestError
from containers.contract.item import Item
from containers.contract.stages import DiarizeRequest, DiarizeResult, Problem, Turn

from . import audio, voiceprint
from .clustering import Labels, blend_gain, centroids, cluster, dissolve, most_likely_path
from .singing import is_sung
from .speech import SAMPLE_RATE_HZ, Rule, file_speech_probabilities, speech_segments
from .turn_taking import Taken, stretches, take_turns
from .voiceprint import FRAME_SECONDS, WINDOW_FRAMES, Vectors

ALIKE = 0.66
"""Mean cosine of the windows of two clusters from which they are one person. Windows of two people reach
0.60 in one of ten pairs, 0.74 in one of a thousand; windows of one person have 0.72-0.79 in the middle."""
ALIKE_TELEPHONE = 0.73
"""The same where nothing is left above 4 kHz: two people are then 0.09 more alike, one person is not."""
ALIKE_COUNTED = 0.74
"""Where clusters begin that are then joined to a known number of speakers."""
CHANGE_COST = 0.2
"""Sum of cosines that a change of speaker must gain (Viterbi over steps of 0.2 s)."""
BLENDED = 0.015
"""Gain in cosine from which a voice is called a blend of two people's, if it lasts for two steps: half of the
steps in real overlaps gain as much, 3 % of the steps of one person."""
_WIDE_HOP, _NARROW, _NARROW_HOP = 40, 80, 20
_SURE, _WALK_ON, _STEADY = 0.8, 1.5, 0.65
_GROUP_SECONDS = 60.0
Spans = Sequence[tuple[int, int]]
"""Windows of a segment as (first frame, last + 1)."""

_TELEPHONE_DB = -45.0


@dataclass(frozen=True, kw_only=True)
class Heard:
    """A segment of speech as vectors: `wide` ones (1.6 s) say who, `narrow` ones (0.8 s, each 0.2 s) when.

    `seconds`: of speech in each wide window. `steady`: cosine of its first and last narrow window,
    low where two people share it. `borders`: times between the narrow ones. `level_db`:
    of each 10 ms. `treble_db`: power above 4 kHz over power below. `sung`: notes are held.
    """

    start: float
    end: float
    wide: Vectors
    seconds: NDArray[np.float64]
    steady: NDArray[np.float32]
    narrow: Vectors
    borders: NDArray[np.float64]
    level_db: NDArray[np.float64]
    treble_db: float
    sung: bool


def diarize(request: DiarizeRequest, item: Item) -> DiarizeResult:
    _check(request)
    path = item.input(request.vocals)
    try:
        with audio.unpacked(path, item.path) as plain:
            segments, doubtful = _speech(plain)
            heard = list(_listen(plain, segments, item))
        sung = sum(each.end - each.start for each in heard if each.sung) + doubtful
    except soundfile.LibsndfileError as error:
        said = f"the vocals cannot be read as sound: {error}; separate the episode again"
        raise audio.refusal(error, said) from error
    taken = _take_turns(heard, request)
    rttm = item.output("turns.rttm")
    rttm.write_text("".join(_rttm_line(turn) for turn in taken.turns), "utf-8")
    return DiarizeResult(
        turns=taken.turns,
        exclusive=taken.exclusive,
        overlap=taken.overlap,
        rttm=item.file(rttm),
        problems=_problems(segments, sung),
    )


def _check(request: DiarizeRequest) -> None:
    given = [each for each in (request.speakers, request.min_speakers, request.max_speakers) if each is not None]
    if any(each < 1 for each in given):
        raise RequestError(f"a number of speakers is at least 1, got {min(given)}")
    least, most = request.min_speakers, request.max_speakers
    if least is not None and most is not None and least > most:
        raise RequestError(f"min_speakers {least} is more than max_speakers {most}")


def _speech(path: Path) -> tuple[list[tuple[float, float]], float]:
    """Segments of speech, and seconds of voice that is too unlike speech to be among them."""
    length = math.floor(audio.duration(path) * 1000) / 1000
    probabilities = file_speech_probabilities(path)
    segments = speech_segments(probabilities, length)
    any_voice = speech_segments(probabilities, length, Rule(certain=0.0))
    return segments, _seconds(any_voice) - _seconds(segments)


def _seconds(segments: Sequence[tuple[float, float]]) -> float:
    return sum(end - start for start, end in segments)


def _listen(path: Path, segments: Sequence[tuple[float, float]], item: Item) -> Iterator[Heard]:
    """The segments as vectors, a minute of speech at a time, so that the encoder has full batches."""
    last = segments[-1][1] if segments else 0.0
    for group in _groups(segments):
        sounds = [audio.read_mono(path, SAMPLE_RATE_HZ, start, end) for start, end in group]
        mels = [voiceprint.levelled_mel(each) for each in sounds]
        wide_spans = [voiceprint.spans(len(mel), WINDOW_FRAMES, _WIDE_HOP) for mel in mels]
        narrow_spans = [voiceprint.spans(len(mel), _NARROW, _NARROW_HOP) for mel in mels]
        wide, begun = _wide(mels, wide_spans)
        narrow = _narrow(mels, narrow_spans, wide_spans, begun)
        for index, (start, end) in enumerate(group):
            yield _heard(
                (start, end, is_sung(sounds[index])),
                mels[index],
                wide[index],
                wide_spans[index],
                narrow[index],
                narrow_spans[index],
            )
        item.progress(0.95 * group[-1][1] / last)


def _groups(segments: Sequence[tuple[float, float]]) -> Iterator[list[tuple[float, float]]]:
    group: list[tuple[float, float]] = []
    for segment in segments:
        group.append(segment)
        if sum(end - start for start, end in group) >= _GROUP_SECONDS:
            yield group
            group = []
    if group:
        yield group


def _wide(mels: Sequence[NDArray[np.float32]], spans: Sequence[Spans]) -> tuple[list[Vectors], list[Vectors]]:
    """Vectors of the wide windows of each segment, and of the narrow windows that these begin with."""
    windows = (
        voiceprint.filled(mel[first:last]) for mel, each in zip(mels, spans, strict=True) for first, last in each
    )
    wholes, begun = voiceprint.encode_with_beginnings(windows, _NARROW)
    edges = np.cumsum([len(each) for each in spans])[:-1]
    return np.split(wholes, edges), np.split(begun, edges)


def _narrow(
    mels: Sequence[NDArray[np.float32]], spans: Sequence[Spans], wide: Sequence[Spans], begun: Sequence[Vectors]
) -> list[Vectors]:
    """Vectors of the narrow windows of each segment; every second one is the beginning of a wide one, and known."""
    known = [
        {first: vector for (first, _), vector in zip(each, vectors, strict=True)}
        for each, vectors in zip(wide, begun, strict=True)
    ]
    windows = (
        voiceprint.filled(mel[first:last], _NARROW)
        for mel, each, there in zip(mels, spans, known, strict=True)
        for first, last in each
        if first not in there
    )
    others = iter(voiceprint.encode(windows))
    return [
        np.stack([there[first] if first in there else next(others) for first, _ in each])
        for each, there in zip(spans, known, strict=True)
    ]


def _heard(
    segment: tuple[float, float, bool],
    mel: NDArray[np.float32],
    wide: Vectors,
    wide_spans: Sequence[tuple[int, int]],
    narrow: Vectors,
    narrow_spans: Sequence[tuple[int, int]],
) -> Heard:
    start, end, sung = segment
    centres = np.array([(first + last) / 2 for first, last in narrow_spans]) * FRAME_SECONDS
    firsts = [int(np.argmin([abs(first - other) for other, _ in narrow_spans])) for first, _ in wide_spans]
    lasts = [int(np.argmin([abs(last - other) for _, other in narrow_spans])) for _, last in wide_spans]
    treble = voiceprint.mel_centres_hz() > 4000
    return Heard(
        start=start,
        end=end,
        wide=wide,
        seconds=np.array([last - first for first, last in wide_spans]) * FRAME_SECONDS,
        steady=np.sum(narrow[firsts] * narrow[lasts], axis=1),
        narrow=narrow,
        borders=start + (centres[1:] + centres[:-1]) / 2,
        level_db=10 * np.log10(mel.sum(axis=1, dtype=np.float64) + 1e-9),
        sung=sung,
        treble_db=10 * float(np.log10((mel[:, treble].sum() + 1e-9) / (mel[:, ~treble].sum() + 1e-9))),
    )


def _take_turns(heard: Sequence[Heard], request: DiarizeRequest) -> Taken:
    if not heard:
        return take_turns([])
    wanted = request.speakers or request.min_speakers
    paths, people = _paths(heard, _people(heard, request), keep_all=wanted is not None)
    parts, blended = [], []
    for each, path in zip(heard, paths, strict=True):
        parts += stretches(each.start, each.end, path, each.borders, each.level_db)
        edges = [each.start, *each.borders.tolist(), each.end]
        gain = blend_gain(each.narrow, people, path)
        blended += [(edges[first], edges[last]) for first, last in _runs(gain >= BLENDED) if last - first >= 2]
    return take_turns(parts, blended)


def _runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(int))).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))


def _people(heard: Sequence[Heard], request: DiarizeRequest) -> Vectors:
    """A vector for each person, from the windows that hold enough speech, and of one voice, to say who it is."""
    vectors = np.concatenate([each.wide for each in heard])
    seconds = np.concatenate([each.seconds for each in heard])
    sure = seconds >= min(_SURE, float(seconds.max()))
    steady = sure & (np.concatenate([each.steady for each in heard]) >= _STEADY)
    sure = steady if steady.sum() >= sure.sum() / 2 else sure
    vectors, seconds = vectors[sure], seconds[sure]
    telephone = float(np.median([each.treble_db for each in heard])) < _TELEPHONE_DB
    alike = ALIKE_TELEPHONE if telephone else ALIKE
    if request.speakers is not None:
        labels = cluster(vectors, seconds, alike=ALIKE_COUNTED, count=request.speakers)
        return centroids(vectors, seconds, labels)
    bounds = {"least": request.min_speakers, "most": request.max_speakers}
    labels = cluster(vectors, seconds, alike=alike, **bounds)
    if request.min_speakers is None:
        labels = dissolve(vectors, seconds, labels, under=_WALK_ON, alike=alike - 0.06)
    return centroids(vectors, seconds, labels)


def _paths(heard: Sequence[Heard], people: Vectors, *, keep_all: bool) -> tuple[list[Labels], Vectors]:
    """Who speaks at each step of each segment, and who they are, made again from the narrow windows.

    Who is left with less than a moment of speech was an accident of the clustering and goes, unless
    so many people were asked for.
    """
    narrow = np.concatenate([each.narrow for each in heard])
    steps = np.full(len(narrow), _NARROW_HOP * FRAME_SECONDS)
    for final in (False, True):
        paths = [most_likely_path((each.narrow @ people.T).astype(np.float64), CHANGE_COST) for each in heard]
        spoken = np.bincount(np.concatenate(paths), weights=steps, minlength=len(people))
        kept = np.flatnonzero(spoken >= (0.1 if keep_all else _SURE))
        if final or not len(kept):
            break
        joined = np.concatenate(paths)
        people = np.stack([voiceprint.unit(narrow[joined == person].sum(axis=0)) for person in kept])
    return paths, people


def _problems(segments: Sequence[tuple[float, float]], sung: float) -> tuple[Problem, ...]:
    if not segments:
        return (Problem(kind="no_speech", text="nobody speaks in this recording"),)
    spoken = _seconds(segments)
    if sung >= 10.0 or sung >= spoken / 4:
        text = f"about {sung:.0f} s of voice sound sung rather than spoken, beside {spoken:.0f} s taken for speech"
        return (Problem(kind="singing", text=text),)
    return ()


def _rttm_line(turn: Turn) -> str:
    return f"SPEAKER recording 1 {turn.start:.3f} {turn.end - turn.start:.3f} <NA> <NA> {turn.speaker} <NA> <NA>\n"
