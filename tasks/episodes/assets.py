"""Music cues and effects in the background of an episode: where they are, decided from a survey and the turns.

The background is what separation left over: recording - vocals, so nothing in it
was ducked that was not ducked in the mix. No audio is touched here; thresholds
can change without measuring again. What is called an effect is a candidate: a
short sound that stands out of what is around it, which a drum fill may do too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from containers.contract.stages import SURVEYED, Segment, Turn

Column = NDArray[np.float32]
Marks = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What counts as music, and as an effect; seconds, LUFS, decibels.

    Music: 3 s around are at least `min_lufs` loud and `min_tonal_db` uneven (noise has 2.5), for `min_cue` at least;
    rests up to `max_rest` belong to it. `min_clear`: shortest stretch without dialogue that is worth a line.
    Effect: stands out by `min_stands_out_db`, and lasts while it does by half of that; the voice at the time is at
    most `max_voice_db` louder, or what stands out may be its remains; it begins and ends `from_the_ends` of the
    episode, where the music's own beginning stands out of nothing.
    """

    min_lufs: float = -50.0
    min_tonal_db: float = 3.5
    min_cue: float = 5.0
    max_rest: float = 2.0
    min_clear: float = 3.0
    beside_dialogue: float = 0.2
    min_stands_out_db: float = 12.0
    max_voice_db: float = 15.0
    effect_seconds: tuple[float, float] = (0.04, 6.0)
    max_effect_rest: float = 0.2
    from_the_ends: float = 0.1


@dataclass(frozen=True, kw_only=True)
class Cue:
    """Music without a break. `clear`: its stretches in which nobody speaks; `dialogue`: seconds of it with speech."""

    id: str
    start: float
    end: float
    loudness_lufs: float
    dialogue: float
    clear: tuple[Segment, ...]

    @property
    def duration(self) -> float:
        return self.end - self.start


@dataclass(frozen=True, kw_only=True)
class Effect:
    """A short sound; `stands_out_db`: how far, at its most."""

    id: str
    start: float
    end: float
    loudness_lufs: float
    stands_out_db: float
    over_dialogue: bool
    over_music: bool

    @property
    def duration(self) -> float:
        return self.end - self.start


def survey_columns(levels: NDArray[np.float32]) -> dict[str, Column]:
    """A survey's columns by name."""
    return {name: levels[:, index] for index, name in enumerate(SURVEYED)}


def find_cues(survey: dict[str, Column], hop: float, turns: Sequence[Turn], rules: Rules | None = None) -> list[Cue]:
    """Music cues in order of time; their ends are good to about a second."""
    rules = rules or Rules()
    power, tonal = survey["background_power"], survey["tonal_db"]
    around = round(3.0 / hop)
    loud = _mean(power, around)
    even = _mean(power * tonal, around) / np.maximum(loud, 1e-12)
    music = (_lufs(loud) >= rules.min_lufs) & (even >= rules.min_tonal_db)
    spans = _joined(_runs(music), round(rules.max_rest / hop))
    spoken = _spoken(len(power), hop, turns)
    found = []
    for first, last in (_trimmed(power, span, rules.min_lufs, hop) for span in spans):
        if (last - first) * hop < rules.min_cue:
            continue
        start, end = first * hop, last * hop
        cue = Cue(
            id=f"cue-{round(start * 1000):08d}",
            start=round(start, 3),
            end=round(end, 3),
            loudness_lufs=round(integrated_lufs(power[first:last], hop), 2),
            dialogue=round(float(spoken[first:last].sum()) * hop, 2),
            clear=tuple(clear_of(start, end, turns, rules)),
        )
        found.append(cue)
    return found


