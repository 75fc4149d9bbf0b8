"""Prefect's own files lie where they can be written, with or without a home."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flows.prefect_home import prefect_home


def test_the_usual_place_stays_where_it_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert prefect_home({}, tmp_path) is None
    monkeypatch.setenv("HOME", "/proc/none")
    assert prefect_home({"PREFECT_HOME": "/chosen"}, tmp_path) is None


def test_a_home_that_cannot_be_written_is_replaced_by_a_folder_of_the_user_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/proc/none")
    first = prefect_home({}, tmp_path)
    assert first is not None
    assert first.stat().st_mode & 0o777 == 0o700
    assert prefect_home({}, tmp_path) == first
    first.rmdir()
    (tmp_path / "elsewhere").mkdir()
    first.symlink_to(tmp_path / "elsewhere")
    other = prefect_home({}, tmp_path)
    assert other not in (None, first), "a link that somebody laid there is not followed"
    assert other is not None
    assert os.access(other, os.W_OK)
