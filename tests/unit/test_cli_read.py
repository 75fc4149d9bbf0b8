"""voicecast read: what is shown of how lines are read."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from containers.contract.stages import AccentPhrase, ReadWord, SynthesizeResult
from flows.cli import read as command
from flows.cli.main import main
from tasks.studio import Made
from tests.unit.stub_studio import studio_at

MAMORU = {"surface": "守", "reading": "まもる", "accent": 1}


def word(text: str, reading: str, origin: str = "known") -> ReadWord:
    return ReadWord(text=text, reading=reading, origin=origin)  # type: ignore[arg-type]


def test_the_pitch_falls_where_the_sign_stands() -> None:
    phrases = (
        AccentPhrase(
            reading="キャプテンワ", accent=1, pause=True, words=(word("キャプテン", "キャプテン"), word("は", "ワ"))
        ),
        AccentPhrase(reading="マモルダ", accent=0, pause=False, words=(word("守", "マモル"), word("だ", "ダ"))),
        AccentPhrase(reading="シュート", accent=1, pause=True, words=(word("shoot", "シュート"),)),
    )
    assert command.accented(phrases) == "キャ＼プテンワ、マモルダ / シュ＼ート"


def test_words_that_were_told_guessed_or_not_taken_for_words_are_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    studio = studio_at(tmp_path, dictionary=[MAMORU, {"surface": "守備", "reading": "しゅび"}])
    words = (word("守備", "シュビ", "given"), word("strategy", "ストラテジー", "guessed"))
    phrase = AccentPhrase(reading="シュビストラテジー", accent=1, pause=False, words=words)
    result = SynthesizeResult(
        speech=None,  # type: ignore[arg-type]
        sample_rate_hz=48000,
        duration=1.0,
        reading="シュビストラテジー",
        phrases=(phrase,),
    )
    command._show(studio, "守備strategy", Made(result=result, engine="light 1", identity="", files={}, found=True))
    said = capsys.readouterr().out
    assert "as told: 守備 シュビ" in said
    assert "guessed, since in no dictionary: strategy ストラテジー" in said
    assert "part of another word" not in said, "守 stands in 守備, which is a word of the dictionary itself"
    command._show(
        studio,
        "守るstrategy",
        Made(
            result=replace(result, phrases=(replace(phrase, words=words[1:]),)),
            engine="light 1",
            identity="",
            files={},
            found=True,
        ),
    )
    assert "守 is part of another word here" in capsys.readouterr().out


def test_lines_of_a_file_are_read_as_told_and_one_without_words_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "series.yaml"
    config.write_text(
        "series: toy\nepisodes: e\nlanguage: ja\ncharacters: {anna: {name: A}}\nengines: {synthesize: stub}\n"
        "dictionary: [{surface: 守, reading: まもる}]\n",
        "utf-8",
    )
    lines = tmp_path / "lines.txt"
    lines.write_text("守が来た\n｜運命《foo》\n運命《さだめ》だ\n", "utf-8")
    with pytest.raises(SystemExit) as left:
        main(["read", "--config", str(config), "--file", str(lines), "--json"])
    assert left.value.code == 3
    said = capsys.readouterr()
    assert [json.loads(line)["reading"] for line in said.out.splitlines()] == ["マモルが来た", "サダメだ"]
    assert "write it like" in said.err
