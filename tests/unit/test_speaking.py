"""Speech: one line in, a sound file that says it is synthetic, and whose sound the mark leaves alone."""

from __future__ import annotations

import io
import struct
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tasks.speaking import Line, NothingToSay, marked, speak
from tasks.studio import Studio
from tests.unit.stub_studio import episode_at, looking, studio_at
from tests.unit.test_voices import voice


def wav(samples: np.ndarray, subtype: str) -> bytes:
    stream = io.BytesIO()
    soundfile.write(stream, samples, 44100, format="WAV", subtype=subtype)
    return stream.getvalue()


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "FLOAT"])
@pytest.mark.parametrize("count", [0, 1, 1001])
def test_a_mark_leaves_the_samples_untouched(subtype: str, count: int) -> None:
    before = wav(np.linspace(-0.5, 0.5, count), subtype)
    after = marked(before, "声は合成です")
    first, second = (soundfile.read(io.BytesIO(each), dtype="float64") for each in (before, after))
    assert np.array_equal(first[0], second[0])
    assert first[1] == second[1]
    assert struct.unpack("<I", after[4:8]) == (len(after) - 8,)


def test_a_marked_file_is_read_by_python_itself() -> None:
    before = wav(np.linspace(-0.5, 0.5, 333), "PCM_16")
    with wave.open(io.BytesIO(before)) as first, wave.open(io.BytesIO(marked(before, "odd"))) as second:
        assert first.readframes(400) == second.readframes(400)


@pytest.mark.parametrize("comment", ["even", "odd", "アンナの声"])
def test_the_mark_can_be_read_chunk_by_chunk(comment: str) -> None:
    stream = io.BytesIO(marked(wav(np.zeros(3), "PCM_U8"), comment))
    stream.seek(12)
    info = {}
    while head := stream.read(8):
        name, size = struct.unpack("<4sI", head)
        body = stream.read(size + size % 2)
        assert len(body) == size + size % 2
        if name == b"LIST":
            assert body[:4] == b"INFO"
            inner = io.BytesIO(body[4:])
            while field := inner.read(8):
                key, length = struct.unpack("<4sI", field)
                info[key] = inner.read(length + length % 2).rstrip(b"\0").decode()
    assert info == {b"ICMT": comment, b"ISFT": "voicecast"}


def test_what_is_no_wav_is_not_marked() -> None:
    with pytest.raises(ValueError, match="only a WAV"):
        marked(b"fLaC" + b"\0" * 40, "x")


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
    assert speak(looking(studio), line) == spoken


def test_a_recording_is_said_again_and_named_by_its_hash(studio: Studio, tmp_path: Path) -> None:
    given = episode_at(tmp_path, "[red] line", person="B")
    spoken = speak(studio, Line(character="anna", audio=Path(given.file), pitch_shift=2.5))
    assert spoken.about["source"]["recording_sha256"] == given.sha256
    assert spoken.about["pitch_shift_semitones"] == 2.5
