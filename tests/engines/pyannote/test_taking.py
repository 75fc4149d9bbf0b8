"""Turns, exclusive turns and overlap from what the library answers."""

from __future__ import annotations

from containers.contract.stages import Segment, Turn
from containers.pyannote.taking import taken


def test_speakers_are_named_by_first_appearance_whatever_the_library_called_them() -> None:
    found = taken([(2.0, 3.0, "SPEAKER_00"), (0.5, 1.0, "SPEAKER_07")], [], 5.0)
    assert found.turns == (
        Turn(start=0.5, end=1.0, speaker="SPEAKER_00"),
        Turn(start=2.0, end=3.0, speaker="SPEAKER_01"),
    )


def test_what_is_shared_is_left_out_of_the_exclusive_turns() -> None:
    turns = [(0.0, 3.0, "a"), (2.0, 5.0, "b"), (2.5, 2.75, "c")]
    found = taken(turns, [(0.0, 2.6, "a"), (2.6, 5.0, "b")], 9.0)
    assert found.overlap == (Segment(start=2.0, end=3.0),)
    assert found.exclusive == (
        Turn(start=0.0, end=2.0, speaker="SPEAKER_00"),
        Turn(start=3.0, end=5.0, speaker="SPEAKER_01"),
    )


def test_exclusive_turns_that_closed_a_pause_over_another_one_give_way_to_it() -> None:
    """With min_duration_off the library closes a's pause although b speaks in it."""
    found = taken([(0.0, 4.0, "a"), (1.0, 2.0, "b")], [(0.0, 4.0, "a"), (1.0, 2.0, "b")], 9.0)
    assert found.overlap == (Segment(start=1.0, end=2.0),)
    assert found.exclusive == (
        Turn(start=0.0, end=1.0, speaker="SPEAKER_00"),
        Turn(start=2.0, end=4.0, speaker="SPEAKER_00"),
    )


def test_turns_end_with_the_recording_and_are_in_milliseconds() -> None:
    found = taken([(-0.01, 1.00049, "a"), (4.9, 5.2, "a"), (5.0, 5.1, "b")], [], 5.0)
    assert found.turns == (
        Turn(start=0.0, end=1.0, speaker="SPEAKER_00"),
        Turn(start=4.9, end=5.0, speaker="SPEAKER_00"),
    )


def test_one_speaker_twice_at_once_is_no_overlap() -> None:
    found = taken([(0.0, 2.0, "a"), (1.0, 3.0, "a")], [(0.0, 3.0, "a")], 9.0)
    assert found.overlap == ()
    assert found.exclusive == (Turn(start=0.0, end=3.0, speaker="SPEAKER_00"),)
