"""Stems of an episode, and what of it need not be separated: stretches in which nobody speaks.

Which those are is decided here, from what the stage detect measured. The engine then separates a shorter recording
and knows nothing of it; where it did not, vocals are silent and the background is the recording, sample by sample.
Off unless the series file asks for it (`separate:`).
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from containers.contract.stages import DETECTED, DetectResult, ExtractResult, Segment, SeparateResult
from infra.engines import engine_for
from infra.identity import makers
from tasks import orders
from tasks.domain import Episode
from tasks.episodes import orders_separating
from tasks.series import Series
from tasks.studio import Made, Order, Stored, Studio, hash_of_code

R = TypeVar("R")
Rows = NDArray[np.float32]
Get = Callable[[Order[Any]], Made[Any] | None]

STAGES = ("detect", "condense", "restore")
"""The stages beside `separate` that a series needs which separates speech only."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Where somebody may speak: a probability of `in_course` or `afresh` (DETECTED), `margin` seconds before and
    after, stretches of less than `bridged` seconds between two of them too.

    Low on purpose: what is missed here, nobody hears again. `worth`: the share of a recording that must be left over,
    or else all of it is separated.
    """

    in_course: float = 0.04
    afresh: float = 0.15
    margin: float = 0.75
    bridged: float = 2.0
    worth: float = 0.05


def make_stems(studio: Studio, episode: Episode, extracted: Made[ExtractResult]) -> Made[SeparateResult]:
    """Find the stems, both there, or have them made; raises the StageError of an engine. The recording is there."""
    segments = _segments(studio, episode, extracted, studio.make)
    recording = extracted.stored(extracted.result.recording)
    if segments is None:
        return _make_whole(studio, episode, extracted)
    found = find_stems(studio, episode, extracted)
    if found and not found.gone:
        pass
    elif not segments:
        found = studio.make(orders_separating.restore(studio, episode, recording, segments, None))
    else:
        condensed = studio.make(orders_separating.condense(studio, episode, recording, segments))
        separated = studio.make(orders_separating.separate_condensed(studio, episode, condensed))
        restored = studio.make(orders_separating.restore(studio, episode, recording, segments, separated))
        found = replace(restored, engine=separated.engine)
    for name in ("condense", "separate") if segments else ():
        studio.release(f"{orders.folder_of(studio, episode)}/stages/{name}.json")
    return found


def find_stems(studio: Studio, episode: Episode, extracted: Made[ExtractResult]) -> Made[SeparateResult] | None:
    """The stems as they were made before, by the engine that separated them; those that were released are `gone`."""
    try:
        segments = _segments(studio, episode, extracted, studio.find)
    except _Unknown:
        return None
    if segments is None:
        return studio.known(orders.separate(studio, episode, extracted))
    recording = extracted.stored(extracted.result.recording)
    if not segments:
        return studio.known(orders_separating.restore(studio, episode, recording, segments, None))
    condensed = studio.recorded(orders_separating.condense(studio, episode, recording, segments))
    if condensed is None:
        return None
    separated = studio.recorded(orders_separating.separate_condensed(studio, episode, condensed))
    if separated is None:
        return None
    restored = studio.known(orders_separating.restore(studio, episode, recording, segments, separated))
    return replace(restored, engine=separated.engine) if restored else None


def identity_of(series: Series) -> dict[str, Any]:
    """What the identity of a prepared episode says of this: nothing where all is separated."""
    if not series.separate.some:
        return {}
    engines = {stage: engine_for(series.engine(stage), stage) for stage in STAGES}
    said = {stage: makers(each, series.options.get(each.name, {}), stage) for stage, each in engines.items()}
    return {"separate": {"asked": series.separate.model_dump(), "engines": said, "rules": _rules()}}


def stages_of(series: Series) -> tuple[str, ...]:
    """The stages that separating needs, beside `separate` itself."""
    return STAGES if series.separate.some else ()


def speech_segments(rows: Rows, hop: float, duration: float, rule: Rule | None = None) -> tuple[Segment, ...] | None:
    """Where somebody may speak, from a detection's rows; None if leaving out the rest is not worth it."""
    rule = rule or Rule()
    heard = (rows >= [getattr(rule, name) for name in DETECTED]).any(axis=1)
    near = maximum_filter1d(heard.astype(np.uint8), 2 * round(rule.margin / hop) + 1, mode="constant")
    edges = np.flatnonzero(np.diff(np.concatenate(([0], near.astype(np.int8), [0])))) * hop
    joined: list[tuple[float, float]] = []
    for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if joined and start - joined[-1][1] < rule.bridged:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((0.0 if start < rule.bridged else start, end))
    if joined and duration - joined[-1][1] < rule.bridged:
        joined[-1] = (joined[-1][0], duration)
    kept = sum(end - start for start, end in joined)
    if duration - kept < rule.worth * duration:
        return None
    return tuple(Segment(start=round(start, 3), end=round(min(end, duration), 3)) for start, end in joined)


class _Unknown(LookupError):
    """What tells which segments are separated is not there."""


def _segments(studio: Studio, episode: Episode, extracted: Made[ExtractResult], get: Get) -> tuple[Segment, ...] | None:
    """What of an episode is separated; None: all of it."""
    if studio.series.separate.only is None:
        return None
    recording = extracted.stored(extracted.result.recording)
    found: Made[DetectResult] | None = get(orders_separating.detect(studio, episode, recording))
    if found is None:
        raise _Unknown(f"nobody has listened yet where in {episode.key} somebody speaks")
    return speech_segments(
        _rows(studio, found.stored(found.result.speech)), found.result.hop, extracted.result.duration
    )


def _make_whole(studio: Studio, episode: Episode, extracted: Made[ExtractResult]) -> Made[SeparateResult]:
    order = orders.separate(studio, episode, extracted)
    found = studio.find(order)
    if found is None:  # records that promise the files which are now written over
        for name in ("restore", "condense"):
            studio.forget(f"{order.folder}/stages/{name}.json")
    return found or studio.make(order)


def _rows(studio: Studio, file: Stored) -> Rows:
    rows: Rows = np.load(io.BytesIO(studio.store.read(file.key)), allow_pickle=False)
    return rows


def _rules() -> str:
    return hash_of_code(sys.modules[__name__])
