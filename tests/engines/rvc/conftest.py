"""A place with tiny weights and clips, where the engine can be asked as the contract asks it."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from containers.contract.item import Item, sha256_of
from containers.contract.stages import ConvertRequest, ConvertResult, File, TrainRequest, TrainResult
from containers.rvc import backend
from tests.contract.tiny.rvc import make
from tests.engines.rvc.made import glided

QUICK: dict[str, Any] = {"pretrained": "", "size": "tiny", "f0": "dio", "min_seconds": 1.0, "batch_size": 2}


@dataclass(frozen=True, kw_only=True)
class Place:
    """Items below `folder`; `clips` of one voice."""

    folder: Path
    clips: tuple[Path, ...]

    def item(self, name: str) -> Item:
        (self.folder / name / "in").mkdir(parents=True, exist_ok=True)
        return Item(self.folder / name)

    def sent(self, item: Item, *paths: Path) -> tuple[File, ...]:
        for path in paths:
            shutil.copyfile(path, item.path / "in" / path.name)
        return tuple(File(path=f"in/{path.name}", sha256=sha256_of(path)) for path in paths)

    def train(self, name: str, voice: tuple[Path, ...] = (), clips: int = 4, **options: Any) -> TrainResult:
        item = self.item(name)
        shutil.rmtree(item.path / "out", ignore_errors=True)
        model = backend.setup(backend.Options(content="content-vec-best", **{**QUICK, **options}))
        asked = TrainRequest(
            character="endou", clips=self.sent(item, *self.clips[:clips]), voice=self.sent(item, *voice)
        )
        return backend.train(model, asked, item)

    def convert(
        self, name: str, source: Path, voice: tuple[Path, ...], semitones: float | None = None, **options: Any
    ) -> ConvertResult:
        item = self.item(name)
        model = backend.setup(backend.Options(content="content-vec-best", **{**QUICK, **options}))
        (sound,) = self.sent(item, source)
        asked = ConvertRequest(source=sound, voice=self.sent(item, *voice), pitch_shift_semitones=semitones)
        return backend.convert(model, asked, item)

    def made(self, name: str) -> tuple[Path, ...]:
        """Files of the voice that the item of that name has made."""
        return tuple(sorted((self.folder / name / "out").iterdir()))

    def card(self, name: str) -> dict[str, Any]:
        return dict(json.loads((self.folder / name / "out" / "endou.json").read_text("utf-8")))

    def curve(self, name: str) -> dict[str, Any]:
        return dict(json.loads((self.folder / name / "out" / "endou.curve.json").read_text("utf-8")))


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("rvc")
    make(folder / "weights" / "content-vec-best")
    (folder / "clips").mkdir()
    clips = tuple(glided(folder / "clips" / f"{number}.wav", number, 1.0 + 0.3 * (number % 3)) for number in range(8))
    return Place(folder=folder, clips=clips)


@pytest.fixture(autouse=True)
def _machine(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICECAST_WEIGHTS", str(place.folder / "weights"))
    monkeypatch.setenv("VOICECAST_CACHE", str(place.folder / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
