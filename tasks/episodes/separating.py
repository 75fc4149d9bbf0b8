"""Stems of an episode, and what of it need not be separated: where nobody speaks, and what an earlier episode has too.

The first is decided here, from what the stage detect measured, the second in `reuse`. The engine then separates a
shorter recording and knows nothing of it. Where nobody speaks vocals are silent and the background is the recording,
sample by sample; what is reused has the earlier episode's vocals. Off unless the series file asks (`separate:`).
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from containers.contract.stages import DETECTED, DetectResult, ExtractResult, Reused, Segment, SeparateResult
from infra.engines import engine_for
from infra.identity import hash_of_code, makers
from tasks import orders
from tasks.domain import Episode
from tasks.episodes.earlier import Earlier
from tasks.episodes.episodes import list_episodes
from tasks.episodes.reuse import to_separate
from tasks.episodes.reuse_files import REUSE, decide_reuse, find_reuse
from tasks.episodes.reuse_files import rules as reuse_rules
from tasks.series import Series
from tasks.studio import Made, Order, Stored, Studio

Rows = NDArray[np.float32]
Get = Callable[[Order[Any]], Made[Any] | None]

ONLY, ONCE = ("detect",), ("compare",)
PUT_BACK = ("condense", "restore")
"""The stages beside `separate` that a series needs which separates a part: to say which, and to put it back."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Where somebody may speak: a probability of `in_course` or `afresh` (DETECTED), near to where their mean `over` so
    many seconds is that of `mean_in_course` or `mean_afresh` (an instrument that once sounds like a voice is none),
    `margin` seconds before and after, stretches of less than `bridged` seconds between two of them too.

    Low on purpose: what is missed here, nobody hears again. `worth`: the share of a recording that must be left over,
    or else all of it is separated.
    """

    in_course: float = 0.04
    afresh: float = 0.15
    mean_in_course: float = 0.04
    mean_afresh: float = 0.1
    over: float = 1.0
    margin: float = 0.75
    bridged: float = 2.0
    worth: float = 0.05


@dataclass(frozen=True, kw_only=True)
class _Part:
    """What of an episode is separated, and what takes its vocals from those of an `earlier` episode, the `source`."""

    segments: tuple[Segment, ...]
    reused: tuple[Reused, ...] = ()
    earlier: Stored | None = None
    source: str | None = None


def make_stems(
    studio: Studio, episode: Episode, extracted: Made[ExtractResult], earlier: Earlier | None = None
) -> Made[SeparateResult]:
    """Find the stems, both there, or have them made; raises the StageError of an engine. The recording is there.
    `earlier`: the episodes of this run; without it those that are prepared."""
    if not studio.series.separate.some:
        return _make_whole(studio, episode, extracted)
    with studio.store.locked(f"{orders.folder_of(studio, episode)} stems"):  # later episodes want them too
        found = find_stems(studio, episode, extracted)
        return found if found and not found.gone else _make_part(studio, episode, extracted, earlier)


def _make_part(
    studio: Studio, episode: Episode, extracted: Made[ExtractResult], earlier: Earlier | None
) -> Made[SeparateResult]:
    known = earlier or Earlier(list_episodes(studio.series, studio.store) if studio.series.separate.recurring else ())
    if studio.series.separate.recurring:
        decide_reuse(studio, episode, extracted, known, partial(_stems_of, studio, earlier=known))
    part = _part(studio, episode, extracted, studio.make)
    if part is None:
        return _make_whole(studio, episode, extracted)
    recording = extracted.stored(extracted.result.recording)
    if not part.segments:
        return _put_back(studio, _restore(studio, episode, recording, part, None), part, known)
    condensed = studio.make(orders.condense(studio, episode, recording, part.segments))
    separated = studio.make(orders.separate_condensed(studio, episode, condensed))
    restored = _put_back(studio, _restore(studio, episode, recording, part, separated), part, known)
    for name in ("condense", "separate"):
        studio.release(f"{orders.folder_of(studio, episode)}/stages/{name}.json")
    return replace(restored, engine=separated.engine)


def _put_back(studio: Studio, order: Order[SeparateResult], part: _Part, earlier: Earlier) -> Made[SeparateResult]:
    """The stems of the whole; what is reused may have been pruned while the rest was separated."""
    if part.source is None or part.earlier is None:
        return studio.make(order)
    with studio.in_use(part.source):
        if studio.store.holds({part.earlier.key: part.earlier.size}):
            return studio.make(order)
    _stems_of(studio, earlier[part.source], earlier, bring_back=True)
    with studio.in_use(part.source):
        return studio.make(order)


def _stems_of(studio: Studio, source: Episode, earlier: Earlier, *, bring_back: bool) -> Made[SeparateResult] | None:
    """The stems of an earlier episode, which may be gone unless they are to be brought back; waits for those under
    way. None if nobody makes them now."""
    extracted = studio.make(orders.extract(studio, source)) if bring_back else earlier.extracted(studio, source.key)
    if extracted is None:
        return None
    found = find_stems(studio, source, extracted)
    under_way = found is None and earlier.is_outstanding(source.key) and not extracted.gone
    if not under_way and not (bring_back and (found is None or found.gone)):
        return found
    return earlier.once(source.key, lambda: make_stems(studio, source, extracted, earlier))


def find_stems(studio: Studio, episode: Episode, extracted: Made[ExtractResult]) -> Made[SeparateResult] | None:
    """The stems as they were made before, by the engine that separated them; those that were released are `gone`."""
    try:
        part = _part(studio, episode, extracted, studio.find)
    except _Unknown:
        return None
    if part is None:
        return studio.known(orders.separate(studio, episode, extracted))
    recording = extracted.stored(extracted.result.recording)
    if not part.segments:
        return studio.known(_restore(studio, episode, recording, part, None))
    condensed = studio.recorded(orders.condense(studio, episode, recording, part.segments))
    if condensed is None:
        return None
    separated = studio.recorded(orders.separate_condensed(studio, episode, condensed))
    if separated is None:
        return None
    restored = studio.known(_restore(studio, episode, recording, part, separated))
    return replace(restored, engine=separated.engine) if restored else None


def _restore(
    studio: Studio, episode: Episode, recording: Stored, part: _Part, separated: Made[SeparateResult] | None
) -> Order[SeparateResult]:
    return orders.restore(studio, episode, recording, part.segments, separated, part.reused, part.earlier)


def identity_of(series: Series) -> dict[str, Any]:
    """What the identity of a prepared episode says of this: nothing where all is separated."""
    if not series.separate.some:
        return {}
    engines = {stage: engine_for(series.engine(stage), stage) for stage in stages_of(series)}
    said = {stage: makers(each, series.options.get(each.name, {}), stage) for stage, each in engines.items()}
    asked = series.separate.model_dump(exclude_none=True)
    return {"separate": {"asked": asked, "engines": said, "rules": _rules(series)}}


def stages_of(series: Series) -> tuple[str, ...]:
    """The stages that separating needs, beside `separate` itself."""
    wanted = series.separate
    if not wanted.some:
        return ()
    return (*(ONLY if wanted.only else ()), *(ONCE if wanted.recurring else ()), *PUT_BACK)


def documents_of(series: Series) -> tuple[str, ...]:
    """What a prepared episode has beside the files of its stages: without it nobody finds its stems."""
    return (REUSE,) if series.separate.recurring else ()


def speech_segments(rows: Rows, hop: float, duration: float, rule: Rule | None = None) -> tuple[Segment, ...] | None:
    """Where somebody may speak, from a detection's rows; None if leaving out the rest is not worth it."""
    rule = rule or Rule()
    window = 2 * round(rule.over / hop / 2) + 1
    means = uniform_filter1d(rows, window, axis=0, mode="constant")
    surer = (means >= [getattr(rule, f"mean_{name}") for name in DETECTED]).any(axis=1)
    heard = (rows >= [getattr(rule, name) for name in DETECTED]).any(axis=1) & maximum_filter1d(surer, window)
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


