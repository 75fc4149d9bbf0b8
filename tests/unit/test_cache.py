"""The cache of buckets' files: within its limit, whole, and never taken from under somebody who reads."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from infra.store import StoreBusy, StoreError
from infra.store import cache as subject
from infra.store.cache import FileCache

HERE = Path(__file__).parents[2]


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def bring(cache: FileCache, data: bytes) -> Path:
    return cache.fetch(sha256(data), lambda partial: partial.write_bytes(data) and None)


def grow_old(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


def sizes(folder: Path) -> int:
    return sum(path.stat().st_size for path in (folder / "files").glob("??/*"))


def test_a_file_is_brought_once(tmp_path: Path) -> None:
    bring(FileCache(tmp_path, 10**6), b"sound")
    again = FileCache(tmp_path, 10**6)
    assert again.fetch(sha256(b"sound"), lambda _: pytest.fail("brought again")).read_bytes() == b"sound"


def test_many_who_want_a_file_at_once_bring_it_once(tmp_path: Path) -> None:
    brought = []

    def slowly(partial: Path) -> None:
        brought.append(partial)
        time.sleep(0.1)
        partial.write_bytes(b"sound")

    caches = [FileCache(tmp_path, 10**6) for _ in range(6)]
    threads = [threading.Thread(target=each.fetch, args=(sha256(b"sound"), slowly)) for each in caches]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(brought) == 1


def test_what_was_not_used_for_longest_makes_room(tmp_path: Path) -> None:
    cache = FileCache(tmp_path, 10_000)
    paths = [bring(cache, bytes([i]) * 3000) for i in range(3)]
    for age, path in zip((3000, 2000, 4000), paths, strict=True):
        grow_old(path, age)
    bring(cache, b"x" * 3000)
    assert [path.exists() for path in paths] == [True, True, False]
    assert sizes(tmp_path) <= 10_000


def test_what_somebody_reads_is_kept_and_so_is_what_was_just_asked_for(tmp_path: Path) -> None:
    cache, other = FileCache(tmp_path, 5_000), FileCache(tmp_path, 5_000)
    old, used, fresh = (bring(cache, bytes([i]) * 1500) for i in range(3))
    grow_old(old, 3000)
    grow_old(used, 4000)
    with cache.held(used) as held:
        bring(other, b"x" * 1500)
        assert [each.exists() for each in (old, used, fresh)] == [False, True, True]
        assert held.read_bytes() == b"\x01" * 1500
    grow_old(used, 4000)
    bring(other, b"y" * 1500)
    assert not used.exists()


def test_what_a_killed_process_held_is_free_again(tmp_path: Path) -> None:
    holds = (
        "import os, sys; from pathlib import Path; from infra.store.cache import FileCache\n"
        "cache = FileCache(Path(sys.argv[1]), 5000)\n"
        "with cache.held(cache.find(sys.argv[2])): os.kill(os.getpid(), 9)"
    )
    path = bring(FileCache(tmp_path, 5_000), b"a" * 3000)
    subprocess.run([sys.executable, "-c", holds, str(tmp_path), sha256(b"a" * 3000)], cwd=HERE, check=False)
    assert path.stat().st_nlink == 2
    grow_old(path, 3000)
    bring(FileCache(tmp_path, 5_000), b"b" * 3000)
    assert not path.exists()


def test_bytes_that_are_not_those_asked_for_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject.time, "sleep", lambda _: None)
    cache = FileCache(tmp_path, 10**6)
    with pytest.raises(StoreBusy, match="did not arrive whole"):
        cache.fetch(sha256(b"right"), lambda partial: partial.write_bytes(b"wrong") and None)
    assert cache.find(sha256(b"right")) is None
    assert not list((tmp_path / "partial").iterdir())


def test_a_file_that_changed_on_the_disk_is_brought_again(tmp_path: Path) -> None:
    path = bring(FileCache(tmp_path, 10**6), b"right")
    path.chmod(0o644)
    path.write_bytes(b"wrong")
    assert bring(FileCache(tmp_path, 10**6), b"right").read_bytes() == b"right"


def test_a_place_that_cannot_be_a_cache_is_named_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="VOICECAST_CACHE_DIR"):
        FileCache(tmp_path / "file", 10**6)
