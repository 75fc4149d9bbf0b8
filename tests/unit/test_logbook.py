"""Logs for programs: a JSON object a line."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks import orders
from tasks.logbook import JsonLine
from tests.unit.stub_studio import episode_at, studio_at


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    stream, log = io.StringIO(), logging.getLogger("voicecast")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLine())
    log.addHandler(handler)
    level = log.level
    log.setLevel(logging.INFO)
    yield stream
    log.removeHandler(handler)
    log.setLevel(level)


def test_a_stage_says_when_it_is_wanted_when_it_ended_and_what_it_took(tmp_path: Path, lines: io.StringIO) -> None:
    studio_at(tmp_path).make(orders.extract(studio_at(tmp_path), episode_at(tmp_path)))
    said = [json.loads(line) for line in lines.getvalue().splitlines()]
    wanted, ended = [each for each in said if each["logger"] == "voicecast.work"]
    assert (wanted["stage"], wanted["of"], wanted["engine"], wanted["runner"]) == (
        "extract",
        "s01e01",
        "stub",
        "process",
    )
    assert ended["message"] == "extract s01e01 ended"
    assert ended["seconds"] >= 0
    assert ended["peak_memory_mb"] > 0
    assert ended["gpus"] == 0


def test_a_failure_and_a_name_of_two_lines_stay_one_line_each(lines: io.StringIO) -> None:
    try:
        raise ValueError("円堂\n守")
    except ValueError:
        logging.getLogger("voicecast.work").exception("s01\ne01 failed")
    (line,) = lines.getvalue().splitlines()
    assert json.loads(line)["message"] == "s01\ne01 failed"
    assert "円堂" in json.loads(line)["traceback"]