def _part(studio: Studio, episode: Episode, extracted: Made[ExtractResult], get: Get) -> _Part | None:
    """What of an episode is separated, from what was decided; None: all of it. Raises _Unknown."""
    segments = _spoken(studio, episode, extracted, get)
    if studio.series.separate.recurring is None:
        return None if segments is None else _Part(segments=segments)
    known = find_reuse(studio, episode, extracted)
    if known is None:
        raise _Unknown(f"nobody has looked yet what of {episode.key} an earlier episode has")
    if not known.reused:
        return None if segments is None else _Part(segments=segments)
    duration = extracted.result.duration
    every = (Segment(start=0.0, end=duration),) if segments is None else segments
    return _Part(
        segments=to_separate(every, known.reused, duration),
        reused=known.reused,
        earlier=known.vocals,
        source=known.source,
    )


def _spoken(studio: Studio, episode: Episode, extracted: Made[ExtractResult], get: Get) -> tuple[Segment, ...] | None:
    """Where somebody may speak, if the rest is to be left out; None: all of it."""
    if studio.series.separate.only is None:
        return None
    recording = extracted.stored(extracted.result.recording)
    found: Made[DetectResult] | None = get(orders.detect(studio, episode, recording))
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


def _rules(series: Series) -> list[str]:
    return [hash_of_code(sys.modules[__name__]), *([reuse_rules()] if series.separate.recurring else [])]
