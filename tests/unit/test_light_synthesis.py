"""Base speech from text with the light engine."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile

from containers.contract.errors import EngineError, RecordingError, RequestError
from containers.contract.item import Item
from containers.contract.stages import SynthesizeRequest, SynthesizeResult
from containers.light.synthesis import sentences, synthesize


def said(folder: Path, text: str, language: str = "ja", rate: float = 1.0) -> SynthesizeResult:
    folder.mkdir(exist_ok=True)
    return synthesize(SynthesizeRequest(text=text, language=language, rate=rate), Item(folder))


def test_japanese_is_said_as_16_bit_mono_and_its_reading_reported(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    result = said(tmp_path, "必殺技、ゴッドハンド！")
    about = soundfile.info(tmp_path / result.speech.path)
    assert (about.samplerate, about.channels, about.subtype) == (48000, 1, "PCM_16")
    assert result.reading == "ヒッサツワザ、ゴッドハンド！"
    assert 1.5 < result.duration == about.duration < 4
    assert "ONNX" not in "".join(capfd.readouterr())


def test_a_faster_rate_takes_less_time(tmp_path: Path) -> None:
    slow, fast = (said(tmp_path / str(rate), "今日は晴れです。", rate=rate).duration for rate in (1.0, 2.0))
    assert fast == pytest.approx(slow / 2, rel=0.15)


def test_the_same_text_gives_the_same_bytes(tmp_path: Path) -> None:
    assert said(tmp_path / "a", "走れ。") == said(tmp_path / "b", "走れ。")


def test_a_long_text_is_said_sentence_by_sentence() -> None:
    assert sentences("走れ！「まだだ。」……いくぞ") == ["走れ！", "「まだだ。」", "……いくぞ"]
    long = "長い文が続いて、" * 30 + "終わる。"
    pieces = sentences(long)
    assert "".join(pieces) == long
    assert max(map(len, pieces)) <= 80


@pytest.mark.parametrize("text", ["", "  \n", "……！？", "😀"])
def test_a_text_with_nothing_to_say_is_the_inputs_fault(tmp_path: Path, text: str) -> None:
    with pytest.raises(RecordingError, match="leave the line out"):
        said(tmp_path, text)


def test_another_script_than_japanese_says_so(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="write it in Japanese"):
        said(tmp_path, "안녕")


def test_other_languages_without_espeak_say_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("VOICECAST_ESPEAK", raising=False)
    with pytest.raises(EngineError, match="apt install espeak-ng"):
        said(tmp_path, "hello", "en")


@pytest.mark.parametrize(("language", "rate"), [("-w x", 1.0), ("ja", 0.0)])
def test_a_language_or_rate_that_cannot_be_is_refused(tmp_path: Path, language: str, rate: float) -> None:
    with pytest.raises(RequestError):
        said(tmp_path, "走れ", language, rate)
