"""What the image of an engine is called: by its content, so that no start is given an image of older code."""

from __future__ import annotations

import hashlib
from typing import Literal

from infra.engines import Engine
from infra.identity import code_hash
from infra.settings import HERE, settings

Variant = Literal["cpu", "cuda"]
HOUSE = "house"
ROOMS = ("flows", "tasks", "infra", "containers")


def image_of(engine: Engine, variant: Variant) -> str:
    """The name of the image that holds today's contract and this engine of today."""
    code = hashlib.sha256(f"{code_hash('contract')}{code_hash(engine.name)}".encode()).hexdigest()
    return f"{settings().images}/{engine.name}:{variant}-{code[:12]}"


def house_image() -> str:
    """The name of the image of today's house, in which deployments run flows."""
    digest = hashlib.sha256()
    for path in sorted(path for room in ROOMS for path in (HERE / room).rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(path.relative_to(HERE).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return f"{settings().images}/house:{digest.hexdigest()[:12]}"


def variant_of(gpus: tuple[str, ...]) -> Variant:
    """The variant that a start with these GPUs needs."""
    return "cuda" if gpus else "cpu"
