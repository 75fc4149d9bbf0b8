"""What a container costs over a child process, for 1 and for 8 items a start: `python -m tests.bench.docker_cost`.

Overhead is what a start takes beyond its items' own seconds: the runner, the interpreter, the engine's libraries.
Runners take turns, so that both see the same machine; figures are medians.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

from infra.engines import Engine, engines
from infra.runners.docker import DockerRunner
from infra.runners.process import ProcessRunner
from infra.stage import Runner, Start
from tests.contract.material import make
from tests.contract.requests import Letter, letter

ITEMS = (1, 8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engines", nargs="*", default=["stub", "light"])
    parser.add_argument("--stage", default="extract")
    parser.add_argument("--times", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "material").mkdir()
        material = make(folder / "material")
        runners: dict[str, Runner] = {"process": ProcessRunner(folder), "docker": DockerRunner(folder)}
        print("| engine | items | process, s | docker, s | overhead of process, s | overhead of docker, s |")
        print("|---|---|---|---|---|---|")
        for engine in (engines()[each] for each in options.engines):
            for items in ITEMS:
                letters = [letter(options.stage, material)] * items
                rounds = [
                    [_timed(runner, engine, letters, folder / f"{engine.name}-{kind}-{items}-{i}")
                     for kind, runner in runners.items()]
                    for i in range(options.times + 1)
                ][1:]  # the first fills the caches of the disk  # fmt: skip
                cells = [
                    statistics.median(each[kind][what] for each in rounds)
                    for what in (0, 1)
                    for kind in range(len(runners))
                ]
                print(f"| {engine.name} | {items} | " + " | ".join(f"{cell:.2f}" for cell in cells) + " |", flush=True)


def _timed(runner: Runner, engine: Engine, letters: list[Letter], folder: Path) -> tuple[float, float]:
    """Seconds of a start, and those of them that are no item's."""
    for i, each in enumerate(letters):
        each.lay(folder / "items" / str(i))
    (folder / "cache").mkdir()
    start = Start(id="bench", engine=engine, workdir=folder, cache=folder / "cache", items=len(letters))
    began = time.perf_counter()
    ended = runner.run(start, lambda _: None)
    seconds = time.perf_counter() - began
    results = list(folder.glob("items/*/result.json"))
    if len(results) < len(letters):
        raise SystemExit(f"{engine.name}: {ended}")
    own = sum(json.loads(path.with_name("run.json").read_text("utf-8"))["seconds"] for path in results)
    return seconds, seconds - own


if __name__ == "__main__":
    main()
