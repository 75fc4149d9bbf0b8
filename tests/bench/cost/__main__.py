"""Measure what the job costs: `make bench`, or parts of it by name.

    python -m tests.bench.cost [PART ...] [--full] [--folder build/bench] [--repeats N] [--fresh]

Without parts: those that give a first picture in about ten minutes on two idle cores; `--full`, which is
`make bench BENCH=full`: all, some hours. What was measured already is not measured again, so a bench that was broken
off goes on. Writes a file for each measurement, and results.json and index.html (the page) over all that are there.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.bench.cost import material, page, seasons
from tests.bench.cost.engines import ENGINES, engine_row, python_of
from tests.bench.cost.processes import ROOT, measured
from tests.bench.cost.results import Results, Run, with_cost

HOURS_3, EPISODE = 180.0, 24.0
WITH_TRAINING = 3
"""Episodes of the season that is measured with training as well."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """`quick`: of the first picture; `repeats` by default; `measure` gets results and repeats."""

    quick: bool
    repeats: int
    what: str
    measure: Callable[[Results, int], None]


def main() -> None:
    parts = _parts()
    names = "\n".join(f"  {name:20} {part.what}" for name, part in parts.items())
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.cost",
        description=f"{__doc__}\nParts:\n{names}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help="only these; `page`: only draw what is there")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "bench")
    parser.add_argument("--repeats", type=int)
    parser.add_argument("--fresh", action="store_true", help="measure again what was measured before")
    parser.add_argument("--figures", action="store_true", help="also write the cost rows of docs/figures.json")
    chosen = parser.parse_args()
    wanted = chosen.parts or [name for name, part in parts.items() if part.quick or chosen.full]
    unknown = sorted(set(wanted) - set(parts) - {"page"})
    if unknown:
        parser.error(f"no part {', '.join(unknown)}; there are: {', '.join(parts)}")
    os.chdir(ROOT)
    results = Results(chosen.folder.resolve())
    results.folder.mkdir(parents=True, exist_ok=True)
    for name in [each for each in wanted if each != "page"]:
        if chosen.fresh:
            shutil.rmtree(results.folder / "runs" / name, ignore_errors=True)
        parts[name].measure(results, chosen.repeats or parts[name].repeats)
    page.write(results)
    if chosen.figures:
        page.write_figures(results)
    print(f"{results.folder / 'index.html'}")


def _parts() -> dict[str, Part]:
    found = {
        "alone": Part(quick=True, repeats=2, what="each stage of light alone, 4 minutes", measure=_alone("alone", 4.0)),
        "season-3": Part(quick=True, repeats=2, what="3 episodes, and the plain script", measure=_season(3)),
        "orchestration-10": Part(quick=True, repeats=1, what="10 episodes on stub", measure=_stub(10)),
        "alone-24min": Part(quick=False, repeats=2, what="24 minutes", measure=_alone("alone-24min", EPISODE)),
        "alone-3h": Part(quick=False, repeats=1, what="3 hours", measure=_alone("alone-3h", HOURS_3, changed=False)),
        "season-24min": Part(quick=False, repeats=2, what="one episode of 24 minutes", measure=_long(EPISODE)),
        "season-12": Part(quick=False, repeats=2, what="12 episodes, and the plain script", measure=_season(12)),
        "season-42": Part(quick=False, repeats=1, what="42 episodes, an hour, and the script", measure=_season(42)),
        "season-126": Part(quick=False, repeats=1, what="126 episodes, and the plain script", measure=_season(126)),
        "season-demucs": Part(quick=False, repeats=1, what="2 sparse episodes separated by demucs", measure=_demucs),
        "orchestration-126": Part(quick=False, repeats=1, what="126 episodes on stub", measure=_stub(126)),
    }
    for name in ENGINES:
        what = f"engine {name} at full size, random weights, beside its library (where it is installed)"
        found[f"engine-{name}"] = Part(quick=False, repeats=2, what=what, measure=_engine(name))
    return found


def _material(results: Results) -> material.Material:
    return material.find(results.folder / "material")


def _alone(part: str, minutes: float, *, changed: bool = True) -> Callable[[Results, int], None]:
    def measure(results: Results, repeats: int) -> None:
        make = material.long_episode if changed else material.joined_episode
        config = make(_material(results), results.folder / f"material/{minutes:g}min", minutes)
        work = results.folder / "work" / part

        def once() -> Run:
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir(parents=True)
            command = [sys.executable, "-m", "tests.bench.cost.alone", str(config), str(work)]
            cost = measured(command, log=work / "log")
            rows = {}
            for line in (work / "log").read_text("utf-8").splitlines():
                rows |= json.loads(line) if line.startswith('{"') else {}
            shutil.rmtree(work)
            return with_cost(cost, stages=rows)

        for repeat in range(repeats):
            results.once(part, "light", repeat, once)

    return measure


def _season(count: int) -> Callable[[Results, int], None]:
    def measure(results: Results, repeats: int) -> None:
        config = material.season(_material(results), results.folder / f"material/season-{count}", count)
        ways = (*seasons.ways(), seasons.WHOLE) if count == WITH_TRAINING else seasons.ways()
        seasons.season(results, f"season-{count}", config, repeats, ways)

    return measure


def _long(minutes: float) -> Callable[[Results, int], None]:
    def measure(results: Results, repeats: int) -> None:
        config = material.long_episode(_material(results), results.folder / f"material/{minutes:g}min", minutes)
        seasons.season(results, f"season-{minutes:g}min", config, repeats, seasons.ways())

    return measure


def _demucs(results: Results, repeats: int) -> None:
    """Lasts a quarter of an hour, where demucs is installed."""
    python = python_of("demucs")
    if not python.exists():
        print("season-demucs: not measured, demucs is not installed here (voicecast engines install demucs)")
        return
    config = material.sparse(_material(results), results.folder / "material/sparse", 2)
    models = results.folder / "material/middle"
    if not (models / "hub").exists():
        subprocess.run([str(python), "-m", "tests.bench.cost.middle_model", str(models)], check=True)
    seasons.season(results, "season-demucs", config, repeats, seasons.ways(), models)


def _stub(count: int) -> Callable[[Results, int], None]:
    def measure(results: Results, repeats: int) -> None:
        log = results.folder / "orchestration.log"

        def once() -> Run:
            cost = measured([sys.executable, "-m", "tests.bench.cost.orchestration", str(count)], log=log)
            found: Run = json.loads(log.read_text("utf-8").splitlines()[-1])
            return {**found, "all_cpu_seconds_an_episode": round(cost.cpu_seconds / count, 3)}

        for repeat in range(repeats):
            results.once(f"orchestration-{count}", "stub", repeat, once)

    return measure


def _engine(name: str) -> Callable[[Results, int], None]:
    def measure(results: Results, repeats: int) -> None:
        for repeat in range(repeats):
            results.once(f"engine-{name}", name, repeat, lambda: engine_row(name))

    return measure


if __name__ == "__main__":
    main()
