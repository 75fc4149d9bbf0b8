"""All that is measured on a GPU, in one go: `python -m tests.bench.gpu --output FOLDER`.

Needs torch with CUDA and the wheels of demucs, pyannote and rvc in one Python, and no network. Each part is a process
of its own and may fail alone; its figures are in FOLDER/gpu.json as soon as it is done. Weights are random, of full
size, so nothing is said here about how well anything is heard.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

PARTS: dict[str, tuple[str, ...]] = {
    "separate": ("tests.bench.gpu_separate",),
    "diarize": ("tests.bench.gpu_diarize",),
    "train": ("tests.bench.rvc_gpu",),
    "convert": ("tests.bench.rvc_cost", "--minutes", "10", "--f0", "crepe"),
}
TINY: dict[str, tuple[str, ...]] = {
    "separate": ("--size", "tiny", "--minutes", "0.5"),
    "diarize": ("--size", "tiny", "--minutes", "0.2", "--files", "1"),
    "train": (
        "--size",
        "tiny",
        "--minutes",
        "0.3",
        "--heard-minutes",
        "0.3",
        "--epochs",
        "1",
        "--plain-steps",
        "2",
        "--f0",
        "dio",
    ),
    "convert": ("--size", "tiny", "--minutes", "0.2", "--f0", "dio"),
}
"""What shows on a CPU that it works, and no more."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=list(PARTS), help=f"of {', '.join(PARTS)}; all by default")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--profile", action="store_true", help="write tables of where the time goes, too")
    parser.add_argument("--limit", type=float, default=600.0, help="seconds that a part may take")
    given = parser.parse_args()
    given.output.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {}
    for part in given.parts:
        command = [*PARTS[part], *(TINY[part] if given.tiny else ())]
        if given.profile and part != "convert":
            command += ["--profile", str(given.output)]
        found[part] = figures_of(command, given.output / f"{part}.log", given.limit)
        if "x_realtime" in str(found.get("separate")) and "x_realtime" in str(found.get("diarize")):
            found["preparation"] = preparation(found)
        (given.output / "gpu.json").write_text(json.dumps(found, indent=1), "utf-8")
        print(part, json.dumps(found[part]), flush=True)
    print(json.dumps(found.get("preparation")))


def figures_of(command: list[str], log: Path, limit_s: float) -> Any:
    """The last line that a part prints, or how it ended."""
    began = time.monotonic()
    with log.open("w", encoding="utf-8") as errors:
        try:
            done = subprocess.run(
                [sys.executable, "-m", *command],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                timeout=limit_s,
                check=False,
                env=os.environ | {"HF_HUB_OFFLINE": "1"},
            )
        except subprocess.TimeoutExpired as error:
            said = (error.stdout or b"").decode("utf-8").splitlines()
            return {**json.loads(said[-1] if said else "{}"), "failed": f"not done in {limit_s:.0f} s"}
    if done.returncode:
        return {"failed": log.read_text("utf-8")[-1500:]}
    return {**json.loads(done.stdout.splitlines()[-1]), "whole_part_s": round(time.monotonic() - began, 1)}


def preparation(found: dict[str, Any]) -> dict[str, float]:
    """Separation and diarization one after the other on one GPU, each as fast as measured; aim: 60."""
    rows = [row for row in found["separate"].values() if isinstance(row, dict) and "sdr_change_db" in row]
    within = [row["x_realtime"] for row in rows if abs(row["sdr_change_db"]) <= 0.05]
    separate, diarize = max(within), found["diarize"]["engine"]["x_realtime"]
    library = [found["separate"]["library"]["x_realtime"], found["diarize"]["library"]["x_realtime"]]
    return {
        "engine_x_realtime": round(1 / (1 / separate + 1 / diarize), 1),
        "library_x_realtime": round(1 / sum(1 / each for each in library), 1),
    }


if __name__ == "__main__":
    main()
