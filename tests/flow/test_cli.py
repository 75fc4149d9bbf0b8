"""The command `voicecast`, as a person or a script runs it, on stub."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import wave
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from prefect import flow
from prefect.settings import PREFECT_API_URL
from typer.testing import CliRunner

from flows.cli.main import app, main
from tests.flow.conftest import RIGHTS, Scripted

pytestmark = [pytest.mark.prefect, pytest.mark.xdist_group("prefect")]

HERE = Path(__file__).parents[2]
FOLDER = "[Team] Kaze $HOME"
NAMES = ("-rf S01E01 🎌 'x' & $(y);%20%d {0} [red]\nあ.mkv ", os.fsdecode(b"S01E02 \xff\xe3.mkv"))


def voicecast(
    *arguments: object, says: str = "", cwd: Path = HERE, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the command on the tests' server; it must not fail in a way it has no words for."""
    known = {**os.environ, "PREFECT_API_URL": PREFECT_API_URL.value() or "", "PYTHONPATH": str(HERE), **environment}
    command = [sys.executable, "-m", "flows.cli.main", *map(str, arguments)]
    done = subprocess.run(command, input=says, capture_output=True, encoding="utf-8", env=known, cwd=cwd, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    assert "VOICECAST_TRACEBACK" not in done.stderr, done.stderr
    return done


def fails(code: int, *arguments: object, cwd: Path = HERE) -> str:
    """What a command that ends with this exit code says on stderr: one paragraph. In this process, for speed."""
    said = io.StringIO()
    with chdir(cwd), redirect_stdout(io.StringIO()), redirect_stderr(said), pytest.raises(SystemExit) as left:
        main([str(each) for each in arguments])
    assert left.value.code == code, said.getvalue()
    assert said.getvalue().startswith("voicecast: ")
    assert "VOICECAST_TRACEBACK" not in said.getvalue()
    assert "\n\n" not in said.getvalue()
    return said.getvalue()


def here(code: int, *arguments: object) -> str:
    """What a command that ends with this exit code shows; in this process, for speed."""
    shown = io.StringIO()
    with redirect_stdout(shown), pytest.raises(SystemExit) as left:
        main([str(each) for each in arguments])
    assert left.value.code == code, shown.getvalue()
    return shown.getvalue()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Scripted:
    """A series stopped at the question who B and C are; anna is known. Two episodes have names that a disk can
    hold and a program may stumble over, in a folder with brackets; one more is broken."""
    series = Scripted(tmp_path_factory.mktemp("cli") / FOLDER)
    series.write({"anna": "A", "carl": "", "dora": ""}, extra="title: '[red] 風'")
    series.config.write_text(series.config.read_text().replace("episodes: episodes", "episodes: 'episodes/*'"))
    series.episode(1).rename(series.folder / "episodes" / NAMES[0])
    series.episode(2, cast=["A", "C"]).rename(series.folder / "episodes" / NAMES[1])
    series.episode(3, fail="recording", stage="separate")
    done = voicecast("season", "--config", series.config)
    assert done.returncode == 4, done.stdout + done.stderr
    assert "speakers wait for a label: run voicecast label" in done.stdout
    assert "Left out: s01e03:" in done.stdout
    assert "episodes of toy: 3 of 3" in done.stderr, "what a log shows where a terminal has bars"
    (series.folder / "episodes" / "Toy S01E03.mkv").unlink()
    return series


@pytest.fixture
def copy(made: Scripted, tmp_path: Path) -> Scripted:
    """The series as it stands at the question, to go on from."""
    copied = object.__new__(Scripted)
    copied.folder = tmp_path / FOLDER
    copied.config, copied.store = copied.folder / "series.yaml", copied.folder / "voicecast-store"
    shutil.copytree(made.folder, copied.folder, symlinks=True)
    return copied


def labels(series: Scripted) -> dict[str, str]:
    """Speaker -> character, of those a person has labelled."""
    known = series.json("cast/labels.json")["speakers"]
    return {speaker: each["character"] for speaker, each in known.items() if each["how"] != "auto"}


def test_labels_are_given_with_keys_taken_back_and_skipped(copy: Scripted) -> None:
    """carl, then back, then dora for the same speaker; the last one nobody."""
    first = voicecast("label", "--config", copy.config, says="2\nu\n3\nn\n")
    assert first.returncode == 0, first.stdout + first.stderr
    assert "2 Carl" in first.stdout
    assert "nearest: anna" in first.stdout
    assert sorted(labels(copy).values()) == ["dora", "nobody"]

    history = voicecast("label", "--config", copy.config, "--history").stdout
    assert "=carl" in history
    assert "takes back" in history
    assert "No speaker is in doubt" in voicecast("label", "--config", copy.config).stdout
    assert voicecast("label", "--config", copy.config, "--undo", "last").returncode == 0
    assert list(labels(copy).values()) == ["dora"]
    assert "no decision 'abc'" in fails(2, "label", "--config", copy.config, "--undo", "abc")


def test_back_goes_to_the_question_that_is_taken_back(copy: Scripted) -> None:
    """The first is labelled, the second skipped, then back: the first is asked again."""
    assert voicecast("label", "--config", copy.config, says="2\ns\nq\n").returncode == 0
    assert len(labels(copy)) == 1
    done = voicecast("label", "--config", copy.config, "--all", says="2\ns\nu\n3\nq\n")
    asked = re.findall(r"─ (S\d+) \(\d of \d\)", done.stdout)
    first, second, third, *again = asked
    assert len({first, second, third}) == 3
    assert again == [first, second]
    assert labels(copy)[asked[0]] == "dora"


def test_labels_without_anybody_to_answer_end_with_what_is_wanted(copy: Scripted) -> None:
    done = voicecast("label", "--config", copy.config)
    assert done.returncode == 4
    assert "--file" in done.stdout
    assert labels(copy) == {}


def test_a_labels_file_is_taken_and_a_season_goes_on_to_voices_that_speak(copy: Scripted, tmp_path: Path) -> None:
    waiting = [each["speaker"] for each in copy.json("cast/speakers.json")["suggestions"] if each["band"] != "accept"]
    file = tmp_path / "labels.csv"
    file.write_text("speaker,character\n" + "".join(f"{each},Carl\n" for each in waiting[:1]))
    assert f"{waiting[0]},Carl" in file.read_text()
    assert voicecast("label", "--config", copy.config, "--file", file).returncode == 0
    assert labels(copy) == {waiting[0]: "carl"}
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("S999,carl\n")
    assert "wrong.csv, line 1: there is no speaker 'S999'" in fails(
        2, "label", "--config", copy.config, "--file", wrong
    )

    status = voicecast("status", "--config", copy.config)
    assert "[red] 風: 2 of 2 episodes are prepared" in status.stdout
    assert {each["file"] for each in copy.json("episodes.json")} == set(NAMES)

    season = voicecast("season", "--config", copy.config, "--labels", "auto")
    assert season.returncode == 0, season.stdout + season.stderr
    assert "by stub 1" in season.stdout
    assert "Next: voicecast label --config" in season.stdout
    again = voicecast("season", "--config", copy.config, "--labels", "auto", PREFECT_API_URL="http://127.0.0.1:9/api")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "nothing was started" in again.stdout

    output = tmp_path / "new" / "line.wav"
    spoken = voicecast(
        "speak", "--series", "toy", "--store", copy.store, "--character", "anna", "--text", "はい", "--output", output,
        cwd=tmp_path,
    )  # fmt: skip
    assert spoken.returncode == 0, spoken.stdout + spoken.stderr
    assert str(output) in spoken.stdout
    with wave.open(str(output)) as sound:
        assert sound.getnframes() > 0
    assert json.loads(output.with_suffix(".json").read_text())["synthetic"] is True
    assert not (tmp_path / "voicecast-store").exists()

    export = ("export", "--config", copy.config, "--format", "wavs", "--output", tmp_path / "wavs", "--character")
    exported = voicecast(*export, "anna")
    assert exported.returncode == 0, exported.stdout + exported.stderr
    assert f"{len(list((tmp_path / 'wavs' / 'anna').glob('*.wav')))} clips" in exported.stdout
    (tmp_path / "wavs" / "mine.txt").write_text("mine")
    assert "holds 'mine.txt'" in fails(2, *export, "anna")

    assets = ("assets", "--config", copy.config, "--export", "--episode")
    listed = voicecast(*assets, copy.json("episodes.json")[0]["key"])
    assert listed.returncode == 0, listed.stdout + listed.stderr
    assert len(copy.keys("assets/*/*.flac")) == len(copy.keys("assets/*/*.png")) > 0
    assert "no prepared episode has the key s99" in fails(2, *assets, "s99")

    speak = ("speak", "--config", copy.config, "--output", output, "--character")
    assert "no trained voice" in fails(2, *speak, "dora", "--text", "はい")
    assert "its characters are: anna" in fails(2, *speak, "erik", "--text", "はい")
    assert "either a text" in fails(2, *speak, "anna")
    assert f"{tmp_path / 'none.wav'} is no file" in fails(2, *speak, "anna", "--audio", tmp_path / "none.wav")
    copy.config.write_text(copy.config.read_text().replace(RIGHTS, ""))
    assert "no rights are recorded" in fails(5, *speak, "anna", "--text", "はい")
    assert "no rights are recorded" in fails(5, "train", "anna", "--config", copy.config)
    (tmp_path / "wavs" / "mine.txt").unlink()
    assert "no rights are recorded" in fails(5, *export, "anna")


def test_status_names_the_runs_of_a_server_that_failed_and_why(copy: Scripted) -> None:
    @flow(name="voicecast-season", flow_run_name="season of a test")
    def failing() -> None:
        raise ValueError("the disk of node 7 is gone")

    failing(return_state=True)
    said = voicecast("status", "--config", copy.config).stdout
    assert "run season of a test ended badly: " in said
    assert "the disk of node 7 is gone" in said


def test_status_is_given_where_the_server_does_not_answer(copy: Scripted) -> None:
    said = voicecast("status", "--config", copy.config, PREFECT_API_URL="http://127.0.0.1:9/api").stdout
    assert "the Prefect server http://127.0.0.1:9/api does not answer" in said
    assert "Next: " in said


def test_status_says_what_to_do_next(copy: Scripted) -> None:
    at = f"--config {shlex.quote(str(copy.config))}"
    assert f"Next: voicecast label {at} (" in voicecast("status", "--config", copy.config).stdout
    copy.episode(4)
    status = voicecast("status", "--config", copy.config).stdout
    assert "not prepared: s01e04" in status
    assert "Next: voicecast season" in status
    assert "prepared before" not in status
    (copy.folder / "episodes" / "Toy S01E04.mkv").unlink()
    copy.config.write_text(copy.config.read_text().replace(RIGHTS, "") + "labels: auto\n")
    assert "Next: record the `rights:`" in voicecast("status", "--config", copy.config).stdout
    copy.config.write_text(copy.config.read_text() + "targets: {clip_seconds: [2, 12]}\n")
    assert "2 of these: prepared before" in voicecast("status", "--config", copy.config).stdout


def test_init_writes_a_file_that_check_accepts_once_it_is_filled(tmp_path: Path) -> None:
    folder = tmp_path / "[red] Kaze no Eleven"
    first = voicecast("init", folder)
    assert first.returncode == 0, first.stderr
    config = folder / "series.yaml"
    assert f"--config {shlex.quote(str(config))}\n" in first.stdout
    assert "is there already; nothing was written" in fails(2, "init", folder)
    assert "a-z, 0-9" in fails(2, "init", tmp_path / "other", "--series", "Kaze: no")
    assert not (tmp_path / "other").exists()
    assert "no file" in fails(2, "check", "--config", config)

    (folder / "episodes").mkdir()
    (folder / "refs" / "endou").mkdir(parents=True)
    (folder / "episodes" / "[Team] Kaze - 01 [bold].mkv").write_text(json.dumps({"stub": {"duration": 60}}))
    (folder / "episodes" / "[Team] Kaze - 01 [bold].ja.srt").write_text("")
    (folder / "refs" / "endou" / "1.flac").write_text(json.dumps({"stub": {"person": "A"}}))
    config.write_text(config.read_text().replace("# rights:", "rights:") + "\nengines: {probe: stub}\n")
    done = voicecast("check", cwd=folder, COLUMNS="200")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[Team] Kaze - 01 [bold].mkv" in done.stdout
    assert "ja [Team] Kaze - 01 [bold].ja.srt" in done.stdout, "subtitles beside the video"
    assert "endou_mamoru (円堂守): 1 references, rights recorded" in done.stdout


def test_check_names_broken_episodes_and_shows_in_any_terminal(tmp_path: Path) -> None:
    series = Scripted(tmp_path / "toy")
    series.episode(1)
    series.episode(2, title="[/red] 第2話", fail="recording")
    series.config.write_text(series.config.read_text().replace("name: Anna", "name: 円堂守"))
    done = voicecast("check", "--config", series.config, PYTHONIOENCODING="ascii", LC_ALL="C")
    assert done.returncode == 3
    assert "Cannot be used: s01e02 (" in done.stdout
    assert "[/red]" in done.stdout
    series.episode(2, fail="machine")
    assert voicecast("check", "--config", series.config).returncode == 1


def test_a_season_of_broken_episodes_names_each(tmp_path: Path) -> None:
    series = Scripted(tmp_path / "toy")
    series.write({"anna": ""})
    series.episode(1, fail="recording")
    assert "Left out: s01e01" in here(3, "season", "--config", series.config)


def test_what_is_said_wrong_ends_with_2_and_the_way_out(copy: Scripted, tmp_path: Path) -> None:
    config = ("--config", copy.config)
    file = tmp_path / "file"
    file.write_text("")
    assert "voicecast init" in fails(2, "status", "--config", tmp_path / "none" / "series.yaml")
    assert not (tmp_path / "none").exists()
    assert f"{file} cannot be written" in fails(2, "season", *config, "--store", file)
    assert "no engine 'demcs' plays separate" in fails(2, "season", *config, "--engine", "separate=demcs")
    assert "write it as NAME=VALUE" in fails(2, "season", *config, "--engine", "separate")
    assert "neither ask nor auto" in fails(2, "season", *config, "--labels", "atuo")
    assert "knows no series 'other'" in fails(2, "status", "--series", "other", "--store", copy.store, cwd=tmp_path)
    known = voicecast("status", "--series", "toy", "--store", copy.store, cwd=tmp_path).stdout
    assert f" --config {shlex.quote(str(copy.config))} --store " in known, "season takes no --series"
    unprepared = Scripted(tmp_path / "unprepared")
    unprepared.episode(1)
    assert "run: voicecast prepare" in fails(2, "label", "--config", unprepared.config)
    copy.config.write_text(copy.config.read_text().replace("language: ja", "langauge: ja"))
    assert "line 3: langauge is no field" in fails(2, "check", *config)


def test_engines_are_listed_with_their_versions() -> None:
    done = voicecast("engines", COLUMNS="200")
    assert done.returncode == 0
    assert "stub 1" in done.stdout
    assert "light" in done.stdout


def test_every_command_says_how_it_is_used() -> None:
    """In one process: what is tested is the text."""
    runner = CliRunner()
    names = {each.name or each.callback.__name__ for each in app.registered_commands if each.callback}
    names |= {each.name for each in app.registered_groups if each.name}
    readme = (HERE / "README.md").read_text("utf-8")
    assert not [name for name in names if not re.search(rf"`{name}`|(voicecast|make) {name}\b", readme)]
    for command in ("", *sorted(names)):
        done = runner.invoke(app, [*([command] if command else []), "--help"])
        assert done.exit_code == 0
        assert "Usage:" in done.stdout
    assert "Exit codes: 0 done" in runner.invoke(app, ["--help"]).stdout.replace("\n", " ")
