"""The share of a season that is not engine work: on stub, whose stages take milliseconds.

    python -m tests.bench.cost.orchestration EPISODES

A Prefect server of its own is running already, and slots are file locks, as in a local run. Scripted episodes of 24
minutes, eight people, about 300 clips each; prints JSON.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def orchestration(episodes: int) -> dict[str, Any]:
    """A season on stub: seconds, the share in which no engine ran, and CPU-seconds and memory of the flow's process."""
    os.environ["VOICECAST_SLOTS"] = "machine"
    from prefect.testing.utilities import prefect_test_harness

    from flows.season import finished, season
    from infra.runners.warm import WARM
    from tasks.opening import open_series

    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="voicecast-bench-") as folder, prefect_test_harness(180):
        tempfile.tempdir = folder  # slots are locks there: nobody else's runs take ours
        config = stub_series(Path(folder), episodes)
        with _engine_times() as busy:
            began, own, engines = time.monotonic(), time.process_time(), _used_by_engines()
            done = season(str(config), None, "auto")
            wall, own = time.monotonic() - began, time.process_time() - own
            WARM.end()
            engines = _used_by_engines() - engines
        assert done.episodes == episodes
        began = time.monotonic()
        assert finished(open_series(config), "auto")
        look = time.monotonic() - began
    engine = _union(busy)
    return {
        "episodes": episodes,
        "seconds": round(wall, 1),
        "seconds_an_episode": round(wall / episodes, 2),
        "cpu_seconds_an_episode": round(own / episodes, 3),
        "engine_cpu_seconds_an_episode": round(engines / episodes, 3),
        "engine_starts": len(busy),
        "share_without_an_engine": round(1 - engine / wall, 3),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "second_run_seconds": round(look, 2),
        "load": (load, os.getloadavg()[0]),
    }


def _used_by_engines() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def stub_series(folder: Path, episodes: int) -> Path:
    (folder / "episodes").mkdir()
    (folder / "refs").mkdir()
    cast = [f"person {i}" for i in range(8)]
    for number in range(1, episodes + 1):
        script = {"stub": {"title": f"episode {number}", "duration": 1440, "cast": cast}}
        (folder / "episodes" / f"Bench {number:03d}.mkv").write_text(json.dumps(script), "utf-8")
    lines = ["series: bench", "episodes: episodes", "language: ja", "characters:"]
    for i in range(5):
        (folder / "refs" / f"{i}.flac").write_text(json.dumps({"stub": {"person": cast[i]}}), "utf-8")
        lines.append(
            f"  c{i}: {{name: C{i}, references: refs/{i}.flac, rights: {{basis: stub, by: bench, date: 2026-11-22}}}}"
        )
    stages = ("extract", "fingerprint", "separate", "diarize", "embed", "cut", "clean", "train")
    lines.append("engines: {" + ", ".join(f"{stage}: stub" for stage in stages) + "}")
    config = folder / "series.yaml"
    config.write_text("\n".join(lines) + "\n", "utf-8")
    return config


@contextmanager
def _engine_times() -> Iterator[list[tuple[float, float]]]:
    """From when to when each start of an engine ran."""
    from infra.runners.process import ProcessRunner

    times: list[tuple[float, float]] = []
    run = ProcessRunner.run

    def timed(self: ProcessRunner, *arguments: Any) -> Any:
        began = time.monotonic()
        try:
            return run(self, *arguments)
        finally:
            times.append((began, time.monotonic()))

    ProcessRunner.run = timed  # type: ignore[method-assign]
    try:
        yield times
    finally:
        ProcessRunner.run = run  # type: ignore[method-assign]


def _union(spans: list[tuple[float, float]]) -> float:
    """Seconds in which at least one span runs."""
    total, reached = 0.0, 0.0
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


if __name__ == "__main__":
    print(json.dumps(orchestration(int(sys.argv[1]))))
