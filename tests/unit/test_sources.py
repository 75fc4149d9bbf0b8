"""Files of the user's: found by folder, glob and name, and read no more often than they change."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path
from typing import Literal

import pytest

from infra import sources
from infra.sources import files_of, sha256_known
from infra.store import LocalStore


def lay(base: Path, *names: str) -> None:
    for name in names:
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        (base / name).write_text(name)


def found(base: Path, *patterns: str) -> list[str]:
    return [path.relative_to(base).as_posix() for path in files_of(patterns, base)]


def test_a_folder_gives_its_media_and_a_glob_all_that_it_matches(tmp_path: Path) -> None:
    lay(tmp_path, "episodes/1.mkv", "episodes/2.MP4", "episodes/notes.txt", "episodes/.hidden.mkv", "episodes/x")
    assert found(tmp_path, "episodes") == ["episodes/1.mkv", "episodes/2.MP4"]
    assert found(tmp_path, "episodes/*") == ["episodes/1.mkv", "episodes/2.MP4", "episodes/notes.txt", "episodes/x"]


def test_a_file_named_twice_is_found_once(tmp_path: Path) -> None:
    lay(tmp_path, "a/1.mkv", "a/b/2.mkv")
    assert found(tmp_path, "a", "./a/*.mkv", "a/**/*.mkv", str(tmp_path / "a" / "1.mkv")) == ["a/1.mkv", "a/b/2.mkv"]


def test_brackets_in_the_folder_of_the_series_are_no_pattern(tmp_path: Path) -> None:
    base = tmp_path / "[Team] Kaze (1080p) [x]"
    lay(base, "episodes/1.mkv")
    assert found(base, "episodes/*.mkv") == ["episodes/1.mkv"]


def test_brackets_in_a_glob_stand_for_themselves_where_nothing_else_matches(tmp_path: Path) -> None:
    lay(tmp_path, "[Team] Kaze/1.mkv", "e1.mkv", "e3.mkv")
    assert found(tmp_path, "[Team] Kaze/*.mkv") == ["[Team] Kaze/1.mkv"]
    assert found(tmp_path, "e[12].mkv") == ["e1.mkv"]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_name_is_found_however_the_disk_composes_its_letters(tmp_path: Path, form: Literal["NFC", "NFD"]) -> None:
    lay(tmp_path, unicodedata.normalize(form, "Café ガ/1.mkv"))
    for other in ("NFC", "NFD"):
        for pattern in ("Café ガ", "Café ガ/*.mkv", "Café ガ/1.mkv"):
            assert len(found(tmp_path, unicodedata.normalize(other, pattern))) == 1  # type: ignore[arg-type]


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that were read to be hashed."""
    read: list[str] = []
    really = sources.sha256_of

    def counted(path: Path) -> str:
        read.append(path.name)
        return really(path)

    monkeypatch.setattr(sources, "sha256_of", counted)
    return read


def test_an_unchanged_file_is_read_once_and_a_changed_one_again(tmp_path: Path, reads: list[str]) -> None:
    store, video = LocalStore(tmp_path / "store"), tmp_path / "1.mkv"
    video.write_bytes(b"first")
    first = sha256_known(video, store)
    assert sha256_known(video, store) == sha256_known(video, LocalStore(tmp_path / "store")) == first
    assert reads == ["1.mkv"]
    video.write_bytes(b"other")
    os.utime(video, ns=(1, video.stat().st_mtime_ns + 1))
    assert sha256_known(video, store) != first
    assert reads == ["1.mkv"] * 2


def test_a_file_put_in_the_place_of_another_is_read_though_size_and_time_agree(
    tmp_path: Path, reads: list[str]
) -> None:
    store, video = LocalStore(tmp_path / "store"), tmp_path / "1.mkv"
    video.write_bytes(b"first")
    before, first = video.stat(), sha256_known(video, store)
    other = tmp_path / "new"
    other.write_bytes(b"other")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(video)
    assert sha256_known(video, store) != first
