"""Tiny weights, sung clips, and a way to ask the engine as the contract does."""

from __future__ import annotations

import importlib.util
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from containers.contract.item import Item, sha256_of
from containers.contract.stages import ConvertRequest, ConvertResult, File, TrainRequest, TrainResult
from containers.sovits import backend

os.environ["PYTORCH_JIT"] = "0"  # as the engine sets it before it imports torch, which these tests do themselves
ROOT = Path(__file__).resolve().parents[3]


def _tiny() -> Any:
    spec = importlib.util.spec_from_file_location("tiny_sovits", ROOT / "tests/contract/tiny/sovits.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Studio:
    """Asks the engine in a folder of its own; options are those of the contract's tests, in one epoch of one step."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.weights = folder, folder / "weights"
        backend.setup(self.options())  # sets what torch reads when it is imported
        _tiny().main(self.weights)

    def options(self, **given: Any) -> backend.Options:
        return backend.Options(
            **{**_tiny().OPTIONS, "content": "content-vec-best", "batch_size": 8, "threads": 1, **given}
        )

    def item(self, name: str, files: tuple[Path, ...]) -> tuple[Item, tuple[File, ...]]:
        item = Item(self.folder / name)
        (item.path / "in").mkdir(parents=True, exist_ok=True)
        for path in files:
            (item.path / "in" / path.name).write_bytes(path.read_bytes())
        return item, tuple(File(path=f"in/{path.name}", sha256=sha256_of(path)) for path in files)

    def train(self, name: str, clips: tuple[Path, ...], voice: tuple[Path, ...] = (), **given: Any) -> TrainResult:
        item, files = self.item(name, clips + voice)
        request = TrainRequest(character="endou", clips=files[: len(clips)], voice=files[len(clips) :])
        return backend.train(backend.setup(self.options(**given)), request, item)

    def convert(self, name: str, source: Path, voice: tuple[Path, ...], **given: Any) -> ConvertResult:
        item, files = self.item(name, (source, *voice))
        request = ConvertRequest(source=files[0], voice=files[1:])
        return backend.convert(backend.setup(self.options(**given)), request, item)

    def out(self, name: str) -> tuple[Path, ...]:
        return tuple(sorted((self.folder / name / "out").iterdir()))


def sung(path: Path, seconds: float, f0_hz: float) -> Path:
    """A voice-like tone that wavers, 44.1 kHz mono."""
    time = np.arange(round(44100 * seconds)) / 44100
    phase = 2 * np.pi * np.cumsum(f0_hz * (1 + 0.05 * np.sin(2 * np.pi * 0.7 * time))) / 44100
    sound = sum(np.sin(number * phase) / number for number in range(1, 20)) * (0.6 + 0.4 * np.sin(19 * time))
    noise = np.random.default_rng(round(f0_hz)).standard_normal(len(time))
    soundfile.write(path, 0.2 * sound + 0.002 * noise, 44100, subtype="PCM_16")
    return path


@pytest.fixture(scope="session")
def session_patch() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory, session_patch: pytest.MonkeyPatch) -> Studio:
    """The network is out of reach all the time."""
    folder = tmp_path_factory.mktemp("sovits")
    session_patch.setenv("VOICECAST_WEIGHTS", str(folder / "weights"))
    session_patch.setenv("VOICECAST_CACHE", str(folder / "cache"))

    connect = socket.socket.connect

    def local_only(self: socket.socket, address: Any) -> None:
        assert self.family == socket.AF_UNIX, f"the engine asked for the network: {address}"
        connect(self, address)

    session_patch.setattr(socket.socket, "connect", local_only)
    return Studio(folder)


@pytest.fixture(scope="session")
def clips(studio: Studio) -> tuple[Path, ...]:
    """Two clips, 11 s in all; none is held out of so few."""
    return tuple(sung(studio.folder / f"clip_{index}.wav", 5.5, 230 + 20 * index) for index in range(2))


@pytest.fixture(scope="session")
def source(studio: Studio) -> Path:
    return sung(studio.folder / "source.wav", 1.5, 120)


@pytest.fixture(scope="session")
def trained(studio: Studio, clips: tuple[Path, ...]) -> TrainResult:
    """What a training of two epochs came to; its files lie in `studio.out("trained")`."""
    return studio.train("trained", clips, epochs=2)
