"""From approved labels to voices, and how characters wait for each other: `python -m tests.bench.first_voice EPISODES`.

A season on stub, whose engines take milliseconds: what is left is the house's own time, which comes on top of a
trainer's. Times are those of the files in the store; prints JSON.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.bench.cost.orchestration import stub_series


def measured(episodes: int) -> dict[str, Any]:
    os.environ["VOICECAST_SLOTS"] = "machine"
    from prefect.testing.utilities import prefect_test_harness

    from flows.season import season

    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="voicecast-bench-") as folder, prefect_test_harness(180):
        tempfile.tempdir = folder  # slots are locks there: nobody else's runs take ours
        config, began, used = stub_series(Path(folder), episodes), time.time(), time.process_time()
        season(str(config), None, "auto")
        used = time.process_time() - used
        (approved,) = _times(folder, "cast/labels.json")
        data_sets, voices = _times(folder, "characters/*/manifest.jsonl"), _times(folder, "voices/*/current.json")
    return {
        "episodes": episodes,
        "characters": len(voices),
        "season_s": round(time.time() - began, 1),
        "labels_to_first_data_set_s": round(data_sets[0] - approved, 1),
        "labels_to_last_data_set_s": round(data_sets[-1] - approved, 1),
        "labels_to_first_voice_s": round(voices[0] - approved, 1),
        "labels_to_last_voice_s": round(voices[-1] - approved, 1),
        "cpu_seconds_of_the_flow": round(used, 1),
        "load": (round(load, 1), round(os.getloadavg()[0], 1)),
    }


def _times(folder: str, pattern: str) -> list[float]:
    return sorted(path.stat().st_mtime for path in Path(folder).rglob(pattern))


if __name__ == "__main__":
    print(json.dumps(measured(int(sys.argv[1]))))