def find_effects(
    survey: dict[str, Column], hop: float, turns: Sequence[Turn], cues: Sequence[Cue], rules: Rules | None = None
) -> list[Effect]:
    """Candidates in order of time."""
    rules = rules or Rules()
    power, voice, over = survey["background_power"], survey["vocals_power"], survey["stands_out_db"]
    shortest, longest = rules.effect_seconds
    spoken = _spoken(len(power), hop, turns)
    found = []
    for first, last in _joined(_runs(over > rules.min_stands_out_db / 2), round(rules.max_effect_rest / hop)):
        most = float(over[first:last].max())
        leaks = voice[first:last].max() > power[first:last].max() * 10 ** (rules.max_voice_db / 10)
        cut_off = first * hop < rules.from_the_ends or (len(power) - last) * hop < rules.from_the_ends
        if most < rules.min_stands_out_db or leaks or cut_off or not shortest <= (last - first) * hop <= longest:
            continue
        start, end = first * hop, last * hop
        effect = Effect(
            id=f"effect-{round(start * 1000):08d}",
            start=round(start, 3),
            end=round(end, 3),
            loudness_lufs=round(float(_lufs(power[first:last].mean())), 2),
            stands_out_db=round(most, 1),
            over_dialogue=bool(spoken[first:last].any()),
            over_music=any(each.start < end and each.end > start for each in cues),
        )
        found.append(effect)
    return found


def clear_of(start: float, end: float, turns: Iterable[Turn], rules: Rules) -> Iterable[Segment]:
    """Stretches of start to end in which nobody speaks, with a little room beside the speech."""
    at = start
    for turn in [*sorted(turns), Turn(start=end, end=end + 1.0, speaker="")]:
        room = rules.beside_dialogue if turn.start < end else 0.0
        until = min(turn.start - room, end)
        if until - at >= rules.min_clear:
            yield Segment(start=round(at, 3), end=round(until, 3))
        at = max(at, turn.end + room)


def integrated_lufs(power: Column, hop: float) -> float:
    """Loudness by ITU-R BS.1770: blocks of 0.4 s of K-weighted power, gated at -70 LUFS, then 10 LU under the mean."""
    size, step = round(0.4 / hop), round(0.1 / hop)
    if len(power) < size:
        return float(_lufs(power.mean()))
    blocks = np.lib.stride_tricks.sliding_window_view(power.astype(np.float64), size)[::step].mean(axis=1)
    heard = blocks[_lufs(blocks) > -70.0]
    if not len(heard):
        return float(_lufs(blocks.mean()))
    return float(_lufs(heard[_lufs(heard) > _lufs(heard.mean()) - 10.0].mean()))


def _lufs(power: NDArray[Any] | np.floating[Any]) -> NDArray[np.float64]:
    return np.asarray(-0.691 + 10 * np.log10(np.maximum(power, 1e-12)), np.float64)


def _mean(values: Column, width: int) -> NDArray[np.float64]:
    """Mean of so many values around each; fewer at the ends."""
    sums = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    places = np.arange(len(values))
    low, high = np.maximum(places - width // 2, 0), np.minimum(places + width // 2 + 1, len(values))
    return np.asarray((sums[high] - sums[low]) / (high - low), np.float64)


def _runs(marks: Marks) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], marks, [False]]).astype(np.int8)))
    return [(int(first), int(last)) for first, last in zip(edges[::2], edges[1::2], strict=True)]


def _joined(runs: Iterable[tuple[int, int]], rest: int) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for first, last in runs:
        if joined and first - joined[-1][1] <= rest:
            joined[-1] = (joined[-1][0], last)
        else:
            joined.append((first, last))
    return joined


def _trimmed(power: Column, span: tuple[int, int], least_lufs: float, hop: float) -> tuple[int, int]:
    """Without the quiet ends that the 3 s around let in; momentary loudness (0.4 s) decides."""
    first, last = span
    loud = np.flatnonzero(_lufs(_mean(power[first:last], round(0.4 / hop))) >= least_lufs)
    return (first + int(loud[0]), first + int(loud[-1]) + 1) if len(loud) else (first, first)


def _spoken(count: int, hop: float, turns: Iterable[Turn]) -> Marks:
    marks = np.zeros(count, bool)
    for turn in turns:
        marks[int(turn.start / hop) : int(np.ceil(turn.end / hop))] = True
    return marks
