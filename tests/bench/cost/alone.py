"""Each stage of light alone: a start of the engine for one item, after another.

    python -m tests.bench.cost.alone CONFIG FOLDER

CONFIG names a series of one episode. Prints a line of JSON a stage. Seconds and CPU-seconds count from the start of the
process to its end, its programs' (FFmpeg) too.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from infra.dispatch import Dispatcher
from infra.runners.process import ProcessRunner
from infra.slots import MachineSlots
from infra.stage import Exit, Start
from tasks import orders
from tasks.domain import Episode
from tasks.episodes.episodes import list_episodes
from tasks.opening import open_series
from tasks.studio import Made, Order, Studio

CLEANED = 64
"""Clips in the item of clean; train takes those of one speaker."""


class Timed:
    """A runner that notes what each start took."""

    remote = False
    in_place = False

    def __init__(self, runner: ProcessRunner) -> None:
        self._runner = runner
        self.seconds = self.cpu_seconds = 0.0

    def run(self, start: Start, heard: Callable[[str], None]) -> Exit:
        before, began = _used(), time.monotonic()
        try:
            return self._runner.run(start, heard)
        finally:
            self.seconds, self.cpu_seconds = time.monotonic() - began, _used() - before


def _used() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main(config: Path, folder: Path) -> None:
    series = open_series(config, str(folder / "store"))
    timed = Timed(ProcessRunner(series.store.work))
    dispatcher = Dispatcher(series.store.work, {"process": timed}, MachineSlots(folder), lambda _: None)
    studio = Studio(series=series.series, store=series.store, dispatcher=dispatcher)
    (episode,) = list_episodes(studio.series, studio.store)
    for name, order, sound_seconds in _stages(studio, episode):
        run = studio.store.path(order.record_key.replace(".json", ".run.json"))
        peak = json.loads(run.read_text("utf-8"))["peak_memory_mb"]
        row = {
            "sound_seconds": round(sound_seconds, 1),
            "seconds": round(timed.seconds, 2),
            "cpu_seconds": round(timed.cpu_seconds, 2),
            "peak_memory_mb": peak,
        }
        print(json.dumps({name: row}), flush=True)


def _stages(studio: Studio, episode: Episode) -> Iterator[tuple[str, Order[Any], float]]:
    """Name, order and seconds of sound of each stage, once it is made."""

    def make(order: Order[Any]) -> Made[Any]:
        last.append(order)
        return studio.make(order)

    last: list[Order[Any]] = []
    recording = make(orders.extract(studio, episode))
    seconds = recording.result.duration
    yield "extract", last[-1], seconds
    make(orders.fingerprint(studio, episode, recording))
    yield "fingerprint", last[-1], seconds
    stems = make(orders.separate(studio, episode, recording))
    yield "separate", last[-1], seconds
    turns = make(orders.diarize(studio, episode, stems))
    yield "diarize", last[-1], seconds
    cut = make(orders.cut(studio, episode, stems, turns))
    yield "cut", last[-1], seconds
    make(orders.embed(studio, episode, stems, cut))
    yield "embed", last[-1], seconds
    vocals, background = (stems.stored(each) for each in (stems.result.vocals, stems.result.background))
    make(orders.survey(studio, episode.key, vocals, background))
    yield "survey", last[-1], seconds
    make(orders.preview(studio, episode.key, (orders.Shown(file=recording.stored(recording.result.recording)),)))
    yield "preview", last[-1], seconds
    first = cut.result.clips[:CLEANED]
    who = next(iter(studio.series.characters))
    cleaned = make(orders.clean(studio, who, "bench", {f"{n:04d}": cut.stored(c.file) for n, c in enumerate(first)}))
    yield "clean", last[-1], sum(clip.end - clip.start for clip in first)
    voice = tuple(cleaned.stored(clip.file) for clip in cleaned.result.clips)
    make(orders.train(studio, who, voice))
    yield "train", last[-1], sum(clip.duration for clip in cleaned.result.clips)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
