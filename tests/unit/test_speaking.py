"""Speech: one line in, a sound file that says it is synthetic, and tells what of."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile

from tasks.speech.speaking import Line, NothingToSay, Spoken, in_form, speak
from tasks.studio import Studio
from tasks.trust.provenance_found import inspect
from tests.unit.stub_studio import episode_at, looking, studio_at
from tests.unit.test_voices import voice


@pytest.mark.parametrize(
    "said", [{}, {"text": "  "}, {"text": "はい", "audio": Path("a.wav")}], ids=["nothing", "blank", "both"]
)
def test_a_line_is_a_text_or_a_recording(said: dict[str, object]) -> None:
    with pytest.raises(NothingToSay, match=r"either a text .* or a recording"):
        Line(character="anna", **said)


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    """A studio with anna's voice."""
    folder = tmp_path_factory.mktemp("speaking")
    made = studio_at(folder)
    voice(made, folder)
    return made


def test_a_spoken_line_says_what_it_is_in_the_file_and_beside_it(studio: Studio) -> None:
    line = Line(character="anna", text="必殺技、ゴッドハンド！")
    spoken = speak(studio, line)
    data = studio.store.read(spoken.key)
    assert "Synthetic speech in the voice of アンナ (anna)".encode() in data
    assert spoken.about["synthetic"] is True
    assert spoken.about["source"]["text"] == "必殺技、ゴッドハンド！"
    assert spoken.about["rights"]["by"] == "the tests"
    assert soundfile.info(io.BytesIO(data)).frames > 0
    (studio.store.work / "line.wav").write_bytes(data)
    found = inspect(studio.store.work / "line.wav")
    assert (found.verdict, found.tags) == ("marked", found.credentials.claims)
    assert found.tags["text_sha256"] == hashlib.sha256(line.text.encode()).hexdigest()
    assert (found.tags["voice"], found.tags["time"]) == (spoken.about["voice"]["version"], spoken.about["time"])
    assert speak(looking(studio), line) == spoken


def test_a_voice_speaks_by_the_engine_that_made_it_though_the_series_says_so_of_training_alone(studio: Studio) -> None:
    engines = {**studio.series.engines, "convert": "light"}
    other = replace(studio, series=studio.series.model_copy(update={"engines": engines}))
    assert speak(other, Line(character="anna", text="はい")).about["engine"].startswith("stub ")


@pytest.mark.parametrize("suffix", [".flac", ".mp3"])
def test_a_line_in_another_form_is_marked_as_well(tmp_path: Path, suffix: str) -> None:
    """With the light engine, since the stub's MP3 is none."""
    wav = tmp_path / "light.wav"
    soundfile.write(wav, [0.1, -0.1] * 8000, 16000)
    made = studio_at(tmp_path, engines={"preview": "light"})
    stated = {"series": "toy", "character": "anna", "name": "アンナ", "voice": {"version": "1"}, "engine": "stub 1"}
    made.store.write("line.wav", wav.read_bytes())
    spoken = Spoken(key="line.wav", about={**stated, "source": {"text": "はい"}, "time": "2026-11-26T00:00:00Z"})
    path = tmp_path / f"line{suffix}"
    path.write_bytes(in_form(made, spoken, suffix))
    found = inspect(path)
    assert (found.verdict, found.kind, found.tags["character"]) == ("marked", suffix[1:], "anna")
    assert soundfile.info(path).frames >= 16000
    with pytest.raises(NothingToSay, match="speech is written as"):
        in_form(made, spoken, ".ogg")


def test_a_recording_is_said_again_and_named_by_its_hash(studio: Studio, tmp_path: Path) -> None:
    given = episode_at(tmp_path, "[red] line", person="B")
    spoken = speak(studio, Line(character="anna", audio=Path(given.file), pitch_shift=2.5))
    assert spoken.about["source"]["recording_sha256"] == given.sha256
    assert spoken.about["pitch_shift_semitones"] == 2.5
