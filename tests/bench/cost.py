"""What the job costs: each stage on one long episode, and the share of a season that is not engine work.

`python -m tests.bench.cost` prints JSON. The long episode is 24 minutes, joined from the real
episodes that CASES names, or from the demo's. Orchestration is measured on stub, whose stages take
milliseconds, so that what is left is ours: 10 and 126 episodes, each in a fresh process with a
Prefect server of its own that is already running, and slots by file locks, as in a local run.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

MINUTES = 24.0
SIZES = (10, 126)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orchestrate", type=int, help="only a season of this many episodes on stub")
    parser.add_argument("--long", action="store_true", help="only the long episode")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="length of the long episode")
    chosen = parser.parse_args()
    if chosen.orchestrate:
        print(json.dumps(orchestration(chosen.orchestrate)))
        return
    figures: dict[str, Any] = {"long_episode": long_episode(chosen.minutes)}
    if not chosen.long:
        figures["orchestration"] = [_in_a_process(size) for size in SIZES]
    print(json.dumps(figures, indent=1, ensure_ascii=False))


# ---------------------------------------------------------------- one long episode


def long_episode(minutes: float) -> dict[str, Any]:
    """Seconds, CPU seconds, x realtime and peak memory of each stage on one episode."""
    from infra.slots import MachineSlots
    from tasks import orders
    from tasks.episodes import list_episodes
    from tasks.opening import open_series, with_engines

    with tempfile.TemporaryDirectory(prefix="voicecast-bench-") as folder:
        config, source = _long_series(Path(folder), minutes)
        studio = with_engines(open_series(config), MachineSlots(), lambda _: None)
        (episode,) = list_episodes(studio.series, studio.store)
        recording = studio.make(orders.extract(studio, episode))
        studio.make(orders.fingerprint(studio, episode, recording))
        stems = studio.make(orders.separate(studio, episode, recording))
        turns = studio.make(orders.diarize(studio, episode, stems))
        clips = studio.make(orders.cut(studio, episode, stems, turns))
        studio.make(orders.embed(studio, episode, stems, clips))
        duration = recording.result.duration
        home = studio.store.path(f"{orders.folder_of(studio, episode)}/stages/extract.json").parent
        runs = {path.name.split(".")[0]: json.loads(path.read_text("utf-8")) for path in home.glob("*.run.json")}
    stages = {
        stage: {
            "seconds": run["seconds"],
            "x_realtime": round(duration / run["seconds"], 1),
            "cpu_seconds": run["process_cpu_seconds"],
            "peak_memory_mb": run["peak_memory_mb"],
        }
        for stage, run in runs.items()
    }
    total = sum(run["seconds"] for run in runs.values())
    return {
        "source": source,
        "duration": duration,
        "stages": stages,
        "seconds": round(total, 1),
        "x_realtime": round(duration / total, 1),
    }


def _long_series(folder: Path, minutes: float) -> tuple[Path, str]:
    """A series of one long episode, joined from short ones without decoding them."""
    import imageio_ffmpeg

    source, episodes = _short_episodes(folder)
    (folder / "episodes").mkdir()
    lines, seconds = [], 0.0
    for path in cycle(episodes):
        if seconds >= minutes * 60:
            break
        lines.append(f"file '{path}'\n")
        seconds += _duration(path)
    (folder / "list.txt").write_text("".join(lines), "utf-8")
    joined = folder / "episodes" / "long S01E01.mkv"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "concat", "-safe", "0"]
    subprocess.run([*command, "-i", folder / "list.txt", "-c", "copy", joined], check=True)
    config = folder / "series.yaml"
    config.write_text("series: long\nepisodes: episodes\nlanguage: en\ncharacters: {a: {name: A}}\n", "utf-8")
    return config, source


def _short_episodes(folder: Path) -> tuple[str, list[Path]]:
    cases = os.environ.get("CASES")
    if cases:
        return "season_small of the cases", sorted((Path(cases) / "season_small" / "episodes").glob("*.mkv"))
    from infra.demo_series import make_demo_series

    make_demo_series(folder / "demo")
    return "the demo series", sorted((folder / "demo" / "episodes").glob("*.mkv"))


def _duration(path: Path) -> float:
    import av

    with av.open(str(path)) as container:
        return float(container.duration or 0) / 1_000_000


# ---------------------------------------------------------------- orchestration


def _in_a_process(episodes: int) -> Any:
    command = [sys.executable, "-m", "tests.bench.cost", "--orchestrate", str(episodes)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def orchestration(episodes: int) -> dict[str, Any]:
    """A season on stub: seconds, the share in which no engine ran, and the flow process's peak memory."""
    os.environ["VOICECAST_SLOTS"] = "machine"
    from prefect.testing.utilities import prefect_test_harness

    from flows.season import finished, season
    from tasks.opening import open_series

    with tempfile.TemporaryDirectory(prefix="voicecast-bench-") as folder, prefect_test_harness(180):
        config = stub_series(Path(folder), episodes)
        with _engine_times() as busy:
            began = time.monotonic()
            done = season(str(config), None, "auto")
            wall = time.monotonic() - began
        assert done.episodes == episodes
        began = time.monotonic()
        assert finished(open_series(config), "auto")
        look = time.monotonic() - began
    engine = _union(busy)
    return {
        "episodes": episodes,
        "seconds": round(wall, 1),
        "seconds_an_episode": round(wall / episodes, 2),
        "engine_starts": len(busy),
        "share_without_an_engine": round(1 - engine / wall, 3),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "second_run_seconds": round(look, 2),
    }


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
    main()
