"""The process that every engine is: how it starts, dies, goes on and ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

from containers.contract.codec import canonical
from containers.contract.errors import BY_KIND
from containers.contract.item import sha256_of
from containers.contract.stages import CONTRACT
from containers.contract.staying import OVER
from infra.engines import engines
from infra.environments import installed
from tests.contract.conftest import Launch

INSTALLED = [pytest.param(each.name, id=each.name) for each in engines().values() if installed(each)]


def lay(workdir: Path, item: str, script: dict[str, Any], stage: str = "probe") -> Path:
    """An item whose video is a script for stub."""
    folder = workdir / "items" / item
    (folder / "in").mkdir(parents=True)
    video = folder / "in" / "episode.mkv"
    video.write_text(json.dumps({"stub": script}), "utf-8")
    request = {"video": {"path": "in/episode.mkv", "sha256": sha256_of(video)}}
    (folder / "request.json").write_text(canonical({"contract": CONTRACT, "stage": stage, "request": request}))
    return folder


def lay_recording(workdir: Path, item: str) -> Path:
    """An item that asks to separate."""
    folder = lay(workdir, item, {}, stage="separate")
    text = (folder / "request.json").read_text().replace('"video"', '"recording"')
    (folder / "request.json").write_text(text)
    return folder


def error_of(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "error.json").read_text("utf-8")))


def wait_for(path: Path) -> None:
    until = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < until, f"{path.name} did not appear"
        time.sleep(0.01)


def running(process: int) -> bool:
    """Whether a process of that number runs; one that has ended and is not yet collected does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_items_are_finished_one_by_one_and_a_killed_start_keeps_what_was_finished(
    launch: Launch, tmp_path: Path
) -> None:
    """`started` without an answer marks the one it died on; the next start does the rest and nothing twice."""
    first, second, third = (
        lay(tmp_path, "a", {"duration": 10}),
        lay(tmp_path, "b", {"duration": 20, "sleep_s": 1.0}),
        lay(tmp_path, "c", {"duration": 30}),
    )
    child = launch("stub", tmp_path)
    wait_for(second / "started")
    child.send_signal(signal.SIGKILL)
    child.wait()
    finished_at = (first / "result.json").stat().st_mtime_ns
    assert (second / "started").exists()
    assert not (second / "result.json").exists()
    assert not (third / "started").exists()

    assert launch("stub", tmp_path).wait() == 0
    assert (first / "result.json").stat().st_mtime_ns == finished_at
    assert all((folder / "result.json").exists() for folder in (second, third))


def test_a_second_start_sees_the_state_but_not_the_output_of_the_first(launch: Launch, tmp_path: Path) -> None:
    folder = lay(tmp_path, "a", {"duration": 5, "die": "extract"}, stage="extract")
    (folder / "out").mkdir()
    (folder / "out" / "half.flac").write_bytes(b"half a file")
    assert launch("stub", tmp_path).wait() == -signal.SIGKILL
    assert not (folder / "error.json").exists()
    assert launch("stub", tmp_path).wait() == 0
    assert (folder / "state" / "attempts").read_text() == "2"
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["recording.flac"]


def test_a_failing_item_does_not_take_its_neighbours_along(launch: Launch, tmp_path: Path) -> None:
    """Also what is no item at all: a stray file, an empty folder, a request that is no JSON."""
    good = [lay(tmp_path, item, {"duration": 5}) for item in ("a", "m", "z")]
    failing = {kind: lay(tmp_path, f"b-{kind}", {"fail": kind}) for kind in BY_KIND}
    (tmp_path / "items" / "empty").mkdir()
    (tmp_path / "items" / "stray").write_text("not a folder")
    broken = lay(tmp_path, "broken", {})
    (broken / "request.json").write_text("{")
    assert launch("stub", tmp_path).wait() == 0
    assert all((folder / "result.json").exists() for folder in good)
    assert {kind: error_of(folder)["kind"] for kind, folder in failing.items()} == {kind: kind for kind in BY_KIND}
    assert error_of(broken)["kind"] == error_of(tmp_path / "items" / "empty")["kind"] == "request"


@pytest.mark.parametrize(
    ("engine", "options", "kind"),
    [
        ("stub", '{"nonsense": 1}', "request"),
        ("stub", '{"sleep_s": -1}', "request"),
        ("stub", "{", "request"),
        ("nowhere", "{}", "machine"),
        ("../stub", "{}", "request"),
    ],
)
def test_an_engine_that_cannot_be_set_up_says_why_and_exits_with_the_code_of_the_kind(
    launch: Launch, tmp_path: Path, engine: str, options: str, kind: str
) -> None:
    folder = lay(tmp_path, "a", {})
    (tmp_path / "options.json").write_text(options)
    assert launch(engine, tmp_path).wait() == BY_KIND[kind].exit_code
    assert error_of(tmp_path)["kind"] == kind
    assert not (folder / "started").exists()


