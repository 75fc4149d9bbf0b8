"""python -m tests.chaos.on_server --kill worker --rounds 20 --seed 1 [--database postgresql] [--report FILE]

Waves of seasons on a Prefect server until so many kills have struck one under way.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from tests.chaos.children import Loss
from tests.chaos.rounds import cleared
from tests.chaos.served import Served, served
from tests.chaos.waves import KILLS, MOST_KILLS, Truths, Wave, left_running, play, undisturbed


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.on_server", description=__doc__)
    parser.add_argument("--kill", nargs="+", choices=KILLS, default=["worker", "server"])
    parser.add_argument("--rounds", type=int, default=20, help="kills of each kind that strike a season under way")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seasons", type=int, default=4, help="seasons of a wave")
    parser.add_argument("--episodes", type=int, default=2)
    parser.add_argument("--most-kills", type=int, default=MOST_KILLS, help="of a server or database in one wave")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--truth", type=Path, help="where undisturbed seasons are kept from one call to the next")
    parser.add_argument("--report", type=Path, help="where the report goes, as JSON")
    options = parser.parse_args()
    if "database" in options.kill and options.database == "sqlite":
        parser.error("SQLite lives in the server's process: --kill server kills both; or --database postgresql")
    home = Path(tempfile.mkdtemp(prefix="chaos-"))
    waves: list[Wave] = []
    losses: list[str] = []
    with served(home / "served", options.database) as there:
        truths = _truths(options.truth) or undisturbed(there, home / "undisturbed", options.episodes)
        if options.truth:
            options.truth.write_text(json.dumps({str(int(asks)): each for asks, each in truths.items()}))
        print(f"undisturbed: {[len(each) for each in truths.values()]} files, in {home}", flush=True)
        for kind in options.kill:
            seed = options.seed * 1000
            while sum(each.struck for each in waves if each.kind == kind) < options.rounds and not losses:
                seed += 1
                folder = home / f"{kind}-{seed}"
                try:
                    how = (options.seasons, options.episodes, options.most_kills)
                    waves.append(play(there, kind, seed, folder, truths, *how))
                    print(json.dumps(asdict(waves[-1])), flush=True)
                    cleared(folder)
                except Loss as loss:
                    losses.append(f"{kind}, seed {seed}: {loss}")
                    print(f"LOSS: {losses[-1]}", flush=True)
                if options.report:
                    options.report.write_text(json.dumps(summary(there, waves, losses), indent=1) + "\n")
        before = left_running(there)
        there.deployed("revive")
        report = {**summary(there, waves, losses), "left_running_before_revive": before}
        print(json.dumps(report, indent=1))
        if options.report:
            options.report.write_text(json.dumps(report, indent=1) + "\n")
    if not losses:
        cleared(home)
    return bool(losses)


def _truths(path: Path | None) -> Truths:
    said = json.loads(path.read_text()) if path and path.exists() else {}
    return {asks == "1": each for asks, each in said.items()}


def summary(there: Served, waves: list[Wave], losses: list[str]) -> dict[str, object]:
    counted = ("kills", "struck", "seasons", "asked", "in_flight", "redone", "by_hand")
    return {
        "database": there.kind,
        "losses": losses,
        "kills": {
            kind: {
                "waves": len(ours := [each for each in waves if each.kind == kind]),
                **{name: sum(getattr(each, name) for each in ours) for name in counted},
            }
            for kind in dict.fromkeys(each.kind for each in waves)
        },
        "failures": sorted({why for each in waves for why in each.failures}),
        "left_running": left_running(there),
        "seconds": round(sum(each.seconds for each in waves), 1),
    }


if __name__ == "__main__":
    sys.exit(main())
