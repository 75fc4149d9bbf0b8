"""Base speech from text with the light engine."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile

from containers.contract.errors import EngineError, RecordingError, RequestError
from containers.contract.item import Item
from containers.contract.stages import SynthesizeRequest, SynthesizeResult, WordReading
from containers.light.sentences import sentences
from containers.light.synthesis import synthesize


def said(
    folder: Path, text: str, language: str = "ja", rate: float = 1.0, readings: tuple[WordReading, ...] = ()
) -> SynthesizeResult:
    folder.mkdir(exist_ok=True)
    return synthesize(SynthesizeRequest(text=text, language=language, rate=rate, readings=readings), Item(folder))


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
    long = "長い文が続いて、" * 60 + "終わる。"
    pieces = sentences(long)
    assert "".join(pieces) == long
    assert len(pieces) == 2
    assert all(each.endswith(("、", "。")) for each in pieces), "cut at a comma, never within a word"
    assert sentences("長い文が続いて" * 60) == ["長い文が続いて" * 60]


@pytest.mark.parametrize("text", ["", "  \n", "……！？", "😀"])
def test_a_text_with_nothing_to_say_is_the_inputs_fault(tmp_path: Path, text: str) -> None:
    with pytest.raises(RecordingError, match="leave the line out"):
        said(tmp_path, text)


def test_another_script_than_japanese_says_so(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="write it in Japanese"):
        said(tmp_path, "안녕")


MAMORU = WordReading(word="守", reading="まもる", accent=1)


def test_a_given_reading_is_said_where_the_word_stands_as_a_word(tmp_path: Path) -> None:
    text = "守が来た。守備を固めて、守れ。"
    result = said(tmp_path, text, readings=(MAMORU,))
    assert result.reading == "マモルガキタ。シュビオカタメテ、マモレ。".replace("オ", "ヲ", 1)
    first = result.phrases[0]
    assert (first.reading, first.accent) == ("マモルガ", 1)
    assert [(each.text, each.reading, each.origin) for each in first.words] == [
        ("守", "マモル", "given"),
        ("が", "ガ", "known"),
    ]


def test_a_reading_of_one_place_is_said_there_alone(tmp_path: Path) -> None:
    here = WordReading(word="守", reading="しゅ", at=5)
    assert said(tmp_path, "守と、その守と。", readings=(MAMORU, here)).reading == "マモルト、ソノシュト。"
    whole = WordReading(word="運命", reading="さだめ", at=0)
    assert said(tmp_path, "運命の運命。", readings=(whole,)).reading == "サダメノウンメー。"


def test_the_longer_of_two_given_words_is_read_and_one_with_marks_is_whole(tmp_path: Path) -> None:
    words = (
        WordReading(word="ハンド", reading="て"),
        WordReading(word="マジン・ザ・ハンド", reading="まじんざはんど"),
        WordReading(word="モー娘。", reading="もーむす"),
    )
    assert said(tmp_path, "モー娘。のマジン・ザ・ハンド！", readings=words).reading == "モームスノマジンザハンド！"


def test_an_accent_that_was_given_is_where_the_pitch_falls(tmp_path: Path) -> None:
    accents = (0, 1, 3)
    for accent in accents:
        word = WordReading(word="豪炎寺", reading="ごうえんじ", accent=accent)
        found = said(tmp_path / str(accent), "豪炎寺が走る。", readings=(word,))
        assert found.phrases[0].accent == accent
    sounds = {(tmp_path / str(accent) / "out/speech.wav").read_bytes() for accent in accents}
    assert len(sounds) == len(accents)


@pytest.mark.parametrize(("reading", "accent"), [("God Hand", None), ("ごうえんじ", 9)])
def test_a_reading_that_cannot_be_said_is_the_requests_fault(tmp_path: Path, reading: str, accent: int | None) -> None:
    with pytest.raises(RequestError, match=r"kana|moras"):
        said(tmp_path, "豪炎寺が走る。", readings=(WordReading(word="豪炎寺", reading=reading, accent=accent),))


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ("3-2、15:05、1/2、¥1,500。", "サンタイニ、ジューゴジゴフン、ニブンノイチ、センゴヒャクエン。"),
        ("goalを決めろ！", "ゴールヲキメロ！"),
        ("don't stop！", "ドントストップ！"),
        ("PK戦のGKはHTTP。", "ピーケイセンノジーケーワエイチティーティーピー。"),
        ("は？何回も何人も。", "ハ？ナンカイモナンニンモ。"),
    ],
)
def test_numbers_signs_and_latin_words_are_read(tmp_path: Path, text: str, reading: str) -> None:
    assert said(tmp_path, text).reading == reading


def test_a_phrase_ends_where_open_jtalk_pauses(tmp_path: Path) -> None:
    phrases = said(tmp_path, "今日は、「行くぞ」と言った！").phrases
    assert [(each.reading, each.pause) for each in phrases] == [
        ("キョーワ", True),
        ("イクゾ", False),
        ("ト", False),
        ("イッタ", True),
    ]


def test_other_languages_without_espeak_say_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("VOICECAST_ESPEAK", raising=False)
    with pytest.raises(EngineError, match="apt install espeak-ng"):
        said(tmp_path, "hello", "en")


@pytest.mark.parametrize(("language", "rate"), [("-w x", 1.0), ("ja", 0.0)])
def test_a_language_or_rate_that_cannot_be_is_refused(tmp_path: Path, language: str, rate: float) -> None:
    with pytest.raises(RequestError):
        said(tmp_path, "走れ", language, rate)
