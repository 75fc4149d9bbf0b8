"""Scripts: lines from tables and subtitles, and every mistake with its file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.store import LocalStore
from tasks.series import Character, Series
from tasks.speech.dubbing import line_of
from tasks.speech.scripts import Script, ScriptError, ScriptLine, check_readings, check_times, read_script
from tasks.speech.scripts_from import script_at

CAST = {
    "ren": Character(name="円堂守", aliases=("Endou",)),
    "hana": Character(name="Hana"),
}


def written(folder: Path, name: str, text: str, encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def read(folder: Path, name: str, text: str, encoding: str = "utf-8", speaker: str | None = None) -> Script:
    return read_script(written(folder, name, text, encoding), CAST, speaker)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932", "utf-16"])
def test_a_table_is_read_in_the_forms_that_spreadsheets_write(tmp_path: Path, delimiter: str, encoding: str) -> None:
    rows = [
        ["character", "text", "start", "end", "notes", "scene"],
        ["円堂守", '"必殺技、ゴッドハンド！"', "1.5", "00:00:03.250", "shouting", "12"],
        ["", "", "", "", "", ""],
        ["HANA", "はい", '"4,25"', "0:05", "", ""],
    ]
    text = "\r\n".join(delimiter.join(row) for row in rows) + "\r\n"
    first, second = read(tmp_path, "lines.csv", text, encoding).lines
    assert (first.character, first.text, first.row) == ("ren", "必殺技、ゴッドハンド！", 2)
    assert (first.start, first.end, first.notes) == (1.5, 3.25, "shouting")
    assert (second.character, second.row, second.number, second.start, second.slot) == ("hana", 4, 2, 4.25, 0.75)


def test_a_table_of_excels_and_japanese_columns_and_lines_of_two_rows_are_read(tmp_path: Path) -> None:
    text = 'sep=;\r\nキャラクター;セリフ;開始;終了\r\n円堂守;"一\r\n二";1;2\r\nEndou;三;3;4\r\n'
    first, second = read(tmp_path, "台本.csv", text, "cp932").lines
    assert (first.text, first.row, second.row, second.character) == ("一\r\n二", 3, 5, "ren")


def test_a_source_recording_stands_in_the_place_of_a_text(tmp_path: Path) -> None:
    (tmp_path / "takes").mkdir()
    (tmp_path / "takes" / "1.wav").write_bytes(b"RIFF")
    (line,) = read(tmp_path, "a.csv", "character,source,pitch_shift\nren,takes\\1.wav,-2.5\n").lines
    assert (line.source, line.text, line.pitch_shift, line.slot) == (tmp_path / "takes" / "1.wav", None, -2.5, None)


def test_a_line_may_be_in_a_language_of_its_own(tmp_path: Path) -> None:
    text = "character,text,language\nren,いくぞ！,JA\nhana,Wait!,\nren,いくぞ！,\n"
    script = read(tmp_path, "a.csv", text)
    assert [each.language for each in script.lines] == ["ja", None, None]
    assert [line_of(each, "en", 0.85, 1.25).language for each in script.lines] == ["ja", "en", "en"]
    english = Series.model_validate({"series": "toy", "episodes": "*.mkv", "language": "en", "characters": CAST})
    with pytest.raises(
        ScriptError, match=r"1 mistake\(s\), and nothing was said:\n  line 4: 'いくぞ' is written in kana"
    ):
        check_readings(script, english)


@pytest.mark.parametrize(
    ("pasted", "file"),
    [
        ("character,text\nren,Go!\n", "pasted.csv"),
        ("1\n00:00:01,000 --> 00:00:02,500\nren: Go!\n", "pasted.srt"),
    ],
)
def test_a_script_may_be_pasted(tmp_path: Path, pasted: str, file: str) -> None:
    script = script_at(LocalStore(tmp_path), pasted, CAST)
    assert (script.file.name, [each.text for each in script.lines]) == (file, ["Go!"])


SRT = """1
00:00:01,000 --> 00:00:02,500
ren: Go!

2
00:00:03,000 --> 00:00:04,000
（花）そう、
12:30 だ

3
00:00:05,000 --> 00:00:06,000
♪ la la ♪

