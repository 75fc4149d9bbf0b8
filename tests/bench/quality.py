"""All quality benches on real audio, one after another: prints JSON and writes docs/figures.json, which the
report page shows. `CASES=... python -m tests.bench.quality` (about 8 minutes on 2 cores)
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

FIGURES = Path(__file__).parents[2] / "docs" / "figures.json"
COMMAND = "make bench-quality CASES=..."


def main() -> None:
    if "CASES" not in os.environ:
        print("skipped: set CASES to the folder of real audio")
        return
    found = {
        "separation": measured("separation_quality"),
        "season": measured("season_quality"),
        "diarization": measured("diarization_quality", "--separated"),
        "conversion": measured("conversion_quality"),
    }
    print(json.dumps(found, indent=1, ensure_ascii=False))
    rows = [{"name": name, "figure": figure, "command": COMMAND} for name, figure in figures(found)]
    rows += [row for row in json.loads(FIGURES.read_text("utf-8")) if row["command"] != COMMAND]
    FIGURES.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", "utf-8")


def measured(bench: str, *options: str) -> Any:
    command = [sys.executable, "-m", f"tests.bench.{bench}", *options]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def figures(found: dict[str, Any]) -> list[tuple[str, str]]:
    """(name, figure) of what a person should know before trusting the light engine."""
    season, ours, plain = found["season"], found["season"]["voicecast"], found["season"]["plain_script"]
    gains = " / ".join(f"+{each['gain_db']:.1f}" for each in found["separation"].values())
    probes = season["speaker_match"]
    converted = found["conversion"]["means"]
    return [
        ("Vocals, SI-SDR gain over the mix, dB, three episodes", gains),
        ("Diarization error, collar 0.25 s, three episodes", _rates(season["der"])),
        ("Diarization error with the cast size told", _rates(season["der_count_told"])),
        ("Seconds in the data sets that are the character's", _against(ours["purity"], plain["purity"])),
        ("Speech of the characters that ends in the data sets", _against(ours["yield"], plain["yield"])),
        (
            "Clips mainly of another person",
            f"{len(ours['clips_mainly_of_another'])} (plain script {len(plain['clips_mainly_of_another'])})",
        ),
        (
            "Walk-on under a character's name, s",
            f"{ours['walk_on_seconds']:.1f} (plain script {plain['walk_on_seconds']:.1f})",
        ),
        ("Known voices named right", f"{probes['right']} of {probes['known']}"),
        ("Strangers taken for a character", f"{probes['stranger_accepted']} of {probes['strangers']}"),
        *(
            (
                f"Conversion, {kind}: likeness before, after, best possible",
                f"{row['before']:.2f}, {row['after']:.2f}, {row['ceiling']:.2f}",
            )
            for kind, row in converted.items()
        ),
    ]


def _rates(rates: dict[str, float]) -> str:
    return " / ".join(f"{100 * rate:.1f} %" for rate in rates.values())


def _against(ours: float, plain: float) -> str:
    return f"{100 * ours:.1f} % (plain script {100 * plain:.1f} %)"


if __name__ == "__main__":
    main()
