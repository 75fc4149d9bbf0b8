"""The demo's series: made by a program of the light engine, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from containers.contract.errors import EngineError
from infra.settings import HERE

PROGRAM = "containers.light.demo_series"


def make_demo_series(folder: Path) -> Path:
    """Make the series in `folder`, unless it is there already; gives its series file."""
    config = folder / "series.yaml"
    if not config.exists():
        folder.mkdir(parents=True, exist_ok=True)
        made = subprocess.run(
            [sys.executable, "-m", PROGRAM, str(folder.absolute())],
            cwd=HERE,
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            raise EngineError(f"the demo series could not be made in {folder}: {made.stderr.strip()[-500:]}")
    return config