BACKEND = """
import subprocess
import sys
from dataclasses import dataclass
from containers.contract import stages
from containers.contract.errors import EngineError

@dataclass(frozen=True, kw_only=True)
class Options:
    setup: str = "works"

def version():
    return "clumsy 0"

def setup(options):
    if options.setup == "no weights":
        raise EngineError("weights are missing; run voicecast weights clumsy")
    if options.setup == "leaves":
        sys.exit("wrong usage")

def separate(_, request, item):
    file = item.output("vocals.flac")
    file.write_bytes(b"")
    here = item.file(file)
    outside = stages.File(path="in/episode.mkv", sha256=here.sha256)
    nowhere = stages.File(path="out/nowhere.flac", sha256=here.sha256)
    answers = {"outside": outside, "nowhere": nowhere, "fine": here}
    answer = answers.get(item.id, here)
    if item.id == "leaves":
        sys.exit(3)
    if item.id == "program":
        program = subprocess.Popen(["sleep", "60"])
        (item.state / "partial").write_text(str(program.pid))
        (item.state / "partial").rename(item.state / "pid")
        program.wait()
    if item.id == "memory":
        raise MemoryError
    if item.id == "surrogate":
        raise EngineError("half a pair: \\ud83d")
    if item.id == "wrong_type":
        return {"vocals": "out/vocals.flac"}
    seconds = float("nan") if item.id == "nan" else 1.0
    return stages.SeparateResult(vocals=answer, background=here, sample_rate_hz=1, duration=seconds)
"""


@pytest.fixture
def clumsy(code: Path) -> str:
    """An engine that makes the mistakes that engines make."""
    folder = code / "containers" / "clumsy"
    folder.mkdir(exist_ok=True)
    (folder / "backend.py").write_text(textwrap.dedent(BACKEND), "utf-8")
    return "clumsy"


def test_an_engines_own_mistakes_become_errors_of_the_machine(launch: Launch, tmp_path: Path, clumsy: str) -> None:
    mistakes = ["leaves", "memory", "nan", "nowhere", "outside", "surrogate", "wrong_type"]
    for item in ["fine", *mistakes]:
        lay_recording(tmp_path, item)
    assert launch(clumsy, tmp_path).wait() == 0
    assert (tmp_path / "items" / "fine" / "result.json").exists()
    errors = {item: error_of(tmp_path / "items" / item) for item in mistakes}
    assert {item: error["kind"] for item, error in errors.items()} == dict.fromkeys(mistakes, "machine")
    assert "memory_gb" in errors["memory"]["message"]
    assert "out/nowhere.flac" in errors["nowhere"]["message"]


def test_a_stage_that_the_engine_does_not_play_is_our_bug(launch: Launch, tmp_path: Path, clumsy: str) -> None:
    folder = lay(tmp_path, "a", {}, stage="probe")
    assert launch(clumsy, tmp_path).wait() == 0
    assert error_of(folder)["kind"] == "request"
    assert "probe" in error_of(folder)["message"]


@pytest.mark.parametrize("how", ["no weights", "leaves"])
def test_a_setup_that_fails_is_the_machines_fault(launch: Launch, tmp_path: Path, clumsy: str, how: str) -> None:
    lay(tmp_path, "a", {}, stage="separate")
    (tmp_path / "options.json").write_text(json.dumps({"setup": how}))
    assert launch(clumsy, tmp_path).wait() == 1
    assert error_of(tmp_path)["kind"] == "machine"


def test_a_tied_process_leaves_when_its_parent_is_gone(launch: Launch, tmp_path: Path) -> None:
    folder = lay(tmp_path, "a", {"sleep_s": 60})
    child = launch("stub", tmp_path, "--tied", stdin=subprocess.PIPE)
    wait_for(folder / "started")
    assert child.poll() is None
    assert child.stdin
    child.stdin.close()
    assert child.wait(timeout=10) != 0


def test_a_tied_process_takes_the_programs_along_that_it_has_started(
    launch: Launch, tmp_path: Path, clumsy: str
) -> None:
    """As the process runner starts it: leader of a session of its own."""
    folder = lay_recording(tmp_path, "program")
    child = launch(clumsy, tmp_path, "--tied", stdin=subprocess.PIPE, start_new_session=True)
    wait_for(folder / "state" / "pid")
    program = int((folder / "state" / "pid").read_text())
    os.kill(program, 0)
    assert child.stdin
    child.stdin.close()
    assert child.wait(timeout=10) != 0
    until = time.monotonic() + 10
    while running(program):
        assert time.monotonic() < until, "the program outlives its engine"
        time.sleep(0.01)


