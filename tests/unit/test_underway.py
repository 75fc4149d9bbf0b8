"""What engines work on now, as another terminal is told."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from infra.stage import Progress
from infra.underway import Notice, underway


def test_another_terminal_sees_the_items_at_work_and_none_that_ended(tmp_path: Path) -> None:
    told: list[Progress] = []
    notice = Notice(tmp_path, told.append)
    for name, done in (("separate s01e01", 0.0), ("separate s01e01", 0.5), ("cut s01e02", 0.0), ("cut s01e02", 1.0)):
        notice(Progress(name=name, stage=name.split()[0], engine="light", done=done))
    (found,) = underway(tmp_path)
    assert [each.name for each in found.items] == ["separate s01e01"]
    assert found.pid == os.getpid()
    assert len(told) == 4


def test_what_a_killed_process_left_is_not_at_work(tmp_path: Path) -> None:
    program = (
        "import os, pathlib, sys; from infra.underway import Notice; "
        "notice = Notice(pathlib.Path(sys.argv[1]), print); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], cwd=Path(__file__).parents[2], check=False)
    assert list(tmp_path.glob("underway/*/now.json"))
    assert underway(tmp_path) == ()


def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "underway").write_text("no folder")
    told: list[Progress] = []
    Notice(tmp_path, told.append)(Progress(name="cut s01e01", stage="cut", engine="light", done=0.0))
    assert told
    assert underway(tmp_path) == ()