4
00:00:07,000 --> 00:00:08,000
"""


def test_subtitles_name_who_speaks_and_songs_and_empty_ones_are_no_lines(tmp_path: Path) -> None:
    first, second = read(tmp_path, "a.srt", SRT.replace("花", "Hana")).lines
    assert (first.character, first.text, first.start, first.end, first.row) == ("ren", "Go!", 1.0, 2.5, 2)
    assert (second.character, second.text, second.row) == ("hana", "そう、 12:30 だ", 6)


def test_subtitles_that_name_nobody_are_somebodys_by_option(tmp_path: Path) -> None:
    text = SRT.replace("ren: Go!", "At 12:30 we go: now").replace("（花）", "")
    assert [line.character for line in read(tmp_path, "a.srt", text, speaker="hana").lines] == ["hana", "hana"]
    with pytest.raises(ScriptError, match=r"line 2: 'At 12' is no character .*\n  line 6: 'そう、 12' is no"):
        read(tmp_path, "a.srt", text)


ASS = """[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize
Style: Default,Arial,20
Style: Signs,Arial,20

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Comment: 0,0:00:00.00,0:00:01.00,Default,ren,0,0,0,,not this
Dialogue: 0,0:00:01.00,0:00:02.00,Default,Ren,0,0,0,,{\\i1}Go,\\Nnow!
Dialogue: 0,0:00:02.00,0:00:03.00,Signs,,0,0,0,,SCHOOL
Dialogue: 0,0:00:03.00,0:00:04.50,Default,Hana,0,0,0,,[[%s]]
"""


def test_the_actors_field_of_ass_says_who_speaks(tmp_path: Path) -> None:
    (tmp_path / "take.wav").write_bytes(b"RIFF")
    first, second = read(tmp_path, "a.ass", ASS % "take.wav").lines
    assert (first.character, first.text, first.row) == ("ren", "Go, now!", 12)
    assert (second.source, second.row, second.end) == (tmp_path / "take.wav", 14, 4.5)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (
            "renn,Go,1,2",
            r"line 2: 'renn' is no character of the series file \(did you mean ren\?\); there are ren, hana",
        ),
        (",Go,1,2", "line 2: names no character"),
        ("ren,Go,2,1", "line 2: ends at 1 s, which is not after its start at 2 s"),
        ("ren,Go,2,2", "line 2: ends at 2 s"),
        ("ren,,1,2", "line 2: needs either a text or a source recording"),
        ("ren,Go,soon,2", "line 2: start 'soon' is no time; write 62.5 or 00:01:02.500"),
        ("ren,Go,00:00:01:12,2", "line 2: start '00:00:01:12' is no time"),
        ("ren,Go,,2", "line 2: has an end and no start"),
        ("ren,Go,1,3\nren,Go,2.5,4", "line 3: ren begins at 2.5 s, still saying line 2 of the file"),
        ("ren,Go,1,9\nren,Go,2,3\nren,Go,8,10", "line 4: ren begins at 8 s, still saying line 2 of the file"),
        ("ren,Go,1,2,and more", "line 2 has 5 columns, the first row names 4; put a text with commas into double"),
        ('ren,"Go,1,2', "is no row of a table"),
    ],
)
def test_a_mistake_is_told_with_file_and_line(tmp_path: Path, row: str, said: str) -> None:
    with pytest.raises(ScriptError, match=said) as caught:
        read(tmp_path, "lines.csv", f"character,text,start,end\n{row}\n")
    assert "lines.csv" in str(caught.value)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match=r"3 mistake\(s\)(?s:.)*line 2(?s:.)*line 3(?s:.)*line 4"):
        read(tmp_path, "a.csv", "character,text,source,start,end\nx,a,,1,2\nren,,no.wav,1,2\nren,b,no.wav,4,5\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("charater,text\nren,a\n", "line 1: the column 'charater' is unknown; did you mean character"),
        ("who,what\nren,a\n", "line 1 must name the columns: character, text or source"),
        ("text,line\na,b\n", "line 1 names two columns for text"),
        ("", "must name the columns"),
        ("character,text\n\n", "has no lines"),
    ],
)
def test_a_table_that_is_no_script_says_what_it_needs(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ScriptError, match=said):
        read(tmp_path, "a.csv", text)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("character,text\nren,caf\xe9 r\xe9sum\xe9\n".encode("latin-1"), "line 2 is neither UTF-8 nor Shift-JIS"),
        (b"\xff\xfea", "begins as UTF-16 and is none"),
        (b"character,text\n\x81\x20\xff", "line 2 is neither"),
    ],
)
def test_text_of_an_unknown_encoding_is_not_guessed_at(tmp_path: Path, data: bytes, said: str) -> None:
    (tmp_path / "a.csv").write_bytes(data)
    with pytest.raises(ScriptError, match=said):
        read_script(tmp_path / "a.csv", CAST)


def test_a_file_that_is_not_there_and_one_of_another_kind_are_told(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match=r"none\.csv cannot be read: No such file"):
        read_script(tmp_path / "none.csv", CAST)
    with pytest.raises(ScriptError, match=r"lines\.docx: a script is a file named \*\.csv"):
        read(tmp_path, "lines.docx", "x")


def test_lines_of_an_episode_need_a_start_and_end_within_it(tmp_path: Path) -> None:
    script = Script(
        file=tmp_path / "a.csv",
        lines=(
            ScriptLine(number=1, row=2, character="ren", text="a"),
            ScriptLine(number=2, row=3, character="ren", text="a", start=9.0, end=10.5),
            ScriptLine(number=3, row=4, character="ren", text="a", start=1.0),
        ),
    )
    with pytest.raises(ScriptError, match=r"2 mistake(?s:.)*line 2: has no start(?s:.)*line 3: ends after the episode"):
        check_times(script, 10.0)
