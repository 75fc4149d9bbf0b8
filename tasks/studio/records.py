"""Records of stages in the store: the identity, the result and the files of what was made, released ones too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from containers.contract.codec import decode, encode
from tasks.studio.order import Made, Order, R, Stored

RELEASED = "released"
"""Field of a record some of whose files were removed on purpose: these, as they were."""
STANDS_ON_THEM = "prepared.json"
"""What says, in the folder of an order, that all that was made from its files counts."""


def files_of_record(record: Mapping[str, Any]) -> dict[str, Stored]:
    """The files of a stage's record by their path in `out/`, released ones too."""
    return {path: Stored(**each) for path, each in {**record["files"], **record.get(RELEASED, {})}.items()}


def made_of(order: Order[R], record: dict[str, Any], files: Mapping[str, Stored], *, found: bool) -> Made[R]:
    """What a record says was made, as a value."""
    result: R = decode(order.result, json.loads(json.dumps(encode(record["result"]))))
    gone = frozenset(record.get(RELEASED, {}))
    return Made(
        result=result, engine=record["engine"], identity=record["identity"], files=files, found=found, gone=gone
    )


def files_of(value: Any) -> set[tuple[str, str]]:
    """(path, sha256) of every file that a result names."""
    if isinstance(value, dict):
        if set(value) == {"path", "sha256"}:
            return {(value["path"], value["sha256"])}
        return {file for each in value.values() for file in files_of(each)}
    if isinstance(value, list):
        return {file for each in value for file in files_of(each)}
    return set()


def place_of(keep: Mapping[str, str], path: str) -> str:
    """Where below an order's folder a file of `out/` goes."""
    if path in keep:
        return keep[path]
    for prefix, target in keep.items():
        if prefix.endswith("/") and path.startswith(prefix):
            return target + path.removeprefix(prefix)
    raise KeyError(f"nobody said where {path} is kept")
