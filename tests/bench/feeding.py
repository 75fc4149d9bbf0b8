"""Whether engines are kept fed: stages of different episodes beside each other, with outcomes handed over as items end.

    python -m tests.bench.feeding [--episodes 6]
    CASES=... python -m tests.bench.feeding --light

On stub, whose stages sleep, so that a busy machine hardly shows: one engine of which one start runs at a time separates
(2 s an episode, as on a GPU), another with two starts does all else (0.4 s a stage, as on CPUs); no Prefect. Once as it
is, and once as it was, when all of a start were answered at its end. Prints JSON: seconds by the clock, the share of
them in which the separating engine was at work from its first item to its last, and in which stages of two
episodes or more ran. `--light`: CASES/season_small on light, whose two starts share all stages; the shares of the time
in which two, one and none of them had an item.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from containers.contract.item import sha256_of
from containers.contract.stages import STAGES
from infra.dispatch import Dispatcher
from infra.engines import engines
from infra.runners.process import ProcessRunner
from infra.slots import MachineSlots
from infra.stage import Progress
from infra.store import LocalStore, read_json
from tasks.domain import Episode
from tasks.keeping.rebuild import prepare_episode
from tasks.series import Series
from tasks.studio import Studio

SEPARATES_S, ELSE_S = 2.0, 0.4


class Watch:
    """From when to when each stage of each episode ran."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self.began: dict[str, float] = {}
        self.ended: dict[str, float] = {}

    def __call__(self, said: Progress) -> None:
        with self._mutex:
            now = time.monotonic()
            self.began.setdefault(said.name, now)
            self.ended[said.name] = now

    def spans(self, stage: str = "") -> dict[str, tuple[float, float]]:
        return {name: (self.began[name], self.ended[name]) for name in self.began if name.startswith(stage)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.feeding", description=__doc__)
    parser.add_argument("--episodes", type=int, default=6)
    parser.add_argument("--light", action="store_true")
    chosen = parser.parse_args()
    if chosen.light:
        print(json.dumps(_light(Path(os.environ["CASES"]) / "season_small" / "episodes")))
        return
    stub = engines()["stub"]
    engines()["separator"] = replace(stub, at_most=1, weights={"sleep_s": SEPARATES_S})
    print(json.dumps({way: _season(chosen.episodes, early=way == "as it is") for way in ("as it was", "as it is")}))


def _prepared(folder: Path, episodes: list[Episode], played: dict[str, str], *, early: bool) -> tuple[Watch, float]:
    """All episodes through their stages at once, and the seconds it took."""
    watch, store = Watch(), LocalStore(folder / "store")
    runner = ProcessRunner(store.work, stay_seconds=20)
    runner.in_place = early
    dispatcher = Dispatcher(store.work, {"process": runner}, MachineSlots(folder / "slots"), watch)
    said: dict[str, Any] = {
        "series": "toy",
        "episodes": "*.mkv",
        "language": "ja",
        "characters": {"anna": {"name": "Anna"}},
        "engines": played,
    }
    studio = Studio(series=Series.model_validate({**said, "folder": folder}), store=store, dispatcher=dispatcher)
    began = time.monotonic()
    with ThreadPoolExecutor(len(episodes)) as pool:
        list(pool.map(lambda each: prepare_episode(studio, each), episodes))
    wall = time.monotonic() - began
    for name, ended in watch.ended.items():  # the first word of an item comes late where it has libraries to load
        stage, *_, key = name.split()
        record = "fingerprint-vocals" if "vocals of" in name else stage
        run = read_json(store, f"{studio.home}/episodes/{key}/stages/{record}.run.json")
        watch.began[name] = ended - run["seconds"]
    return watch, wall


def _light(videos: Path) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="voicecast-bench-") as name:
        episodes = [
            Episode(key=path.stem.lower(), file=str(path), sha256=sha256_of(path)) for path in sorted(videos.glob("*"))
        ]
        watch, wall = _prepared(Path(name), episodes, {}, early=True)
    spans = list(watch.spans().values())
    busy = {least: _seconds(spans, least) / wall for least in (1, 2)}
    shares = {"two": busy[2], "one": busy[1] - busy[2], "none": 1 - busy[1]}
    shares["two episodes at once"] = _seconds(list(_by_episode(watch)), 2) / wall
    return {"seconds": round(wall, 1), **{name: round(each, 3) for name, each in shares.items()}}


def _season(count: int, *, early: bool) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="voicecast-bench-") as name:
        episodes = [_episode(Path(name), number) for number in range(count)]
        played = {**dict.fromkeys(STAGES, "stub"), "separate": "separator"}
        watch, wall = _prepared(Path(name), episodes, played, early=early)
    separating = watch.spans("separate")
    first, last = min(start for start, _ in separating.values()), max(end for _, end in separating.values())
    return {
        "seconds": round(wall, 1),
        "separator at work": round(_seconds(list(separating.values()), 1) / (last - first), 3),
        "two episodes at once": round(_seconds(list(_by_episode(watch)), 2) / wall, 3),
    }


def _episode(folder: Path, number: int) -> Episode:
    key = f"s01e{number:02d}"
    path = folder / f"{key}.mkv"
    script = {"title": key, "duration": 20, "cast": ["A", "B"], "sleep_s": ELSE_S}
    path.write_text(json.dumps({"stub": script}), "utf-8")
    return Episode(key=key, file=str(path), sha256=sha256_of(path))


def _by_episode(watch: Watch) -> Iterator[tuple[float, float]]:
    """Stretches of each episode, none over another of the same one."""
    for key in {name.rsplit(" ", 1)[-1] for name in watch.began}:
        reached = 0.0
        for start, end in sorted(span for name, span in watch.spans().items() if name.endswith(key)):
            if end > reached:
                yield max(start, reached), end
                reached = end


def _seconds(spans: list[tuple[float, float]], least: int) -> float:
    """Seconds in which `least` spans or more run."""
    edges = sorted([(start, 1) for start, _ in spans] + [(end, -1) for _, end in spans])
    total, running, since = 0.0, 0, 0.0
    for at, change in edges:
        if running >= least:
            total += at - since
        running, since = running + change, at
    return total


if __name__ == "__main__":
    main()
