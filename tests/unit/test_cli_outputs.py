"""What a command hands out is whole or not there, and a full disk and many of one reason are said in one line."""

from __future__ import annotations

import errno
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import typer

from containers.contract.errors import EngineError
from flows.cli.main import last_words
from flows.cli.outcomes import end_with, name_failed
from flows.cli.terminal import end_in_order
from flows.cli.written import write_out
from flows.temporary_server import check_loopback
from tasks.status import Status


def test_a_full_disk_leaves_the_file_of_before_and_says_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = tmp_path / "deep" / ("あ" * 80 + ".wav")
    write_out(line, b"whole", b"{}")
    write = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        write(path, data[:2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left") as caught:
        write_out(line, b"another", b"{}")
    assert (line.read_bytes(), len(list(line.parent.iterdir()))) == (b"whole", 2)
    message, code = last_words(caught.value)
    assert (str(line) in message, "make room" in message, code) == (True, True, 1)
    assert last_words(OSError(errno.ENOSPC, "No space left on device"))[0].startswith("No space left on device; make")


def test_what_is_left_out_for_one_reason_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    name_failed({f"e{number:03d}": f"e{number:03d} takes too much" for number in range(12)} | {"e100": "is empty"})
    said = capsys.readouterr().out.splitlines()
    assert [line.rpartition(": ")[2] for line in said] == ["takes too much", "is empty"]
    assert "e009 and 2 more" in said[0]


def test_a_machine_that_cannot_reach_itself_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    check_loopback()

    def unreachable(*_: Any, **__: Any) -> socket.socket:
        raise OSError(errno.ENETUNREACH, "Network is unreachable")

    monkeypatch.setattr(socket, "create_connection", unreachable)
    with pytest.raises(EngineError, match="ip link set lo up"):
        check_loopback()


@pytest.mark.parametrize(("failed", "code"), [("s01e01", 1), ("s01e02", 3)])
def test_a_run_ends_as_something_to_try_again_only_where_that_can_help(failed: str, code: int) -> None:
    stands = Status(
        series="x", episodes=3, prepared=1, outstanding=("s01e01",), left_out={"s01e02": "no sound"}, problems={},
        again=0, unknown={}, waiting=0, characters=(), underway=(), seconds_left=None,
    )  # fmt: skip
    end_with({}, stands)
    with pytest.raises(typer.Exit) as ended:
        end_with({failed: "why"}, stands)
    assert ended.value.exit_code == code


def test_an_interruption_that_strikes_where_python_drops_it_strikes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    class Struck:
        def __del__(self) -> None:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)

    def work() -> None:
        Struck()
        time.sleep(5)

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)}
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored, where the tests run in the background
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    try:
        end_in_order()
        with pytest.raises(KeyboardInterrupt):
            work()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
