"""Measurements as files, one each, so that a bench that was broken off goes on; and what they come to."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from containers.contract.codec import write_atomically
from tests.bench.cost.processes import Cost

Run = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Median, least and most of a figure over repeats."""

    median: float
    least: float
    most: float
    repeats: int

    def __str__(self) -> str:
        if self.repeats == 1:
            return _short(self.median)
        return f"{_short(self.median)} ({_short(self.least)} to {_short(self.most)})"


def spread(values: Iterable[float]) -> Spread:
    known = sorted(values)
    return Spread(median=statistics.median(known), least=known[0], most=known[-1], repeats=len(known))


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


class Results:
    """Below `folder`/runs, by part (season-3), what was measured (plain) and repeat."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def once(self, part: str, what: str, repeat: int, measure: Callable[[], Run]) -> Run:
        """What was measured before, or is now."""
        path = self.folder / "runs" / part / f"{what}.{repeat}.json"
        if not path.exists():
            print(f"{part}: {what}, repeat {repeat} ...", flush=True)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, json.dumps({**measure(), "repeat": repeat}, indent=1, ensure_ascii=False) + "\n")
        found: Run = json.loads(path.read_text("utf-8"))
        return found

    def of(self, part: str) -> dict[str, list[Run]]:
        """What was measured of a part, each with its repeats in order."""
        found: dict[str, list[Run]] = {}
        for path in sorted((self.folder / "runs" / part).glob("*.json")):
            found.setdefault(path.name.rpartition(".json")[0].rpartition(".")[0], []).append(
                json.loads(path.read_text("utf-8"))
            )
        return found

    def parts(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "runs").glob("*") if path.is_dir())


def with_cost(cost: Cost, **more: Any) -> Run:
    return {**asdict(cost), **more}


def ratio(ours: Iterable[Run], theirs: Iterable[Run], figure: str) -> Spread:
    """theirs / ours of a figure, repeat by repeat: how many times as fast (or as little) ours is."""
    by_repeat = {run["repeat"]: run[figure] for run in ours}
    return spread(run[figure] / by_repeat[run["repeat"]] for run in theirs if run["repeat"] in by_repeat)
