"""What makes an engine this engine, a result this result, a decision this decision: known without starting anything."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from containers.contract.codec import canonical
from containers.contract.stages import CONTRACT
from infra.engines import CONTAINERS, Engine
from infra.weights import digest


def identity(engine: Engine, stage: str, request: Any, options: dict[str, Any]) -> str:
    """What makes a result this result: engine code and locks, options that matter, the request's hashes."""
    parts = {
        "contract": CONTRACT,
        "stage": stage,
        "request": request,
        **makers(engine, options, stage),
    }
    return hashlib.sha256(canonical(parts).encode()).hexdigest()


def makers(engine: Engine, options: dict[str, Any], stage: str = "") -> dict[str, Any]:
    """What of an engine shows in its results: code and locks, options that matter, weights by their content.

    Of a stage with a `revision` that, the lock and torch stand for the code.
    """
    telling = engine.telling(engine.options(options), stage)
    return {
        "engine": engine.name,
        "code": revised(engine, stage) if stage in engine.revision else code_hash(engine.name),
        "options": telling,
        "weights": {name: digest(name) for name in engine.weights_named(telling)},
    }


def revised(engine: Engine, stage: str) -> dict[str, Any]:
    """What stands for the code of a stage whose results outlive edits until its revision is counted up."""
    lock = hashlib.sha256((CONTAINERS / engine.name / "requirements.txt").read_bytes()).hexdigest()
    return {"revision": engine.revision[stage], "lock": lock, "torch": engine.torch}


@cache
def code_hash(name: str) -> str:
    """Hash of an engine's folder: its code, locked requirements and Dockerfile, not its prose."""
    digest = hashlib.sha256()
    for path in code_files(name):
        digest.update(path.relative_to(CONTAINERS).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def code_files(name: str) -> list[Path]:
    """The files that make an engine, in order."""
    kinds = {".py", ".txt", ".toml", ".json"}
    found = (CONTAINERS / name).rglob("*")
    return sorted(
        path
        for path in found
        if path.is_file() and "__pycache__" not in path.parts and (path.suffix in kinds or path.name == "Dockerfile")
    )


def hash_of_code(*modules: ModuleType) -> str:
    """Hash of modules that decide, for the identity of what they decided."""
    digest = hashlib.sha256()
    for module in modules:
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()
