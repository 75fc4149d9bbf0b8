"""What a dub decides: what is replaced, how loud a line is, whether it fits."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.domain import EpisodeClip, Measurements, Segment, Turn
from tasks.speech.dubbing_plan import PAD_SECONDS, Heard, fit_of, joined, loudness_for, placed, replaced

MEASURED = Measurements(
    snr_db=30.0, background_db=None, loudness_lufs=-20.0, peak_dbfs=-3.0, clipped_share=0.0, bandwidth_hz=None,
    f0_median_hz=None, f0_low_hz=None, f0_high_hz=None, voiced_share=0.5, speech_probability=1.0,
)  # fmt: skip


def turn(start: float, end: float, who: str = "A") -> Turn:
    return Turn(start=start, end=end, speaker=who)


def clip(start: float, end: float, lufs: float | None) -> EpisodeClip:
    return EpisodeClip(
        id="s01e01/0", episode="s01e01", start=start, end=end, speaker="A", sha256="", consistency=1.0,
        measurements=replace(MEASURED, loudness_lufs=lufs),
    )  # fmt: skip


def heard(*turns: Turn, clips: tuple[EpisodeClip, ...] = (), songs: tuple[Segment, ...] = ()) -> Heard:
    return Heard(duration=60.0, turns=turns, clips=clips, songs=songs)


def spans(*segments: Segment) -> list[tuple[float, float]]:
    return [(each.start, each.end) for each in segments]


def test_a_turn_that_a_line_is_said_over_goes_as_a_whole_and_others_stay() -> None:
    found = replaced(heard(turn(10, 14), turn(20, 22, "B")), [(10.5, 13)], [(10.5, 12.8)], "original")
    assert spans(*found.spans) == [(9.9, 14.1)]
    assert found.unsaid == (turn(20, 22, "B"),)


def test_a_line_that_runs_a_little_into_the_next_turn_leaves_it_its_first_word() -> None:
    found = replaced(heard(turn(10, 12), turn(12.2, 15, "B")), [(10, 12)], [(10, 12.3)], "original")
    assert spans(*found.spans) == [(9.9, 12.2)]
    assert found.unsaid == (turn(12.2, 15, "B"),)


def test_without_the_original_no_dialogue_is_left_but_songs_are() -> None:
    song = Segment(start=30, end=50)
    found = replaced(heard(turn(10, 12), turn(20, 22), turn(35, 40), songs=(song,)), [(10, 12)], [], "background")
    assert spans(*found.spans) == [(9.9, 12.1), (19.9, 22.1)]


def test_stretches_that_nearly_touch_are_one() -> None:
    found = replaced(heard(turn(10, 12), turn(12.4, 14)), [(10, 12), (12.4, 14)], [], "original")
    assert spans(*found.spans) == [(9.9, 14.1)]


TIMES = st.lists(st.tuples(st.floats(0, 55), st.floats(0.2, 5)), max_size=6)


@given(turns=TIMES, slots=TIMES)
def test_whatever_is_said_is_replaced_and_no_turn_that_is_left_loses_a_sample(
    turns: list[tuple[float, float]], slots: list[tuple[float, float]]
) -> None:
    lines = [(start, start + length) for start, length in slots]
    given_turns = [turn(start, start + length) for start, length in turns]
    found = replaced(heard(*given_turns), lines, lines, "original")
    for each in found.unsaid:
        for span in found.spans:
            assert span.end <= each.start + 1e-3 or span.start >= each.end - 1e-3
    assert spans(*found.spans) == joined(spans(*found.spans)), "in order, apart"
    every = replaced(heard(*given_turns), lines, lines, "background")
    for start, end in lines:
        assert any(span.start <= max(0, start - PAD_SECONDS) + 1e-3 and end <= span.end for span in every.spans)


def test_a_line_is_as_loud_as_the_dialogue_it_replaces_and_no_outlier_counts() -> None:
    clips = (clip(0, 2, -20.0), clip(10, 12, -24.0), clip(20, 22, -19.0), clip(30, 32, -60.0), clip(40, 41, None))
    episode = heard(clips=clips)
    assert loudness_for(episode, (10.0, 12.0)) == (-24.0, "slot")
    assert loudness_for(episode, (30.0, 32.0)) == (-28.0, "slot"), "6 LU under the usual"
    assert loudness_for(episode, (50.0, 52.0)) == (-22.0, "episode")
    assert loudness_for(heard(), (0.0, 1.0)) == (-23.0, "usual")


@pytest.mark.parametrize(
    ("slot", "duration", "pace", "fit"),
    [
        (None, 3.0, 1.0, "free"),
        (2.0, 2.04, 1.0, "fits"),
        (2.0, 2.0, 1.2, "faster"),
        (2.0, 1.9, 0.9, "slower"),
        (2.0, 1.6, 0.85, "short"),
        (2.0, 2.2, 1.25, "over"),
    ],
)
def test_a_fit_is_named(slot: float | None, duration: float, pace: float, fit: str) -> None:
    assert fit_of(slot, duration, pace) == fit


def test_a_line_begins_earlier_where_the_episode_would_end_before_it() -> None:
    assert placed(58.0, 1.0, 60.0) == 58.0
    assert placed(58.0, 3.0, 60.0) == 57.0
