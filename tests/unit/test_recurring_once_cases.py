"""No true turn is taken from another episode where an opening is separated once: real people, over a song and music."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.bench.recurring_once import OPENING_SECONDS, decide, lost, season

if not os.environ.get("CASES"):
    pytest.skip("CASES names no folder", allow_module_level=True)

pytestmark = [pytest.mark.cases, pytest.mark.proof]


def test_no_turn_is_reused_and_most_of_the_opening_is(tmp_path: Path) -> None:
    episodes = season(Path(os.environ["CASES"]), tmp_path / "season", ("aac", 192))
    decided = decide(episodes, tmp_path)
    assert [source for source, _ in decided.values()] == ["", "S01E01", "S01E01"]
    for episode in episodes:
        _, reused = decided[episode.key]
        assert lost(episode, reused) == (0, 0)
        assert all(
            episode.opening - 0.1 <= each.start and each.end <= episode.opening + OPENING_SECONDS + 0.1
            for each in reused
        )
    for key in ("S01E02", "S01E03"):
        assert sum(each.end - each.start for each in decided[key][1]) > OPENING_SECONDS / 2
