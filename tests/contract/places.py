"""Where the contract's tests run engines, and how tiny weights are made there."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.engines import Engine
from infra.environments import installed
from infra.runners.process import ProcessRunner, lay_code
from infra.stage import Runner

TINY = Path(__file__).parent / "tiny"
"""A script for each engine with weights: it makes small random ones, in the form of the engine's own library."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A runner under test. `lacks`: why an engine cannot run there; `python`: runs a script with its libraries."""

    runner: Callable[[Path], Runner]
    lacks: Callable[[Engine], str | None]
    python: Callable[[Engine, Path, Path], None]


def tiny_weights(place: Place, engine: Engine, folder: Path) -> dict[str, Any]:
    """Make the engine's tiny weights in a folder; gives the options that go with them."""
    folder.mkdir(parents=True)
    script = TINY / f"{engine.name}.py"
    if not script.exists():
        return {}
    place.python(engine, script, folder)
    options = folder / "options.json"
    return dict(json.loads(options.read_text("utf-8"))) if options.exists() else {}


def _not_installed(engine: Engine) -> str | None:
    return None if installed(engine) else f"engine {engine.name} is not installed"


def _python_of_process(engine: Engine, script: Path, out: Path) -> None:
    code = lay_code(engine, out.parent / "code")
    subprocess.run(
        [str(engine.interpreter), str(script), str(out)],
        check=True,
        cwd=code,
        env={"PYTHONPATH": str(code), "PATH": "/usr/bin:/bin", "HOME": str(out.parent), "OMP_NUM_THREADS": "1"},
        timeout=280,
    )


PLACES = {"process": Place(runner=ProcessRunner, lacks=_not_installed, python=_python_of_process)}
