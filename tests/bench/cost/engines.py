"""The engines of full size beside their libraries, each by its own Python, where it is installed; random weights."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from infra.settings import settings
from tests.bench.cost.processes import ROOT

ENGINES = {
    "demucs": ("tests.bench.demucs_cost", "--seconds", "30"),
    "pyannote": ("tests.bench.pyannote_cost", "--seconds", "30"),
    "rvc": ("tests.bench.rvc_cost", "--minutes", "0.5"),
}


def python_of(name: str) -> Path:
    return settings().engines_dir.absolute() / name / "bin" / "python"


def engine_row(name: str) -> dict[str, Any]:
    """What its bench prints; why not, where it is not installed."""
    python = python_of(name)
    load = os.getloadavg()[0]
    if not python.exists():
        return {"not_measured": f"engine {name} is not installed here (voicecast engines install {name})"}
    said = subprocess.run(
        [str(python), "-m", *ENGINES[name]], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    figures: dict[str, Any] = json.loads(said[said.index("{") :])
    return {**figures, "load": (load, os.getloadavg()[0])}
