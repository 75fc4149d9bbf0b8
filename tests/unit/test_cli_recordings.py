"""speak --audio: files and folders of recordings, one shift for a speaker, and what is no recording named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer

from containers.contract.errors import RecordingError
from flows.cli.recordings import outputs_of, recordings_in, semitones_of, speak_recordings
from tasks.speech.saying import NothingToSay
from tasks.studio import Studio
from tests.unit.stub_studio import episode_at, studio_at
from tests.unit.test_voices import voice


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    """A studio with anna's voice."""
    folder = tmp_path_factory.mktemp("recordings")
    made = studio_at(folder)
    voice(made, folder)
    return made


def test_a_folder_is_said_and_what_is_no_recording_is_named_and_skipped(
    studio: Studio, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    takes = tmp_path / "takes"
    takes.mkdir()
    for name in ("one", "two"):
        episode_at(takes, name, person="B", title=name)
    (takes / "broken.mkv").write_text('{"stub": {"title": ')
    (takes / "notes.txt").write_text("nothing to hear")
    with pytest.raises(typer.Exit) as left:
        speak_recordings(studio, "anna", [takes], tmp_path / "said", "auto")
    assert left.value.exit_code == 3
    assert sorted(each.name for each in (tmp_path / "said").iterdir()) == ["one.json", "one.wav", "two.json", "two.wav"]
    said = capsys.readouterr().out
    assert f"Not said: {takes / 'broken.mkv'}: " in said
    assert "Pitch: " in said
    shifts = {
        json.loads((tmp_path / f"said/{each}.json").read_text())["pitch_shift_semitones"] for each in ("one", "two")
    }
    assert len(shifts) == 1


def test_a_shift_that_is_asked_for_is_taken(studio: Studio, tmp_path: Path) -> None:
    given = Path(episode_at(tmp_path, "line", person="B").file)
    speak_recordings(studio, "anna", [given], tmp_path / "line.wav", "+3")
    assert json.loads((tmp_path / "line.json").read_text())["pitch_shift_semitones"] == 3


def test_a_single_recording_that_is_none_is_an_error(studio: Studio, tmp_path: Path) -> None:
    (tmp_path / "broken.wav").write_text('{"stub": {"title": ')
    with pytest.raises(RecordingError):
        speak_recordings(studio, "anna", [tmp_path / "broken.wav"], tmp_path / "line.wav", "auto")
    assert not (tmp_path / "line.wav").exists()


def test_recordings_are_named_once_and_what_is_not_there_is_told(tmp_path: Path) -> None:
    for name in ("b.wav", "a.flac", ".hidden.wav", "a.txt"):
        (tmp_path / name).touch()
    assert recordings_in([tmp_path / "b.wav", tmp_path]) == (tmp_path / "b.wav", tmp_path / "a.flac")
    with pytest.raises(NothingToSay, match="is no file and no folder"):
        recordings_in([tmp_path / "c.wav"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(NothingToSay, match="holds no recordings"):
        recordings_in([tmp_path / "empty"])


def test_outputs_have_the_names_of_the_recordings_and_no_two_are_the_same() -> None:
    one, out = Path("x/line.m4a"), Path("out")
    assert outputs_of([one], Path("said.mp3")) == {one: Path("said.mp3")}
    assert outputs_of([one], out) == {one: out / "line.wav"}
    many = [one, Path("x/line.wav"), Path("y/line.wav"), Path("y/other.wav")]
    assert len(set(outputs_of(many, out).values())) == len(many)
    for output in (Path("said.wav"), Path("said.ogg")):
        with pytest.raises(NothingToSay, match="name"):
            outputs_of(many if output.suffix == ".wav" else [one], output)


@pytest.mark.parametrize(
    ("pitch", "semitones"), [("auto", None), ("each", None), ("none", 0), ("+3", 3), ("-2.5", -2.5)]
)
def test_pitch_is_semitones_or_a_word(pitch: str, semitones: float | None) -> None:
    assert semitones_of(pitch) == semitones
    with pytest.raises(NothingToSay, match="give semitones"):
        semitones_of("high")
