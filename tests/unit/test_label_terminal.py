"""Labelling in the terminal: what the sheet can, keys can."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import pytest
import typer

from flows.cli import label_show
from flows.cli.label_ask import ask
from tasks.labelling.decisions import decide
from tasks.labelling.labels import history, load, record
from tasks.labelling.sheet_answer import take_back
from tasks.speakers import casting
from tasks.studio import Studio
from tests.unit import sheet_material as material
from tests.unit.stub_studio import studio_at

CHARACTERS = {"anna": {"name": "アンナ", "references": "refs/A.flac"}, "ben": {"name": "Ben"}}


@pytest.fixture(scope="module")
def laid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """S001 is Anna, with two clips of a stranger at the end; S002 is Ben."""
    folder = tmp_path_factory.mktemp("laid")
    material.reference(folder, "A")
    speakers = [
        material.Heard(id="S001", person="A", clips=8, suggestion="anna", intruder="X", intruders=2),
        material.Heard(id="S002", person="B", clips=4, suggestion="anna"),
    ]
    material.lay(studio_at(folder, characters=CHARACTERS), speakers)
    return folder


@pytest.fixture
def studio(laid: Path, tmp_path: Path) -> Studio:
    """A copy of that series, with no label given."""
    shutil.copytree(laid, tmp_path / "toy", ignore=shutil.ignore_patterns(".work"))
    return studio_at(tmp_path / "toy", characters=CHARACTERS)


def types(monkeypatch: pytest.MonkeyPatch, studio: Studio, *lines: str) -> None:
    """Somebody types, and then has had enough."""
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
    ask(studio, everybody=False, who="mika")


def clips_of(studio: Studio, speaker: str) -> tuple[str, ...]:
    return next(each.clips for each in casting.cast_of(studio).speakers if each.id == speaker)


def labels(studio: Studio) -> dict[str, str]:
    return {speaker: each.character for speaker, each in load(studio.store, "toy").speakers.items()}


def number_of(output: str, clip: str) -> str:
    """The number that the terminal shows beside a clip."""
    line = next(each for each in output.splitlines() if clip.rpartition("/")[2] in each)
    return line.split()[0]


def test_a_clip_is_rejected_by_its_number_and_undo_takes_it_back(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    types(monkeypatch, studio, "q")
    first = capsys.readouterr().out
    assert "least like the rest" in first
    clip = clips_of(studio, "S001")[-1]
    types(monkeypatch, studio, f"x{number_of(first, clip)}", "u", f"x {number_of(first, clip)}", "1", "q")
    assert load(studio.store, "toy").rejected == (clip,)
    assert labels(studio) == {"S001": "anna"}
    assert [bool(each.undoes) for each in history(studio.store, "toy")] == [False, True, False, False]


def test_a_speaker_is_split_by_the_numbers_of_clips_and_who_came_of_it_is_asked_about_next(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One of the stranger's clips is marked, the other follows; the rest is Anna, the stranger nobody."""
    types(monkeypatch, studio, "q")
    marked = number_of(capsys.readouterr().out, clips_of(studio, "S001")[-1])
    gone = clips_of(studio, "S001")[-2:]
    types(monkeypatch, studio, f"o{marked}", "", "1", "n", "q")
    assert "S003 is a new speaker: asked about next" in capsys.readouterr().out
    assert clips_of(studio, "S003") == gone
    assert labels(studio) == {"S001": "anna", "S003": "nobody"}


def test_clips_that_are_taken_out_can_be_named_at_once_and_undone(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    types(monkeypatch, studio, "q")
    shown, before = capsys.readouterr().out, clips_of(studio, "S001")
    marked = number_of(shown, before[-1])
    types(monkeypatch, studio, f"o{marked}", "2", "q")
    assert "S003 is a new speaker: ben" in capsys.readouterr().out
    assert (labels(studio), clips_of(studio, "S001")) == ({"S003": "ben"}, before[:-2])
    (split,) = [each for each in history(studio.store, "toy") if each.split]
    take_back(studio, split.id, "mika")
    assert (labels(studio), clips_of(studio, "S001")) == ({}, before)


def test_undo_brings_clips_back_and_the_speaker_is_asked_about_again(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    types(monkeypatch, studio, "q")
    before = clips_of(studio, "S001")
    types(monkeypatch, studio, f"o{number_of(capsys.readouterr().out, before[-1])}", "2", "u", "1", "q")
    assert clips_of(studio, "S001") == before
    assert labels(studio) == {"S001": "anna"}


def test_what_cannot_be_is_said_and_asked_again(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = ("x99", "zzz", "?", "o1", "zoe", "u", "more", "o1,2,3,4,5,6,7,8", "q")
    types(monkeypatch, studio, *lines)
    said = capsys.readouterr().out
    assert "There is no clip 99" in said
    assert "'zzz' is none of the keys" in said
    assert "another voice: take these clips out" in said
    assert "'zoe' is no character; nothing was taken out" in said
    assert "Nothing is there to undo" in said
    assert "These are all clips of the speaker" in said


def test_somebody_elses_newer_word_is_told_and_shown_again(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Aki decides while Mika looks; said again, it counts."""
    real, told = typer.prompt, []

    def prompt(*about: object, **more: object) -> str:
        if not told:
            told.append(record(studio.store, "toy", decide("aki", "sheet", {"S001": "ben"})))
        return str(real(*about, **more))  # type: ignore[arg-type]

    monkeypatch.setattr("flows.cli.label_ask.typer.prompt", prompt)
    types(monkeypatch, studio, "1", "q")
    assert "meanwhile aki said S001 is ben" in capsys.readouterr().out
    assert labels(studio) == {"S001": "ben"}


def test_clips_and_references_are_played_by_whatever_player_is_there(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    player = tmp_path / "bin" / "aplay"
    player.parent.mkdir()
    player.write_text(f'#!/bin/sh\necho "$2" >> {tmp_path}/played\n')
    player.chmod(0o755)
    monkeypatch.setenv("PATH", f"{player.parent}:/bin:/usr/bin")
    monkeypatch.setattr(label_show, "PLAYERS", (("aplay", "-q"),))
    types(monkeypatch, studio, "p2,1", "r1", "c", "r2", "q")
    played = [Path(each) for each in (tmp_path / "played").read_text().split()]
    assert len(played) == 4
    assert all(each.is_file() for each in played)
    assert "Nothing is known of ben yet" in capsys.readouterr().out
    monkeypatch.setattr(label_show, "PLAYERS", (("no-such-player",),))
    types(monkeypatch, studio, "p1", "q")
    assert "No player found" in capsys.readouterr().out


def test_a_player_that_cannot_play_says_why_once_and_leaves_the_files(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    player = tmp_path / "deaf"
    player.write_text(f"#!/bin/sh\necho >> {tmp_path}/tried\necho noise >&2\necho no sound card >&2\nexit 1\n")
    player.chmod(0o755)
    monkeypatch.setattr(label_show, "PLAYERS", ((str(player),),))
    types(monkeypatch, studio, "p1,2", "q")
    out, complaints = capfd.readouterr()
    shown = "".join(out.split())
    assert shown.count("cannotplayithere(nosoundcard)") == 1
    assert "noise" not in out + complaints
    assert (tmp_path / "tried").read_text().count("\n") == 1
