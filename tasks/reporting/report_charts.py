"""Charts of the report as numbers: what the pages draw as SVG, and say as text beside it.

Pure: values in, shares of a drawing area of 100 x 100 out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

WIDEST = 12.0
"""Hundredths of the area: three episodes are three columns and not three walls."""


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A column: `kept` and `other` in seconds; `name` is what it stands for."""

    name: str
    kept: float
    other: float


@dataclass(frozen=True, kw_only=True)
class Bars:
    """Columns side by side; `axis`: up to five names of the horizontal axis with their place from 0 to 100."""

    title: str
    summary: str
    bars: tuple[Bar, ...]
    axis: tuple[tuple[float, str], ...]

    @property
    def tallest(self) -> float:
        """Seconds of the tallest column."""
        return max((bar.kept + bar.other for bar in self.bars), default=0.0)

    def drawn(self) -> tuple[tuple[Bar, float, float, float, float], ...]:
        """(bar, left, width, height of kept, height of other), in hundredths of the area."""
        top, step = self.tallest or 1.0, 100 / max(1, len(self.bars))
        gap = 0.2 * step if len(self.bars) < 60 else 0.1 * step
        drawn = []
        for index, bar in enumerate(self.bars):
            kept, other = (round(100 * each / top, 2) for each in (bar.kept, bar.other))
            width = min(step - gap, WIDEST)
            drawn.append((bar, round((index + 0.5) * step - width / 2, 3), round(width, 3), kept, other))
        return tuple(drawn)


def by_episode(kept: Mapping[str, float], other: Mapping[str, float], episodes: Sequence[str]) -> Bars:
    """Seconds of each episode, in order, also of those without any."""
    bars = tuple(Bar(name=key, kept=kept.get(key, 0.0), other=other.get(key, 0.0)) for key in episodes)
    total, heard = sum(bar.kept for bar in bars), sum(bar.kept > 0 for bar in bars)
    most = max(bars, key=lambda bar: bar.kept, default=None)
    summary = f"{total / 60:.1f} minutes kept, from {heard} of {len(bars)} episodes"
    if most and most.kept:
        summary += f"; most from {most.name}, {most.kept / 60:.1f} minutes"
    return Bars(title="Minutes by episode", summary=summary, bars=bars, axis=_names([bar.name for bar in bars]))


def histogram(title: str, unit: str, values: Iterable[tuple[float | None, float, bool]], step: float) -> Bars | None:
    """Seconds by value; `values`: (value, seconds, kept). None where nothing was measured."""
    known = [(value, seconds, kept) for value, seconds, kept in values if value is not None]
    if not known:
        return None
    low = math.floor(_quantile([value for value, *_ in known], 0.01) / step)
    high = max(low + 1, math.floor(_quantile([value for value, *_ in known], 0.99) / step) + 1)
    sums = {True: [0.0] * (high - low), False: [0.0] * (high - low)}
    for value, seconds, kept in known:
        sums[kept][min(max(math.floor(value / step) - low, 0), high - low - 1)] += seconds
    bars = tuple(
        Bar(name=f"{(low + index) * step:g} to {(low + index + 1) * step:g} {unit}", kept=kept, other=other)
        for index, (kept, other) in enumerate(zip(sums[True], sums[False], strict=True))
    )
    of_kept = [value for value, _, kept in known if kept]
    summary = f"median of what is kept: {_quantile(of_kept, 0.5):.0f} {unit}" if of_kept else "nothing is kept"
    edges = [(low + index) * step for index in range(high - low + 1)]
    shown = sorted({0, (high - low) // 4, (high - low) // 2, 3 * (high - low) // 4, high - low})
    axis = tuple((100 * each / (high - low), f"{edges[each]:g}") for each in shown)
    return Bars(title=f"{title}, {unit}", summary=summary, bars=bars, axis=axis)


def _quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _names(names: Sequence[str]) -> tuple[tuple[float, str], ...]:
    """The first, the last and some between, in the middle of their columns."""
    count = len(names)
    if not count:
        return ()
    shown = sorted({0, count - 1} if count < 4 else {0, count // 2, count - 1})
    return tuple((round(100 * (each + 0.5) / count, 2), names[each]) for each in shown)


@dataclass(frozen=True, kw_only=True)
class Line:
    """A curve over epochs: `points` as SVG wants them, in an area of 100 x 100; `first` and `last` are its values."""

    name: str
    points: str
    first: float
    last: float


@dataclass(frozen=True, kw_only=True)
class Curves:
    """Curves of one kind over the epochs of a training; `best`: place of the epoch that was kept, from 0 to 100."""

    title: str
    low: float
    high: float
    epochs: int
    best_epoch: int | None
    lines: tuple[Line, ...]

    @property
    def best(self) -> float | None:
        return None if self.best_epoch is None else round(100 * self.best_epoch / max(1, self.epochs), 2)


def curves(
    title: str, series: Mapping[str, Sequence[tuple[float, float]]], epochs: int, best_epoch: int | None
) -> Curves | None:
    """Curves on one scale; `series`: name -> (epoch, value). None where there is nothing to draw."""
    drawn = {
        name: [(epoch, value) for epoch, value in points if math.isfinite(value)] for name, points in series.items()
    }
    drawn = {name: points for name, points in drawn.items() if points}
    if not drawn:
        return None
    values = [value for points in drawn.values() for _, value in points]
    low, high = min(values), max(values)
    reach = high - low or 1.0
    lines = tuple(
        Line(
            name=name,
            points=" ".join(
                f"{100 * epoch / max(1, epochs):.2f},{100 - 100 * (value - low) / reach:.2f}"
                for epoch, value in _thinned(points)
            ),
            first=points[0][1],
            last=points[-1][1],
        )
        for name, points in drawn.items()
    )
    return Curves(title=title, low=low, high=high, epochs=epochs, best_epoch=best_epoch, lines=lines)


def _thinned(points: Sequence[tuple[float, float]], most: int = 300) -> Sequence[tuple[float, float]]:
    """At most so many points: means of neighbours, so that a long training is a line and not a smear."""
    width = -(-len(points) // most)
    groups = [points[at : at + width] for at in range(0, len(points), width)]
    return [(sum(e for e, _ in group) / len(group), sum(v for _, v in group) / len(group)) for group in groups]
