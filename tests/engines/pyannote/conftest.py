"""What the tests of the pyannote engine share: tiny models in the library's format, and a short conversation.

Run by the engine's Python: make test-engines
"""

from __future__ import annotations

import containers.pyannote  # noqa: F401 (telemetry off, before the library is imported)

# isort: split
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from containers.contract.item import Item, sha256_of
from containers.contract.stages import File
from tests.contract.tiny import pyannote as tiny

torch.set_num_threads(1)  # two threads that wait for each other are slower on a busy machine

SECONDS = 10.0


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weights that the tests start from; who changes one takes a copy."""
    folder = tmp_path_factory.mktemp("weights")
    tiny.main(folder)
    tiny.version_3_1(folder / "speaker-diarization-3.1")
    return folder


@pytest.fixture
def weights(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A weights folder of the test's own, which the engine takes its weights from."""
    folder = tmp_path / "weights"
    shutil.copytree(made, folder)
    monkeypatch.setenv("VOICECAST_WEIGHTS", str(folder))
    return folder


@pytest.fixture(scope="session")
def samples() -> Any:
    """Two voices, one after the other and both at once: mono float32 at 16 kHz, as a 24-bit file keeps it."""
    return (np.round(tiny.conversation(SECONDS) * 2**23) / 2**23).astype(np.float32)


@pytest.fixture
def send(tmp_path: Path) -> Callable[..., tuple[Item, File]]:
    """An item with these samples as its only input."""

    def sent(sound: Any, rate_hz: int = 16000) -> tuple[Item, File]:
        folder = tmp_path / "items" / "item"
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "in").mkdir(parents=True)
        path = folder / "in" / "vocals.flac"
        soundfile.write(path, np.clip(sound, -1, 1), rate_hz, subtype="PCM_24")
        return Item(folder), File(path="in/vocals.flac", sha256=sha256_of(path))

    return sent
