"""The port for watermarks, with a plug-in that is installed as any other: a package with an entry point."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.settings import settings
from tasks.speech.speaking import Line, speak
from tasks.trust.provenance_found import inspect
from tests.unit.stub_studio import studio_at
from tests.unit.test_voices import voice

PLUGIN = '''
import io, wave

class Loudest:
    """Sets the first sample to a value that nobody speaks: a mark to test with, and no watermark."""
    name = "loudest 1"
    def embed(self, wav):
        with wave.open(io.BytesIO(wav)) as sound:
            about, frames = sound.getparams(), bytearray(sound.readframes(sound.getnframes()))
        frames[:2] = (-32111).to_bytes(2, "little", signed=True)
        made = io.BytesIO()
        with wave.open(made, "wb") as sound:
            sound.setparams(about)
            sound.writeframes(bytes(frames))
        return made.getvalue()
    def detect(self, sound):
        return 1.0 if (-32111).to_bytes(2, "little", signed=True) in sound else 0.0
'''


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "loudest.py").write_text(PLUGIN)
    about = tmp_path / "loudest-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: loudest\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[voicecast.watermarks]\nloudest = loudest:Loudest\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("VOICECAST_WATERMARK", "loudest")
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()


def test_a_plug_in_marks_the_sound_is_named_in_the_file_and_looked_for(tmp_path: Path, installed: None) -> None:
    studio = studio_at(tmp_path)
    voice(studio, tmp_path)
    path = tmp_path / "line.wav"
    path.write_bytes(studio.store.read(speak(studio, Line(character="anna", text="はい")).key))
    found = inspect(path)
    assert found.verdict == "marked"
    assert found.tags["watermark"] == found.credentials.claims["watermark"] == "loudest 1"
    assert (found.watermark.checked, found.watermark.certainty) == ("loudest 1", 1.0)
