"""A watermark that an engine puts in: named in the file, found again by inspect, kept apart from the line itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.settings import SettingsError, settings
from tasks.speech.speaking import Line, speak
from tasks.trust import watermarking
from tasks.trust.provenance_found import inspect
from tests.unit.stub_studio import studio_at
from tests.unit.test_voices import voice


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[pytest.MonkeyPatch]:
    monkeypatch.setenv("VOICECAST_WATERMARK", "stub")
    settings.cache_clear()
    yield monkeypatch
    monkeypatch.undo()
    settings.cache_clear()


def test_an_engine_marks_a_line_is_named_in_it_and_finds_its_message_again(
    tmp_path: Path, chosen: pytest.MonkeyPatch
) -> None:
    studio = studio_at(tmp_path)
    voice(studio, tmp_path)
    spoken = speak(studio, Line(character="anna", text="はい"))
    path = tmp_path / "line.wav"
    path.write_bytes(studio.store.read(spoken.key))
    found = inspect(path)
    assert found.verdict == "marked"
    assert spoken.about["watermark"] == found.tags["watermark"] == found.credentials.claims["watermark"] == "stub 1"
    assert (found.watermark.checked, found.watermark.certainty) == ("stub 1", 1.0)
    assert found.watermark.our_bits == 16
    assert speak(studio, Line(character="anna", text="はい")).key == spoken.key, "and is not marked again"
    chosen.setenv("VOICECAST_WATERMARK", "off")
    settings.cache_clear()
    plain = speak(studio, Line(character="anna", text="はい"))
    assert plain.key != spoken.key
    assert plain.about["watermark"] == "off"
    assert inspect(path).watermark.checked is None, "nobody is asked who is neither chosen nor installed with weights"


def test_a_chosen_engine_that_is_not_installed_is_an_error_with_the_way_out(
    tmp_path: Path, chosen: pytest.MonkeyPatch
) -> None:
    chosen.setenv("VOICECAST_WATERMARK", "audioseal")
    chosen.setenv("VOICECAST_ENGINES_DIR", str(tmp_path))
    settings.cache_clear()
    sound = tmp_path / "line.wav"
    sound.write_bytes(b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x80\x3e\0\0\0\x7d\0\0\2\0\x10\0data\0\0\0\0")
    with pytest.raises(SettingsError, match="voicecast engines install audioseal"):
        inspect(sound)


def test_our_message_has_its_sixteen_bits_and_others_differ() -> None:
    assert watermarking.bits_of_ours(watermarking.MESSAGE) == 16
    assert watermarking.bits_of_ours(watermarking.MESSAGE ^ 0b101) == 14