def test_a_staying_process_takes_further_folders_says_when_each_is_over_and_leaves_with_its_parent(
    launch: Launch, tmp_path: Path
) -> None:
    folders = [lay(tmp_path / name, "a", {}) for name in ("one", "two")]
    child = launch(
        "stub", tmp_path / "one", "--stay", stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    assert child.stdin
    assert child.stdout
    for folder in folders:
        assert any(line.strip() == OVER.encode() for line in child.stdout)
        assert (folder / "result.json").exists()
        child.stdin.write(f"{tmp_path / 'two'}\n".encode())
        child.stdin.flush()
    child.stdin.close()
    assert child.wait(timeout=10) != 0


def test_an_untied_process_does_not_mind_a_closed_input(launch: Launch, tmp_path: Path) -> None:
    folder = lay(tmp_path, "a", {})
    assert launch("stub", tmp_path, stdin=subprocess.DEVNULL).wait() == 0
    assert (folder / "result.json").exists()


def test_progress_that_nobody_reads_does_no_harm(launch: Launch, tmp_path: Path) -> None:
    folder = lay(tmp_path, "a", {"sleep_s": 0.5})
    reader, writer = os.pipe()
    os.close(reader)
    child = launch("stub", tmp_path, stdout=writer)
    os.close(writer)
    assert child.wait() == 0
    assert (folder / "result.json").exists()


@pytest.mark.parametrize("engine", INSTALLED)
def test_check_sets_the_engine_up_says_its_version_and_touches_no_item(
    launch: Launch, tmp_path: Path, engine: str, code: Path
) -> None:
    if not (code / "containers" / engine).exists():
        (code / "containers" / engine).symlink_to(engines()[engine].folder)
    folder = lay(tmp_path, "a", {})
    (tmp_path / "options.json").write_text(canonical(engines()[engine].options({})), "utf-8")
    assert launch(engine, tmp_path, "--check").wait() == 0
    about = json.loads((tmp_path / "engine.json").read_text("utf-8"))
    assert set(about) == {"contract", "engine", "stages"}
    assert about["engine"].startswith(f"{engine} ")
    assert about["stages"] == list(engines()[engine].stages), "containers/engines.toml says what the backend plays"
    assert not (folder / "started").exists()


TOGETHER = """
from dataclasses import dataclass
from containers.contract.errors import RecordingError
from containers.contract.stages import ProbeResult


@dataclass(frozen=True, kw_only=True)
class Options:
    pass


def version():
    return "together 1"


def setup(_):
    return []


def probe(_model, _request, _item):
    raise AssertionError("asked one by one")


def probe_many(model, pairs):
    model.append("call")
    drawn = [pair for pair in pairs]
    for request, item in drawn[::-1]:
        if item.id == "bad":
            yield item, RecordingError("nothing to hear")
        elif item.id == "crash" and len(model) == 1:
            raise ValueError("down with all of them")
        elif item.id != "silent":
            yield item, ProbeResult(
                container="", duration=float(len(drawn)), tracks=(), subtitles=(), chapters=(), track=0
            )
"""


def together(code: Path, workdir: Path, launch: Launch, *items: str) -> None:
    folder = code / "containers" / "together"
    folder.mkdir(exist_ok=True)
    (folder / "backend.py").write_text(TOGETHER)
    for each in items:
        lay(workdir, each, {})
    assert launch("together", workdir).wait(60) == 0


def said(workdir: Path, item: str) -> str:
    folder = workdir / "items" / item
    if (folder / "result.json").exists():
        return str(json.loads((folder / "result.json").read_text())["result"]["duration"])
    return str(json.loads((folder / "error.json").read_text())["message"])


def test_an_engine_may_take_all_items_of_a_stage_at_once(code: Path, tmp_path: Path, launch: Launch) -> None:
    """A broken request and a recording's fault leave the neighbours alone; what gets no answer is an error."""
    (lay(tmp_path, "broken", {}) / "request.json").write_text(
        canonical({"contract": CONTRACT, "stage": "probe", "request": {"nonsense": 1}})
    )
    together(code, tmp_path, launch, "a", "bad", "b", "silent")
    assert [said(tmp_path, each) for each in ("a", "b")] == ["4.0", "4.0"]
    assert said(tmp_path, "bad") == "nothing to hear"
    assert "nonsense" in said(tmp_path, "broken")
    assert "without an answer" in said(tmp_path, "silent")


def test_an_engine_that_fails_over_many_items_keeps_what_it_has_answered(
    code: Path, tmp_path: Path, launch: Launch
) -> None:
    together(code, tmp_path, launch, "a", "crash", "z")
    assert said(tmp_path, "z") == "3.0"
    assert [said(tmp_path, each) for each in ("a", "crash")] == ["ValueError: down with all of them"] * 2


def test_an_engine_that_fails_before_it_takes_an_item_answers_all_of_them(
    code: Path, tmp_path: Path, launch: Launch
) -> None:
    folder = code / "containers" / "unable"
    folder.mkdir(exist_ok=True)
    refusal = "def probe_many(model, pairs):\n    raise OSError('no device')\n    yield\n"
    (folder / "backend.py").write_text(TOGETHER.split("def probe_many", maxsplit=1)[0] + refusal)
    for each in ("a", "b"):
        lay(tmp_path, each, {})
    assert launch("unable", tmp_path).wait(60) == 0
    assert [said(tmp_path, each) for each in ("a", "b")] == ["OSError: no device"] * 2
