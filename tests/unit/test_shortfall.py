"""Shortfall: what a character lacks is said with where more lies."""

from __future__ import annotations

from tasks.clips.shortfall import shortfall
from tasks.domain import Suggestion
from tests.unit.data_set_material import row


def suggestion(speaker: str) -> Suggestion:
    return Suggestion(speaker=speaker, character="anna", score=0.8, margin=0.03, band="ask")


def test_nothing_lacks_when_the_target_is_reached() -> None:
    assert shortfall([row("s01e01/1", seconds=60.0)], 1.0) is None


def test_minutes_in_doubt_are_told_by_speaker_and_episode_and_others_by_reason() -> None:
    rows = [
        row("s01e01/1", seconds=60.0),
        row("s01e02/1", seconds=30.0, verdict="doubt", reason="unsure", speaker="S007"),
        row("s01e03/1", seconds=90.0, verdict="doubt", reason="unsure", speaker="S007"),
        row("s01e03/2", seconds=120.0, verdict="dropped", reason="noisy"),
        row("s01e03/3", seconds=120.0, verdict="dropped", reason="other_voice"),
    ]
    lack = shortfall(rows, 25.0, [(suggestion("S009"), 45.0)])
    assert lack is not None
    assert lack.minutes == 24.0
    assert lack.doubt_by_speaker == {"S007": 2.0}
    assert list(lack.doubt_by_episode.items()) == [("s01e03", 1.5), ("s01e02", 0.5)]
    assert lack.unlabelled == {"S009": 0.75}
    assert lack.dropped_by_reason == {"noisy": 2.0}
    assert "2.0 min S007 are in doubt, most in 1.5 min s01e03" in lack.said()
    assert "45 s S009 may be this character" in lack.said()


def test_a_character_whom_nobody_has_named_asks_for_a_label_and_not_for_episodes() -> None:
    lack = shortfall([], 25.0, unknown=True)
    assert lack is not None
    assert "nobody has said which speaker it is: voicecast label" in lack.said()
    assert "more episodes" not in lack.said()


def test_without_anything_in_doubt_more_material_is_asked_for() -> None:
    lack = shortfall([], 25.0)
    assert lack is not None
    assert "more episodes or references" in lack.said()
