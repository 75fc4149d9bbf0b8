"""Weights that an engine's options name: folders that the runner mounts read-only."""

from __future__ import annotations

import os
from pathlib import Path

from .errors import EngineError, RequestError


def weights_folder() -> Path:
    """Where all weights lie."""
    return Path(os.environ.get("VOICECAST_WEIGHTS", "/weights"))


def weights(name: str) -> Path:
    """The folder of the weights of that name; EngineError, with the command that brings them, if they are not here."""
    if not name or name.startswith(".") or "/" in name or "\\" in name:
        raise RequestError(f"weights are named by a folder of the weights folder, not by {name!r}")
    folder = weights_folder() / name
    if not folder.is_dir():
        raise EngineError(f"weights {name} are not here; run: voicecast weights fetch {name}")
    return folder
