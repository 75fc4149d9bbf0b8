"""python -m tests.chaos --rounds 300 --seed 1 [--faults house engine ...] [--report FILE]"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.chaos import docked, faults
from tests.chaos.children import Loss
from tests.chaos.rounds import FAULTS, Round, cleared, play, undisturbed


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--rounds", type=int, default=24)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--episodes", type=int, default=1)
    parser.add_argument("--engine", choices=("stub", "light"), default="stub")
    parser.add_argument("--faults", nargs="+", choices=FAULTS, default=list(FAULTS))
    parser.add_argument("--report", type=Path, help="where the report goes, as JSON")
    options = parser.parse_args()
    lacking = {each: why for each in options.faults if (why := lacks(each, options.engine))}
    for each, why in lacking.items():
        print(f"without {each}: {why}", flush=True)
    kinds = [each for each in options.faults if each not in lacking]
    home = Path(tempfile.mkdtemp(prefix="chaos-"))
    truth = undisturbed(home / "undisturbed", options.episodes, options.engine)
    print(f"undisturbed: {truth.seconds:.1f} s, {truth.requests} requests, {truth.kilobytes} KiB", flush=True)
    rounds: list[Round] = []
    losses: list[str] = []
    for number in range(options.rounds):
        fault, seed = kinds[number % len(kinds)], options.seed * 100_000 + number
        folder = home / f"round-{number}"
        try:
            rounds.append(play(fault, seed, folder, truth, options.episodes))
        except Loss as loss:
            losses.append(f"{fault}, seed {seed}: {loss}")
            print(f"LOSS: {losses[-1]}", flush=True)
        else:
            cleared(folder)
        if options.report:
            options.report.write_text(json.dumps(summary(rounds, losses), indent=1) + "\n")
    print(json.dumps(summary(rounds, losses), indent=1))
    if not losses:
        cleared(home)
    return bool(losses)


def lacks(fault: str, engine: str) -> str:
    """Why a fault cannot be had here; "" if it can."""
    if engine != "stub" and fault in ("faketime", "bucket", "refusing", "links", "container"):
        return "on stub alone"
    if fault in ("disk", "readonly"):
        return "" if os.geteuid() == 0 else "its disk needs root"
    if fault == "faketime":
        return "" if faults.faketime() else "no libfaketime (Debian: apt-get install faketime)"
    if fault == "links":
        return "" if shutil.which("npm") else "a server whose links run out comes by npm"
    return docked.lacks() if fault == "container" else ""


def summary(rounds: list[Round], losses: list[str]) -> dict[str, object]:
    by_fault = Counter(each.fault for each in rounds)
    return {
        "rounds": len(rounds) + len(losses),
        "losses": losses,
        "faults": {
            fault: {
                "rounds": count,
                "struck": sum(each.struck for each in rounds if each.fault == fault),
                "in_flight": sum(each.in_flight for each in rounds if each.fault == fault),
                "redone": sum(each.redone for each in rounds if each.fault == fault),
            }
            for fault, count in by_fault.items()
        },
        "seconds": round(sum(each.seconds for each in rounds), 1),
    }


if __name__ == "__main__":
    sys.exit(main())
