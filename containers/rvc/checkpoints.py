"""Checkpoints in an item's state: whole or not there, checked by hash, two at most.

A checkpoint is written beside the older ones under a name of its own, its hash after it; a file without the right
hash does not count. Two are kept, so that one that a lost machine has spoilt costs minutes and not the night.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import torch

from containers.contract.codec import write_atomically
from containers.contract.item import sha256_of

KEPT = 2
_LOG = logging.getLogger("voicecast.rvc")


def save(folder: Path, step: int, state: dict[str, Any]) -> None:
    """Keep the state after `step` steps, and of the older ones only the newest."""
    path = folder / f"checkpoint-{step:09}.pt"
    put(path, state)
    for old in _paths(folder)[:-KEPT]:
        drop(old)


def newest(folder: Path) -> Path | None:
    """The newest state that is whole; None if there is none. Damaged ones are dropped."""
    for path in reversed(_paths(folder)):
        if whole(path):
            return path
        _LOG.warning("%s is damaged; going on from the one before", path.name)
        drop(path)
    return None


def read(path: Path, device: torch.device) -> dict[str, Any]:
    state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    return state


def put(path: Path, state: dict[str, Any]) -> None:
    """Write a file of tensors that is whole or not there, its SHA-256 beside it."""
    partial = path.with_name(f".{path.name}.partial")
    with open(partial, "wb") as stream:
        torch.save(state, stream)
        stream.flush()
        os.fsync(stream.fileno())
    digest = sha256_of(partial)
    os.replace(partial, path)
    write_atomically(_hash_of(path), digest)


def whole(path: Path) -> bool:
    try:
        return _hash_of(path).read_text("ascii") == sha256_of(path)
    except (OSError, ValueError):
        return False


def drop(path: Path) -> None:
    _hash_of(path).unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def _hash_of(path: Path) -> Path:
    return path.with_suffix(".sha256")


def _paths(folder: Path) -> list[Path]:
    return sorted(folder.glob("checkpoint-*.pt"))
