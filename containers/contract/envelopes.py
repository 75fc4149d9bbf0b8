"""What an item asks and what it came to, as files: request.json in; result.json's rules, and error.json out."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from .codec import canonical, decode, write_atomically
from .errors import EngineError, RequestError, StageError
from .item import Item
from .stages import CONTRACT, STAGES


def finished(folder: Path) -> bool:
    """Whether the item in a folder has its result or its error."""
    return (folder / "result.json").exists() or (folder / "error.json").exists()


def stage_of(item: Item) -> str:
    """The stage an item asks for; empty where that cannot be read, which `request_of` then says."""
    try:
        return str(json.loads((item.path / "request.json").read_text("utf-8"))["stage"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def request_of(item: Item, backend: Any) -> tuple[str, Any]:
    """The stage an item asks for and its request; RequestError says what is not of the agreed form."""
    try:
        envelope = json.loads((item.path / "request.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise RequestError(f"request.json cannot be read: {error}") from error
    if not isinstance(envelope, dict) or set(envelope) != {"contract", "stage", "request"}:
        raise RequestError("request.json must hold contract, stage and request, and nothing else")
    if envelope["contract"] != CONTRACT:
        raise RequestError(f"the request speaks contract {envelope['contract']!r}, this engine {CONTRACT}")
    stage = envelope["stage"]
    if stage not in STAGES or not hasattr(backend, stage):
        raise RequestError(f"{backend.version()} does not play the stage {stage!r}")
    return stage, decode(STAGES[stage].request, envelope["request"], stage)


def check_result(stage: str, result: Any, item: Item) -> None:
    """EngineError where a backend's answer is not of the stage's form, or names files that are not in out/."""
    wanted = STAGES[stage].result
    if not isinstance(result, wanted):
        raise EngineError(f"{stage} answered with {type(result).__name__} instead of {wanted.__name__}")
    for file in _files(result):
        if not file.path.startswith("out/") or not (item.path / file.path).is_file():
            raise EngineError(f"{stage} names {file.path}, which is no file in out/")


def _files(value: Any) -> list[Any]:
    if dataclasses.is_dataclass(value):
        if hasattr(value, "sha256"):
            return [value]
        return [file for each in dataclasses.fields(value) for file in _files(getattr(value, each.name))]
    if isinstance(value, tuple):
        return [file for each in value for file in _files(each)]
    return []


def write_error(folder: Path, error: StageError) -> None:
    write_atomically(
        folder / "error.json", canonical({"contract": CONTRACT, "kind": error.kind, "message": str(error)})
    )
