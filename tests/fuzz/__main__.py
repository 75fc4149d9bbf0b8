"""`python -m tests.fuzz --cases 300 --seed 1`: damaged files of every kind the house reads; counts as JSON.

Exit code 1 where anything failed: a traceback, a hang, a dead engine, or a refusal without words.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import warnings
from dataclasses import asdict
from pathlib import Path

from containers.light.media import ffmpeg
from tests.fuzz.media import fuzz_media, make_whole
from tests.fuzz.texts import fuzz, targets


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=300, help="damaged files of each kind")
    parser.add_argument("--media", type=int, help="damaged media files; default: as --cases")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    began, failures, counted = time.monotonic(), list[str](), {}
    with tempfile.TemporaryDirectory() as folder:
        for target in targets(Path(folder)):
            counts, failed = fuzz(target, Path(folder), given.cases, given.seed)
            counted[target.name], failures = asdict(counts), failures + failed
        whole = make_whole(Path(folder), str(ffmpeg()))
        counts, failed = fuzz_media(Path(folder), whole, given.media or given.cases, given.seed)
        counted["media, probe and extract"], failures = asdict(counts), failures + failed
    figures = {"seed": given.seed, "forms": sorted(whole), "counts": counted, "failures": failures}
    print(json.dumps(figures | {"seconds": round(time.monotonic() - began)}, indent=1, ensure_ascii=False))
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
