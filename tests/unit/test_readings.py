"""Readings: what people write in a dictionary or a line, and what an engine is told of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from containers.contract.readings import accent_of, dictionary_rows, katakana, moras, replaced
from containers.contract.stages import WordReading
from containers.contract.written_out import written_out
from tasks import orders
from tasks.series import Series, SeriesError, read_series
from tasks.speech.dictionary import dictionary_of
from tasks.speech.readings import ReadingError, said_as
from tests.unit.stub_studio import studio_at


def series(folder: Path = Path(), **said: Any) -> Series:
    fields = {"series": "toy", "episodes": "*.mkv", "language": "ja", "characters": {"anna": {"name": "アンナ"}}}
    return Series.model_validate({**fields, **said, "folder": folder})


GOUENJI = {"surface": "豪炎寺", "reading": "ごうえんじ", "accent": 0}


def test_a_request_carries_only_the_words_of_its_text() -> None:
    known = series(dictionary=[GOUENJI, {"surface": "円堂", "reading": "えんどう"}])
    assert said_as(known, "豪炎寺、行くぞ").readings == (WordReading(word="豪炎寺", reading="ごうえんじ", accent=0),)
    assert said_as(known, "行くぞ").readings == ()


def test_a_changed_entry_makes_only_the_lines_anew_that_hold_the_word(tmp_path: Path) -> None:
    before = studio_at(tmp_path, dictionary=[GOUENJI])
    after = studio_at(tmp_path, dictionary=[{**GOUENJI, "accent": 3}])

    def folder(studio: Any, line: str) -> str:
        return str(orders.synthesize(studio, line, "ja").folder)

    assert folder(before, "行くぞ") == folder(after, "行くぞ")
    assert folder(before, "豪炎寺、行くぞ") != folder(after, "豪炎寺、行くぞ")


@pytest.mark.parametrize(
    ("line", "text", "readings"),
    [
        ("｜運命《さだめ》の日", "運命の日", [("運命", "さだめ", None, 0)]),
        (
            "この運命《さだめ 1》と豪炎寺《ごうえんじ[0]》",
            "この運命と豪炎寺",
            [("運命", "さだめ", 1, 2), ("豪炎寺", "ごうえんじ", 0, 5)],
        ),
        ("|ＭＦ《ミッドフィルダー》だ", "MFだ", [("MF", "ミッドフィルダー", None, 0)]),
        ("《ゴッドハンド》と第３話《未定》", "《ゴッドハンド》と第3話《未定》", []),
    ],
)
def test_a_line_says_readings_as_printed_japanese_does(
    line: str, text: str, readings: list[tuple[str, str, int | None, int]]
) -> None:
    said = said_as(series(), line)
    assert said.text == text
    assert [(each.word, each.reading, each.accent, each.at) for each in said.readings] == readings


def test_a_reading_in_a_line_that_is_no_kana_says_how_to_write_it() -> None:
    with pytest.raises(ReadingError, match=r"foo.*is written in kana.*write it like"):
        said_as(series(), "｜運命《foo》")


def test_a_line_in_another_language_is_respelled() -> None:
    english = series(language="en", dictionary=[{"surface": "Endou", "reading": "En-doe"}])
    said = said_as(english, "Endou and ｜Gouenji《Go-en-jee》")
    assert replaced(said.text, said.readings) == "En-doe and Go-en-jee"


@pytest.mark.parametrize(
    ("language", "line", "letters"),
    [
        ("en", "Endou, いくぞ!", "'いくぞ' is written in kana"),
        ("en", "ｺﾞｯﾄﾞﾊﾝﾄﾞ!", "'ｺﾞｯﾄﾞﾊﾝﾄﾞ' is written in kana"),
        ("en", "豪炎寺, shoot!", "'豪炎寺' is written in Chinese characters"),
        ("en", "｜Endou《えんどう》, shoot!", "'えんどう' is written in kana"),
        ("fr", "Allez, 엔도!", "'엔도' is written in hangul"),
        ("zh-CN", "圆堂，ゴー！", "'ゴー' is written in kana"),
        ("ko", "엔도, シュート!", "'シュート' is written in kana"),
    ],
)
def test_letters_of_another_language_are_refused_and_not_spelled_out(language: str, line: str, letters: str) -> None:
    with pytest.raises(ReadingError, match=f"{letters}.*say which language the line is in"):
        said_as(series(), line, language)


@pytest.mark.parametrize(
    ("language", "line", "said"),
    [
        ("en", "｜エンドウ《Endou》 and 豪炎寺《Gouenji》!", "Endou and Gouenji!"),
        ("en", "・・・ 3-2!? ー ♪ ★", "・・・ 3-2!? ー ♪ ★"),
        ("zh_TW", "圓堂，射門！", "圓堂，射門！"),
        ("ko", "엔도, 大韓民國!", "엔도, 大韓民國!"),
        ("ru", "Эндо, удар!", "Эндо, удар!"),
    ],
)
def test_what_a_language_can_say_is_left_to_its_engine(language: str, line: str, said: str) -> None:
    found = said_as(series(), line, language)
    assert replaced(found.text, found.readings) == said


def test_a_name_in_the_dictionary_of_an_english_series_is_said_in_its_lines() -> None:
    english = series(language="en", dictionary=[{"surface": "円堂", "reading": "Endou"}])
    found = said_as(english, "円堂, go!")
    assert replaced(found.text, found.readings) == "Endou, go!"


@pytest.mark.parametrize("language", ["jpn", "ja-JP"])
def test_japanese_by_another_code_is_read_by_the_dictionary_of_a_japanese_series(language: str) -> None:
    known = series(dictionary=[GOUENJI])
    assert said_as(known, "豪炎寺、行くぞ", language) == said_as(known, "豪炎寺、行くぞ")


@pytest.mark.parametrize(
    "text",
    [
        "surface,reading,accent\n豪炎寺,ごうえんじ,0\n\n# names\n円堂,えんどう\n",
        "accent\tsurface\treading\n0\t豪炎寺\tゴウエンジ\n\t円堂\tえんどう\n",
        "豪炎寺,1348,1348,-500,名詞,固有名詞,一般,*,*,*,豪炎寺,ゴウエンジ,ゴーエンジ,0/5,*\n円堂,えんどう\n",
    ],
    ids=["header", "tabs", "open_jtalk"],
)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp932"])
def test_a_dictionary_is_a_csv_file_as_people_have_it(tmp_path: Path, text: str, encoding: str) -> None:
    (tmp_path / "words.csv").write_text(text, encoding)
    first, second = dictionary_of(series(tmp_path, dictionary="words.csv"))
    assert (first.word, katakana(first.reading), first.accent) == ("豪炎寺", "ゴーエンジ", 0)
    assert (second.word, katakana(second.reading), second.accent) == ("円堂", "エンドー", None)


def test_an_entry_of_the_series_file_wins_over_those_of_a_file_before_it(tmp_path: Path) -> None:
    (tmp_path / "words.csv").write_text("豪炎寺,ごうえんでら\n", "utf-8")
    (word,) = dictionary_of(series(tmp_path, dictionary=["words.csv", GOUENJI]))
    assert word.reading == "ごうえんじ"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("豪炎寺,Gouenji\n", r"words\.csv, line 1: a Japanese reading is written in kana"),
        ("円堂,えんどう\n円堂,えんどお\n", r"line 2: 円堂 is read otherwise on line 1"),
        ("円堂,えんどう,9\n", "line 1: 円堂 has 4 moras"),
        ("円堂,えんどう,high\n", "line 1: the accent of 円堂 is the number of a mora"),
        ("円堂\n", "line 1: a line needs a word and its reading"),
    ],
)
def test_a_bad_line_of_a_dictionary_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "words.csv").write_text(text, "utf-8")
    with pytest.raises(SeriesError, match=complaint):
        dictionary_of(series(tmp_path, dictionary="words.csv"))


def test_a_dictionary_that_is_not_there_or_no_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(SeriesError, match=r"words\.csv cannot be read"):
        dictionary_of(series(tmp_path, dictionary="words.csv"))
    (tmp_path / "words.csv").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(SeriesError, match="save it as UTF-8"):
        dictionary_of(series(tmp_path, dictionary="words.csv"))


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ("{surface: 豪炎寺, reading: Gouenji}", r"line 6: dictionary\.0\.reading cannot be said: .*kana"),
        (
            "{surface: 豪炎寺, reeding: ごう}",
            r"line 6: dictionary\.0\.reeding is no field here .*surface, reading, accent",
        ),
    ],
)
def test_a_bad_word_of_the_series_file_is_named_with_its_line(tmp_path: Path, entry: str, complaint: str) -> None:
    path = tmp_path / "series.yaml"
    path.write_text(
        f"series: toy\nepisodes: e\nlanguage: ja\ncharacters: {{anna: {{name: A}}}}\ndictionary:\n  - {entry}\n",
        "utf-8",
    )
    with pytest.raises(SeriesError, match=complaint):
        read_series(path)


def test_an_accent_in_a_language_without_is_refused() -> None:
    with pytest.raises(ValueError, match="an accent is for Japanese"):
        series(language="en", dictionary=[{"surface": "Endou", "reading": "En-doe", "accent": 1}])


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("けいおう", "ケーオー"),
        ("コ・ウシ", "コウシ"),
        ("スーパー", "スーパー"),
        ("ファイアトルネード", "ファイアトルネード"),
    ],
)
def test_kana_as_written_become_kana_as_said(written: str, said: str) -> None:
    assert katakana(written) == said


@pytest.mark.parametrize(("kana", "accent"), [("バナナ", 1), ("ゴッドハンド", 4), ("エレベーター", 3), ("キ", 1)])
def test_a_word_without_accent_falls_where_most_loanwords_do(kana: str, accent: int) -> None:
    assert accent_of(WordReading(word=kana, reading=kana)) == accent
    assert len(moras("シュートーッ")) == 5


def test_a_row_of_the_dictionary_is_of_the_full_width() -> None:
    (row,) = dictionary_rows({"FFI": WordReading(word="FFI", reading="エフエフアイ", accent=5)})
    assert row.startswith("ＦＦＩ,,,")
    assert row.endswith(",エフエフアイ,エフエフアイ,5/6,*")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("2026/11/26", "2026年11月26日"),
        ("10:00～12:30", "10時から12時30分"),
        ("090-1234-5678", "090の1234の5678"),
        ("３-２で勝ち、5対1で負け", "3タイ2で勝ち、5タイ1で負け"),
        ("F-16とU-15", "F16とU15"),
        ("気温-5℃", "気温マイナス5℃"),
        ("$1.5と€20", "1.5ドルと20ユーロ"),
        ("1/2×4", "2分の1かける4"),
        ("へえ～。母は？", "へえー。母は？"),
        ("はい。は？", "はい。ハ？"),
        ("No.1とversion", "No.1とversion"),
    ],
)
def test_signs_are_written_out(written: str, said: str) -> None:
    assert written_out(written) == said
