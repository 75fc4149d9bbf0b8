"""Environments of engines on this machine: .engines/<name>, made from the engine's locked requirements.

torch comes first and by itself, because its build (CPU or CUDA) is the machine's and not the lock's.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from containers.contract.codec import canonical, write_atomically
from containers.contract.errors import EngineError
from infra.engines import Engine

MARKER = "installed.json"


def installed(engine: Engine) -> bool:
    """Whether a start by the process runner can be tried: the environment is whole and of today's lock."""
    if engine.environment == "house":
        return True
    try:
        said = json.loads((engine.environment_folder / MARKER).read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return bool(said.get("recipe") == recipe(engine)) and engine.interpreter.exists()


def recipe(engine: Engine) -> str:
    """Hash of what an environment is made from."""
    files = [engine.folder / "requirements.txt", engine.folder / "fit.py"]
    contents = [hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else "" for path in files]
    return hashlib.sha256(canonical([engine.python, engine.torch, contents]).encode()).hexdigest()


def install(engine: Engine, torch_index: str | None, say: Callable[[str], None]) -> None:
    """Make the engine's environment anew; `torch_index`: package index with the build of torch that is wanted.

    Raises EngineError with the step that failed, its last words and what to do.
    """
    if engine.environment == "house":
        return
    folder = engine.environment_folder
    with _alone(folder):
        shutil.rmtree(folder, ignore_errors=True)
        for name, command in _steps(engine, torch_index):
            say(name)
            _do(engine, name, command)
        (folder / MARKER).unlink(missing_ok=True)
        write_atomically(folder / MARKER, canonical({"recipe": recipe(engine)}))


def _steps(engine: Engine, torch_index: str | None) -> Iterator[tuple[str, list[str]]]:
    uv, folder, python = shutil.which("uv"), engine.environment_folder, str(engine.interpreter)
    pip = [uv, "pip", "install", "-q", "--python", python] if uv else [python, "-m", "pip", "install", "-q"]
    if uv:
        yield "environment", [uv, "venv", "-q", "--seed", "--python", _python(engine), str(folder)]
    else:
        yield "environment", [_python(engine), "-m", "venv", str(folder)]
    if engine.torch:
        index = ["--index-url", torch_index] if torch_index else []
        yield f"torch {engine.torch}", [*pip, *index, f"torch=={engine.torch}"]
    yield "packages", [*pip, "--no-deps", "--require-hashes", "-r", str(engine.folder / "requirements.txt")]
    if (engine.folder / "fit.py").exists():
        yield "fitting", [python, str(engine.folder / "fit.py")]


def _python(engine: Engine) -> str:
    if "{}.{}".format(*sys.version_info[:2]) == engine.python:
        return str(getattr(sys, "_base_executable", sys.executable))
    found = shutil.which(f"python{engine.python}")
    if found is None and shutil.which("uv") is None:
        raise EngineError(f"engine {engine.name} needs Python {engine.python}; install it, or uv, which brings it")
    return found or engine.python


def _do(engine: Engine, name: str, command: list[str]) -> None:
    environment = dict(os.environ)
    if "PIP_FIND_LINKS" in environment:
        environment.setdefault("UV_FIND_LINKS", environment["PIP_FIND_LINKS"])
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, env=environment
    )
    if done.returncode:
        last = "\n".join(done.stdout.strip().splitlines()[-12:])
        raise EngineError(
            f"engine {engine.name} could not be installed (step: {name}).\n{last}\n"
            f"Needed: a package index, and free space below {engine.environment_folder.parent}. "
            f"For another build of torch: --torch-index URL. Then: voicecast engines install {engine.name}"
        )


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.parent / f"{folder.name}.lock", "w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
