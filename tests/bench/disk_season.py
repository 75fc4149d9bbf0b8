"""What a season takes on disk, by kind and over time, for what the series file keeps.

    CASES=... python -m tests.bench.disk_season [--folder build/disk] [--episodes 12]

First a whole season with `keep: all`; what its own three episodes (season_small, or the demo's) take an hour, by kind,
and what is left of that when the other presets prune it. Then the same season with `keep: least`, two episodes at
once as before; and eight at once within a budget that has room for three. The store is looked at twice a second.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from infra.store import LocalStore
from tasks.episodes.footprint import KINDS, kind_of
from tests.bench.cost import material
from tests.bench.cost.processes import ROOT

SHOWN_MB = 1e6
ALLOWED_GB_PER_HOUR = {"all": 1.0, "reusable": 0.45, "least": 0.12}
"""What an hour of video may take once it is prepared, with half as much again for sound that is wider and louder."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.disk_season", description=__doc__)
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "disk")
    parser.add_argument("--episodes", type=int, default=12)
    chosen = parser.parse_args()
    folder = chosen.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    found = material.find(folder)
    plain = material.season(found, folder / "season", chosen.episodes)
    every = series(plain, "all")
    runs = {"all": prepared(every, folder / "all", at_once=2)}
    kinds = {"all": by_kind(folder / "all", len(found.episodes))}
    for keep in ("reusable", "least"):
        copy = folder / f"{keep}-of-all"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(folder / "all", copy, ignore=shutil.ignore_patterns(".work"))
        run(["gc", "--prune", "--yes", "--config", str(series(plain, keep)), "--store", str(copy)])
        run(["verify", "--config", str(series(plain, keep)), "--store", str(copy)])
        kinds[keep] = by_kind(copy, len(found.episodes))
    runs["least"] = prepared(series(plain, "least"), folder / "least", at_once=2)
    one = max(runs["all"]["end_mb"] / chosen.episodes * 1.3, 1.0)
    budget = round((runs["least"]["end_mb"] + 3 * one) / 1000, 4)
    within = series(plain, "least", f"disk_budget_gb: {budget}")
    runs[f"least, {budget * 1000:.0f} MB allowed"] = prepared(within, folder / "budget", at_once=8)
    over = [keep for keep, allowed in ALLOWED_GB_PER_HOUR.items() if kinds[keep]["all of it"] > allowed]
    said = {"source": found.source, "gb_per_hour": kinds, "allowed_gb_per_hour": ALLOWED_GB_PER_HOUR, "over": over}
    print(json.dumps(said | {"season": runs}, indent=1))


def series(plain: Path, keep: str, *more: str) -> Path:
    """The series file beside it that keeps so much."""
    target = plain.with_name(f"series-{keep}{'-within' if more else ''}.yaml")
    target.write_text("\n".join((plain.read_text("utf-8"), f"keep: {keep}", *more)) + "\n", "utf-8")
    return target


def run(command: list[str], **more: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-c", "import sys; from flows.cli.main import main; sys.exit(main(sys.argv[1:]))", *command]
    return subprocess.run(line, check=True, env=os.environ | more, capture_output=True, text=True)


def prepared(config: Path, store: Path, at_once: int) -> dict[str, Any]:
    """A fresh preparation: the most that lay in the store and on the disk beside it at a time, and in the end."""
    shutil.rmtree(store, ignore_errors=True)
    line = [sys.executable, "-c", "import sys; from flows.cli.main import main; sys.exit(main(sys.argv[1:]))"]
    command = [*line, "prepare", "--config", str(config), "--store", str(store)]
    began, cpu = time.monotonic(), os.times()
    with subprocess.Popen(
        command,
        env=os.environ | {"VOICECAST_EPISODES_AT_ONCE": str(at_once)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        peak = work = 0
        while process.poll() is None:
            peak, work = max(peak, held(store / "series")), max(work, held(store))
            time.sleep(0.5)
        if process.returncode:
            raise RuntimeError(process.stderr.read() if process.stderr else "prepare failed")
    spent = os.times()
    made = {
        "episodes_at_once": at_once,
        "peak_mb": round(max(peak, held(store / "series")) / SHOWN_MB, 1),
        "peak_with_work_mb": round(work / SHOWN_MB, 1),
        "end_mb": round(held(store / "series") / SHOWN_MB, 1),
        "seconds": round(time.monotonic() - began),
        "cpu_seconds": round(spent.children_user + spent.children_system - cpu.children_user - cpu.children_system),
    }
    print(store.name, json.dumps(made), file=sys.stderr, flush=True)
    return made


def held(folder: Path) -> int:
    """Bytes of the files below a folder that is being written to."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(path, name)).st_size
            except FileNotFoundError:
                continue
    return total


def by_kind(store: Path, episodes: int) -> dict[str, float]:
    """GB for an hour of video, of the first episodes, which nothing was changed in."""
    place = LocalStore(store)
    keys = sorted({key.rsplit("/", 1)[0] for key in place.keys("series") if key.endswith("/prepared.json")})[:episodes]
    hours = sum(json.loads(place.read(f"{key}/prepared.json"))["prepared"]["duration"] for key in keys) / 3600
    sizes = dict.fromkeys(KINDS, 0)
    for folder in keys:
        for key, size in place.sizes(folder).items():
            sizes[kind_of(key)] += size
    total = sum(sizes.values())
    return {kind: round(size / 1e9 / hours, 3) for kind, size in {**sizes, "all of it": total}.items()}


if __name__ == "__main__":
    main()
