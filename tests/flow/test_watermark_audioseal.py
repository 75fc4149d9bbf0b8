"""From a line to its watermark and back, with the real engine on random weights of its own architecture."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from infra.engines import engines
from infra.environments import installed
from infra.settings import settings
from tasks.speech.speaking import Line, speak
from tasks.trust.provenance_found import inspect
from tests.contract.places import PLACES, tiny_weights
from tests.unit.stub_studio import studio_at
from tests.unit.test_voices import voice

AUDIOSEAL = engines()["audioseal"]
pytestmark = [
    pytest.mark.proof,
    pytest.mark.skipif(not installed(AUDIOSEAL), reason="voicecast engines install audioseal"),
]


def test_a_line_is_marked_by_the_installed_engine_and_inspect_asks_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio = studio_at(tmp_path)
    voice(studio, tmp_path)
    plain = speak(studio, Line(character="anna", text="はい"))
    tiny_weights(PLACES["process"], AUDIOSEAL, tmp_path / "weights")
    monkeypatch.setenv("VOICECAST_WATERMARK", "audioseal")
    monkeypatch.setenv("VOICECAST_WEIGHTS_DIR", str(tmp_path / "weights"))
    settings.cache_clear()
    try:
        spoken = speak(studio, Line(character="anna", text="はい"))
        path = tmp_path / "line.wav"
        path.write_bytes(studio.store.read(spoken.key))
        found = inspect(path)
    finally:
        monkeypatch.undo()
        settings.cache_clear()
    model = (tmp_path / "weights" / "audioseal-16bits" / "generator_base.pth").read_bytes()
    by = f"audioseal 0.2.0 (audioseal-16bits, generator_base.pth {hashlib.sha256(model).hexdigest()[:12]})"
    assert spoken.about["watermark"] == found.tags["watermark"] == found.credentials.claims["watermark"] == by
    assert found.verdict == "marked"
    assert "detector_base.pth" in found.watermark.checked
    assert 0 <= found.watermark.certainty <= 1
    assert 0 <= found.watermark.our_bits <= 16
    before, after = (
        soundfile.read(io.BytesIO(studio.store.read(each.key)), dtype="int16")[0].astype(np.float64)
        for each in (plain, spoken)
    )
    assert before.shape == after.shape
    assert 0 < ((after - before) ** 2).mean() < 0.06 * (before**2).mean()
