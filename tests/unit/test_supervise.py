"""The supervisor of voicecast up: children are started again, and all end with it; its folder keeps secrets."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from infra.store import StoreError
from infra.up_folder import UpFolder

HERE = Path(__file__).parents[2]
PROGRAM = """
import sys, os
from pathlib import Path
from infra.supervise import Child, Supervisor
folder = Path(sys.argv[1])
wait = "import os, sys, time; open(sys.argv[1], 'a').write(f'{os.getpid()}\\\\n'); time.sleep(600)"
def child(name, what, **more):
    return Child(name=name, command=[sys.executable, "-c", what, str(folder / name)], environment=dict(os.environ),
                 folder=folder, **more)
there = lambda: (folder / "first").exists()
later = child("later", wait, wanted=(folder / "go").exists)
children = [child("first", wait, ready=there), child("second", wait), later]
Supervisor(children, folder).run(lambda: (folder / "ready").touch())
"""


def pids(path: Path, count: int, seconds: float = 30) -> list[int]:
    """So many starts of a child, as soon as it has had them."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if path.exists() and len(found := path.read_text().split()) >= count:
            return [int(each) for each in found]
        time.sleep(0.05)
    raise AssertionError(f"{path.name} was not started {count} times")


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def gone(pid: int) -> bool:
    end = time.monotonic() + 20
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.05)
    return not alive(pid)


@pytest.fixture
def supervisor(tmp_path: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", PROGRAM, str(tmp_path)], cwd=HERE, stderr=subprocess.PIPE)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_child_that_dies_is_started_again_one_that_is_not_wanted_yet_waits_and_sigterm_ends_all(
    supervisor: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    (first,) = pids(tmp_path / "first", 1)
    os.kill(first, signal.SIGKILL)
    _, again = pids(tmp_path / "first", 2)
    assert not (tmp_path / "later").exists()
    (tmp_path / "go").touch()
    everyone = [again, *pids(tmp_path / "second", 1), *pids(tmp_path / "later", 1)]
    assert (tmp_path / "ready").exists()
    supervisor.send_signal(signal.SIGTERM)
    _, said = supervisor.communicate(timeout=60)
    assert supervisor.returncode == 0, said
    assert b"first ended with code -9; started again in 2 s" in said
    assert all(gone(each) for each in everyone)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells children that their parent has died")
def test_children_do_not_outlive_a_supervisor_that_is_killed(
    supervisor: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    children = [*pids(tmp_path / "first", 1), *pids(tmp_path / "second", 1)]
    supervisor.kill()
    supervisor.communicate(timeout=30)
    assert all(gone(each) for each in children)


def test_secrets_are_made_once_and_are_for_their_user_alone(tmp_path: Path) -> None:
    folder = UpFolder(tmp_path / "up")
    made = folder.secrets()
    assert len(made.password) >= 32
    assert folder.secrets() == made
    assert (tmp_path / "up" / "secrets.json").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "up").stat().st_mode & 0o777 == 0o700


def test_a_folder_is_held_by_one_supervisor_and_by_nobody_once_it_is_gone(tmp_path: Path) -> None:
    folder = UpFolder(tmp_path)
    with folder.held():
        assert UpFolder(tmp_path).pid() == os.getpid()
        with pytest.raises(StoreError, match="voicecast down"), UpFolder(tmp_path).held():
            pass
    assert folder.pid() is None


def test_a_copy_of_a_database_in_use_is_put_back(tmp_path: Path) -> None:
    folder = UpFolder(tmp_path / "up")
    folder.secrets()
    folder.database.parent.mkdir()
    with closing(sqlite3.connect(folder.database)) as database:
        database.execute("pragma journal_mode=wal")
        database.execute("create table runs (name)")
        database.execute("insert into runs values ('season')")
        database.commit()
        saved = folder.back_up(tmp_path / "copies")
        database.execute("delete from runs")
        database.commit()
    folder.restore(saved)
    with closing(sqlite3.connect(folder.database)) as database:
        assert database.execute("select name from runs").fetchall() == [("season",)]
    with pytest.raises(StoreError, match=r"no prefect\.db"):
        folder.restore(tmp_path)
