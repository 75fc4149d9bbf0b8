"""The store: whole or not there, and one at a time where that is asked for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.store import LocalStore, StoreError, find_json, open_store, read_json, scratch_of, write_json

HERE = Path(__file__).parents[2]


@contextmanager
def child(program: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A Python program that has said its first word."""
    command = [sys.executable, "-c", program, *map(str, arguments)]
    running = subprocess.Popen(command, cwd=HERE, stdout=subprocess.PIPE, text=True)
    try:
        assert running.stdout
        assert running.stdout.readline()
        yield running
    finally:
        running.kill()
        running.wait()


WRITES = """
import sys
from pathlib import Path
from infra.store import LocalStore
store = LocalStore(Path(sys.argv[1]))
store.write("a/big", b"0" * 2_000_000)
print("go", flush=True)
while True:
    for digit in b"0123456789":
        store.write("a/big", bytes([digit]) * 2_000_000)
"""


def test_a_reader_never_sees_half_of_a_write_not_even_of_a_killed_one(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    with child(WRITES, tmp_path) as writer:
        for _ in range(30):
            seen = store.read("a/big")
            assert (len(seen), len(set(seen))) == (2_000_000, 1)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
    seen = store.read("a/big")
    assert (len(seen), len(set(seen))) == (2_000_000, 1)
    assert list(store.keys("a")) == ["a/big"]


def test_what_is_created_once_is_not_created_again(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    assert store.create("cast/labels/1.json", b"first")
    assert not store.create("cast/labels/1.json", b"second")
    assert store.read("cast/labels/1.json") == b"first"


def test_of_many_who_create_at_once_one_succeeds(tmp_path: Path) -> None:
    store, won = LocalStore(tmp_path), []
    threads = [threading.Thread(target=lambda i=i: store.create("k", b"%d" % i) and won.append(i)) for i in range(16)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(won) == 1
    assert store.read("k") == b"%d" % won[0]


@pytest.mark.parametrize("key", ["/etc/passwd", "../other", "a/../../b", ""])
def test_a_key_that_leads_outside_is_refused_and_leaves_nothing(tmp_path: Path, key: str) -> None:
    store = LocalStore(tmp_path / "store")
    for act in (lambda: store.write(key, b""), lambda: store.create(key, b""), lambda: store.read(key)):
        with pytest.raises(StoreError, match="no key"):
            act()
    assert not list(store.work.glob("*.partial"))


def test_a_file_is_taken_from_another_disk(tmp_path: Path) -> None:
    shared_memory = Path("/dev/shm")
    if not shared_memory.is_dir() or shared_memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second disk here")
    with tempfile.TemporaryDirectory(dir=shared_memory) as elsewhere:
        made = Path(elsewhere) / "vocals.flac"
        made.write_bytes(b"sound")
        store = LocalStore(tmp_path)
        store.put("stems/vocals.flac", made)
        assert store.read("stems/vocals.flac") == b"sound"
        assert not made.exists()


def test_only_one_thread_is_inside_a_lock(tmp_path: Path) -> None:
    inside, most = [], []

    def enter() -> None:
        with LocalStore(tmp_path).locked("cast"):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.01)
            inside.pop()

    threads = [threading.Thread(target=enter) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert most == [1] * 8


HOLDS = """
import sys, time
from pathlib import Path
from infra.store import LocalStore
with LocalStore(Path(sys.argv[1])).locked("cast"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_lock_keeps_other_processes_out_until_its_holder_dies(tmp_path: Path) -> None:
    entered = threading.Event()

    def enter() -> None:
        with LocalStore(tmp_path).locked("cast"):
            entered.set()

    with child(HOLDS, tmp_path) as holder:
        with LocalStore(tmp_path).locked("something else"):
            pass
        waiting = threading.Thread(target=enter)
        waiting.start()
        assert not entered.wait(0.3)
        holder.send_signal(signal.SIGKILL)
        assert entered.wait(5)
        waiting.join()


def test_a_place_that_cannot_be_a_store_is_named_with_the_way_out(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(StoreError, match=f"{file} cannot be written .*--store"):
        open_store(str(file))


def test_a_store_that_cannot_be_written_any_more_says_so(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    (tmp_path / "series").write_text("a file where a folder has to be")
    made = tmp_path / "made"
    made.write_bytes(b"sound")
    for act in (lambda: store.write("series/a", b""), lambda: store.put("series/a", made)):
        with pytest.raises(StoreError, match=f"{tmp_path} cannot be written"):
            act()
    assert not list(store.work.glob("*.partial"))


def test_names_that_are_no_utf8_are_written_and_read_back(tmp_path: Path) -> None:
    store, name = LocalStore(tmp_path), os.fsdecode(b"\xff.mkv")
    write_json(store, "episodes.json", [{"file": name}])
    assert read_json(store, "episodes.json") == [{"file": name}]


def test_what_is_not_there_is_no_file_and_has_no_size(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.write("a/b", b"12")
    assert [store.size(key) for key in ("a/b", "a/c", "a/b/c")] == [2, None, None]
    assert list(store.keys("nowhere")) == []
    store.delete("a/b")
    store.delete("a/b")
    with pytest.raises(StoreError, match="has no a/b"):
        store.path("a/b")


def test_many_files_are_looked_for_at_once(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.write("a/1", b"1")
    store.write("a/b/2", b"22")
    assert store.sizes("a") == {"a/1": 1, "a/b/2": 2}
    assert store.holds({"a/1": 1, "a/b/2": 2})
    assert not store.holds({"a/1": 1, "a/b/2": 3})
    assert not store.holds({"a/1": 1, "a/3": 0})
    store.clear("a")
    store.clear("a")
    assert store.sizes("a") == {}


def test_what_is_not_there_is_no_json(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    assert find_json(store, "a.json") is None
    write_json(store, "a.json", [1])
    assert find_json(store, "a.json") == [1]


def test_a_folder_has_no_links_and_says_what_has(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    for act in (store.link_get, store.link_put):
        with pytest.raises(StoreError, match="--store s3://"):
            act(f"{scratch_of('7')}/out.tar", 60)
