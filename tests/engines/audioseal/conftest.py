"""Random weights of AudioSeal's own architecture, and a way to ask the engine as the contract does."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import soundfile

from containers.audioseal import backend
from containers.contract.item import Item, sha256_of
from containers.contract.stages import File, WatermarkRequest, WatermarkResult

ROOT = Path(__file__).resolve().parents[3]
MESSAGE = 0b1011_0010_1101_0110
Marked = tuple[np.ndarray, np.ndarray, WatermarkResult]
Mark = Callable[..., Marked]


def tiny() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tiny_audioseal", ROOT / "tests/contract/tiny/audioseal.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("weights")
    tiny().make(out / "ours")
    tiny().make(out / "loud", loudness=100.0)
    return out


@pytest.fixture
def weights(models: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VOICECAST_WEIGHTS", str(models))
    return models


@pytest.fixture
def mark(weights: Path, tmp_path: Path) -> Mark:
    """Mark a sound: its samples before and after, as the file's own integers or floats, and the result."""

    def marked(sound: np.ndarray, rate_hz: int, subtype: str, model: str = "ours", message: int = MESSAGE) -> Marked:
        item = tmp_path / f"item-{message}"
        (item / "in").mkdir(parents=True, exist_ok=True)
        path = item / "in" / "speech.wav"
        soundfile.write(path, sound, rate_hz, subtype)
        request = WatermarkRequest(speech=File(path="in/speech.wav", sha256=sha256_of(path)), message=message)
        result = backend.watermark(backend.setup(backend.Options(model=model)), request, Item(item))
        kind: Any = {"PCM_16": "int16", "PCM_24": "int32"}.get(subtype, "float32")
        before, after = (soundfile.read(each, dtype=kind) for each in (path, item / result.speech.path))
        about = soundfile.info(item / result.speech.path)
        assert (about.subtype, about.samplerate) == (subtype, rate_hz) == (about.subtype, before[1])
        return before[0], after[0], result

    return marked
