"""What a person sees while engines work: a bar an item, and never an empty screen."""

from __future__ import annotations

import io
import signal

import pytest
from rich.console import Console
from rich.progress import Progress as Bars

from flows import DEFAULTS
from flows.cli import show
from flows.cli.main import main
from flows.cli.terminal import BETWEEN, StageBars, StageLines, say_problems, stage_bars
from infra.stage import FOLLOWER, Progress


def test_while_no_engine_works_a_line_says_what_is_waited_for() -> None:
    screen = Console(file=io.StringIO(), width=120, force_terminal=True)
    bars = Bars(console=screen, auto_refresh=False)
    shown = StageBars(bars, "Prefect starts")

    def lines() -> list[str]:
        return [task.description for task in bars.tasks if task.visible]

    assert lines() == ["Prefect starts"]
    shown(Progress(name="separate s01e01", stage="separate", engine="light", done=0.2))
    assert lines() == ["separate s01e01 (light)"]
    shown(Progress(name="separate s01e01", stage="separate", engine="light", done=1.0))
    assert lines() == [BETWEEN]


def test_a_log_has_a_line_for_what_is_done_and_after_a_while_without_one_what_is_under_way(
    capsys: pytest.CaptureFixture[str],
) -> None:
    half, whole = (Progress(name="cut s01e01", stage="cut", engine="light", done=done) for done in (0.5, 1.0))
    with stage_bars("Prefect starts") as watcher:
        watcher(half)
        follower = FOLLOWER.get()
        assert follower, "no terminal here"
        follower("episodes of toy: 3 of [12]")
    assert FOLLOWER.get() is None
    said = capsys.readouterr().err.splitlines()
    assert [line.partition(" ")[2] for line in said] == ["episodes of toy: 3 of [12]"]
    lines: list[str] = []
    impatient = StageLines(lines.append, every_seconds=0.0)
    impatient(Progress(name="separate s01e02", stage="separate", engine="light", done=0.25))
    impatient(whole)
    impatient(half)
    assert [line.partition(" ")[2] for line in lines] == [
        "under way: separate s01e02 (light) 25%",
        "under way: separate s01e02 (light) 25%, cut s01e01 (light) 100%",
        "under way: separate s01e02 (light) 25%, cut s01e01 (light) 50%",
    ]


def test_what_is_wrong_with_many_episodes_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    say_problems({"the file is cut off": ["s01e04"], "no track says ja": ["e001", "e002", "e003", "e004", "e005"]})
    assert capsys.readouterr().out.splitlines() == [
        "Problem of s01e04: the file is cut off",
        "Problem of e001, e002, e003 and 2 more: no track says ja",
    ]


def test_nobody_is_told_that_voicecast_is_used() -> None:
    """Prefect's client has a word of its own beside the server's setting."""
    assert DEFAULTS["DO_NOT_TRACK"] == "1"
    assert DEFAULTS["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"


def test_who_interrupts_is_told_that_nothing_is_lost(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(show, "opened", interrupted)
    kept = signal.getsignal(signal.SIGINT)
    try:
        with pytest.raises(SystemExit) as ended:
            main(["status"])
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN, "a second Ctrl-C does not break what ends in order"
    finally:
        signal.signal(signal.SIGINT, kept)
    assert ended.value.code == 130
    assert "the same command goes on" in capsys.readouterr().err
