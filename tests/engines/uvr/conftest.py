"""Tiny models of each kind, and sounds to separate."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from containers.contract.item import Item, sha256_of
from containers.contract.stages import File, SeparateRequest, SeparateResult
from containers.uvr import backend, library

ROOT = Path(__file__).resolve().parents[3]
KINDS = ("mel", "bs", "mdx23c", "mdx", "vr")


@pytest.fixture(scope="session")
def tiny() -> ModuleType:
    """The module that makes tiny models."""
    library.start(1)
    spec = importlib.util.spec_from_file_location("tiny_uvr", ROOT / "tests/contract/tiny/uvr.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def models(tiny: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("weights")
    tiny.roformer(out / "mel")
    tiny.roformer(out / "bs", "bs")
    tiny.mdx23c(out / "mdx23c")
    tiny.mdx(out / "mdx")
    tiny.vr(out / "vr")
    return out


@pytest.fixture(autouse=True)
def weights(models: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("VOICECAST_WEIGHTS", str(models))
    return models


def noise(seconds: float, rate_hz: int = 44100, channels: int = 2, seed: int = 0) -> NDArray[np.float32]:
    """(channels, samples), about 20 dB below full scale."""
    rng = np.random.default_rng(seed)
    return (0.1 * rng.standard_normal((channels, round(seconds * rate_hz)))).astype(np.float32)


Separated = tuple[SeparateResult, NDArray[np.int64], NDArray[np.int64]]


@pytest.fixture
def separate(tmp_path: Path) -> Callable[..., Separated]:
    """Put a sound before the engine as the contract does: its result, vocals and background (samples, channels)."""

    def asked(
        sound: NDArray[np.float32], rate_hz: int = 44100, depth: int = 16, folder: str = "item", **options: Any
    ) -> Separated:
        path = tmp_path / folder
        (path / "in").mkdir(parents=True, exist_ok=True)
        soundfile.write(path / "in/recording.flac", sound.T, rate_hz, f"PCM_{depth}")
        file = File(path="in/recording.flac", sha256=sha256_of(path / "in/recording.flac"))
        model = backend.setup(backend.Options(**options, threads=1))
        result = backend.separate(model, SeparateRequest(recording=file, bit_depth=depth), Item(path))
        vocals, background = (
            soundfile.read(path / stem.path, dtype="int32", always_2d=True)[0].astype(np.int64) >> (32 - depth)
            for stem in (result.vocals, result.background)
        )
        return result, vocals, background

    return asked
