"""The series file: what is wrong is named with its line and the way out."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from tasks.series import SeriesError, read_series

RIGHT = """\
series: kaze
title: 風のイレブン
episodes: episodes/*.mkv
language: ja
characters:
  endou_mamoru:
    name: 円堂守
    references: refs/endou/*
    rights: {basis: "licence", by: 風の会, date: 2026-11-22}
  goenji:
    name: 豪炎寺
engines:
  separate: light
  train: stub
targets:
  minutes: 20
  clip_seconds: [1, 15]
cast_size:
  at_least: 2
  at_most: 9
"""


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "series.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_a_series_file_is_read_with_its_japanese_names_and_defaults(tmp_path: Path) -> None:
    read = read_series(write(tmp_path, RIGHT))
    assert (read.series, read.title, read.folder) == ("kaze", "風のイレブン", tmp_path.resolve())
    endou = read.characters["endou_mamoru"]
    assert (endou.name, endou.references) == ("円堂守", ("refs/endou/*",))
    assert endou.rights
    assert (endou.rights.by, endou.rights.date) == ("風の会", datetime.date(2026, 11, 22))
    assert read.characters["goenji"].rights is None
    assert [read.engine(stage) for stage in ("separate", "train", "diarize")] == ["light", "stub", "light"]
    assert (read.labels, read.quality.preset, read.denoise) == ("ask", "balanced", "auto")


def test_a_file_of_windows_editor_is_read_too(tmp_path: Path) -> None:
    text = b"\xef\xbb\xbf" + RIGHT.replace("\n", "\r\n").encode()
    assert read_series(write(tmp_path, text)).title == "風のイレブン"


MISTAKES = {
    "a field that is none": ("minutes: 20", "minuts: 20", r"line 16: targets.minuts .*fields are: minutes"),
    "a field of ours": ("series: kaze", "series: kaze\nfolder: x", r"line 2: folder is no field here"),
    "a field that is missing": ("language: ja\n", "", r"language is missing; add it"),
    "a series with spaces": (
        "series: kaze",
        "series: Kaze no",
        r"line 1: series may hold only a-z.*\[series: Kaze no\]",
    ),
    "a Japanese id": ("goenji:", "豪炎寺:", r"line 10: characters.豪炎寺 may hold only a-z"),
    "an engine that is none": (
        "separate: light",
        "separate: demcs",
        r"line 13: engines.separate .*choose one of: .*light",
    ),
    "a stage that is none": ("separate:", "seperate:", r"line 13: engines.seperate is no stage; stages are .*separate"),
    "nobody as a character": ("goenji:", "nobody:", r"line 10: characters.nobody .*choose another name"),
    "clips longer than they may be": ("[1, 15]", "[15, 1]", r"line 17: targets.clip_seconds needs .*such as \[1, 15\]"),
    "a day that is none": ("2026-11-22", "2026-11-31", r"line 9: characters.endou_mamoru.rights.date .*2026-11-22"),
    "a date in words": ("2026-11-22", "yesterday", r"line 9: .*rights.date .*write it as 2026-11-22"),
    "fewer at most than at least": ("at_least: 2", "at_least: 10", r"line 19: cast_size.at_least is above at_most"),
    "an empty name": ("name: 豪炎寺", "name: ''", r"line 11: characters.goenji.name"),
    "no number": ("minutes: 20", "minutes: many", r"line 16: targets.minutes .*number.*\[minutes: many\]"),
    "no YAML": ("engines:", "engines: [", r"line \d+: this is not YAML"),
    "a tab": ("  separate", "\tseparate", r"line 13: this is not YAML"),
}


@pytest.mark.parametrize(("right", "wrong", "said"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_named_with_its_line_and_the_way_out(tmp_path: Path, right: str, wrong: str, said: str) -> None:
    assert right in RIGHT
    path = write(tmp_path, RIGHT.replace(right, wrong, 1))
    with pytest.raises(SeriesError, match=said) as error:
        read_series(path)
    assert str(path) in str(error.value)


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    text = RIGHT.replace("language: ja", "language: japanese").replace("minutes: 20", "minutes: -1")
    with pytest.raises(SeriesError, match=r"2 mistake\(s\)(.|\n)*line 4: language(.|\n)*line 16: targets.minutes"):
        read_series(write(tmp_path, text))


@pytest.mark.parametrize("text", ["", "- kaze\n", "kaze\n"])
def test_a_file_without_fields_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(SeriesError, match="must hold fields"):
        read_series(write(tmp_path, text))


def test_what_beginners_write_is_answered_with_what_to_write(tmp_path: Path) -> None:
    text = "series: kaze\nepisodes: e\nlanguage: Japanese\ncharacters:\n  a: {name: A, rights: yes}\n"
    with pytest.raises(
        SeriesError, match=r"(?s)line 3: language must be .* such as ja or en.*line 5: .*rights must say"
    ):
        read_series(write(tmp_path, text))
    with pytest.raises(SeriesError, match="spaces, and never by tabs"):
        read_series(write(tmp_path, text.replace("  a:", "\ta:")))


def test_text_that_is_no_utf8_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SeriesError, match="cannot be read as UTF-8"):
        read_series(write(tmp_path, RIGHT.encode("cp932")))


def test_a_file_that_is_not_there_is_offered(tmp_path: Path) -> None:
    with pytest.raises(SeriesError, match=f"is not there; name yours .* write one with: voicecast init {tmp_path}"):
        read_series(tmp_path / "series.yaml")
