"""Sounds, items and the library's own answers; the tests here run in the engine's own environment."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest

collect_ignore_glob = [] if importlib.util.find_spec("demucs") else ["test_*.py"]


@pytest.fixture(scope="session")
def weights_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weights folder, with the tiny models, and the same ones in a cache of the hub beside it."""
    import torch

    from tests.engines.demucs import tiny

    torch.set_num_threads(1)
    torch.backends.cudnn.allow_tf32 = False  # on a GPU, float32 is compared to float32
    folder = tmp_path_factory.mktemp("models")
    tiny.make(folder / "weights")
    for name in ("htdemucs", "bag", "older", "hasty"):
        tiny.lay_hub(folder / "weights", name, folder / "hub")
    return folder / "weights"


@pytest.fixture(autouse=True)
def _weights(weights_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICECAST_WEIGHTS", str(weights_home))


@pytest.fixture
def library(weights_home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., object]:
    """`demucs.api.Separator` of a model, as the library itself loads it from the hub's cache; no shifts."""
    import demucs.api

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(weights_home.parent / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return lambda model, **more: demucs.api.Separator(model, shifts=0, **more)
