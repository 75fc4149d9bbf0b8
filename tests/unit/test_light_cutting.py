"""Stage cut of the light engine: clips end where the voice rests, and hold what the stem holds."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("pyopenjtalk")

import itertools

from containers.contract.errors import RecordingError, RequestError
from containers.contract.item import Item, sha256_of
from containers.contract.stages import CutRequest, CutResult, File, Segment, Turn
from containers.light.backend import Options, cut
from containers.light.cutting import stretches
from containers.light.pauses import HOPS_PER_SECOND
from containers.light.rests_in_overlap import without_rests
from containers.light.splitting import Around, Limits, split

RATE = 48000
LIMITS = Limits(shortest=100, longest=1500)


@cache
def spoken(text: str) -> np.ndarray:
    """Open JTalk's voice without the silence around it, float in -1..1 at 48 kHz."""
    import pyopenjtalk

    sound = pyopenjtalk.tts(text)[0] / 32768 * 0.4
    loud = np.flatnonzero(np.abs(sound) > 0.003)
    return sound[loud[0] : loud[-1]].astype(np.float32)


LONG = "きょうはみんなでグラウンドにあつまりひがくれるまでれんしゅうした"
SHORT = "サッカーやろうぜ"


def rest(seconds: float) -> np.ndarray:
    """A pause with the faint noise of a room, 70 dB under full scale."""
    return np.random.default_rng(7).normal(scale=10**-3.5, size=round(seconds * RATE)).astype(np.float32)


def joined(*parts: np.ndarray) -> tuple[np.ndarray, list[tuple[float, float]]]:
    """Parts in a row, and where each begins and ends in seconds."""
    ends = np.cumsum([0, *(len(part) for part in parts)]) / RATE
    return np.concatenate(parts), list(itertools.pairwise(ends))


def stem(folder: Path, samples: np.ndarray, name: str = "vocals.flac", subtype: str = "PCM_16") -> File:
    path = folder / "in" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, RATE, subtype=subtype)
    return File(path=f"in/{name}", sha256=sha256_of(path))


def cut_into_clips(folder: Path, samples: np.ndarray, turns: list[Turn], **more: object) -> CutResult:
    request = CutRequest(vocals=stem(folder, samples), turns=tuple(turns), **more)
    return cut(Options(), request, Item(folder))


def levels(*parts: tuple[float, float]) -> np.ndarray:
    """Levels made by hand: (seconds, dB) in a row."""
    return np.concatenate([np.full(round(seconds * HOPS_PER_SECOND), float(level)) for seconds, level in parts])


A_HOP = 1
"""Levels are averaged over three hops before they are judged, so an edge may lie one hop out."""


def test_a_turn_longer_than_the_longest_clip_is_cut_in_its_pauses_only(tmp_path: Path) -> None:
    samples, spans = joined(rest(1), spoken(LONG), rest(0.5), spoken(LONG), rest(0.5), spoken(LONG), rest(1))
    words = spans[1::2]
    clips = cut_into_clips(
        tmp_path, samples, [Turn(start=words[0][0], end=words[-1][1], speaker="A")], max_seconds=8.0
    ).clips

    assert len(clips) >= 2
    assert all(1.0 <= clip.end - clip.start <= 8.0 for clip in clips)
    for clip in clips:
        for edge in (clip.start, clip.end):
            assert not any(start + 0.02 < edge < end - 0.02 for start, end in words)
    held = sum(max(0, min(end, clip.end) - max(start, clip.start)) for start, end in words for clip in clips)
    assert held == pytest.approx(sum(end - start for start, end in words), abs=0.1)


def alone(levels_: np.ndarray, first: int, last: int, lines: tuple[tuple[int, int], ...] = ()) -> list[tuple[int, int]]:
    """Pieces of a turn that has all the array for its room."""
    return split(levels_, Around(first=first, last=last, low=0, high=len(levels_)), LIMITS, lines)


def test_no_word_is_cut_where_nothing_pauses() -> None:
    """16 s at -20 dB with dips of 30 ms, too short for a pause: no clip, and none that is longer than asked."""
    monologue = levels((0.3, -80), (6, -20), (0.03, -45), (10, -20), (0.3, -80))

    assert alone(monologue, 30, len(monologue) - 30) == []


@pytest.mark.parametrize("seconds", [15.4, 40.0])
def test_a_steady_sound_gives_no_clip_that_is_longer_than_asked(seconds: float) -> None:
    note = levels((0.3, -80), (seconds, -20), (0.3, -80))

    assert alone(note, 30, len(note) - 30) == []


def test_a_turn_that_ends_within_a_word_ends_at_the_pause_before_it() -> None:
    """Somebody else talks over the end of the second phrase: nothing can be seen from there on."""
    talk = levels((0.3, -80), (3, -20), (0.3, -80), (2, -20))

    assert np.allclose(alone(talk, 30, len(talk)), [(18, 342)], atol=A_HOP, rtol=0)


def test_a_phrase_over_the_border_of_two_turns_belongs_to_the_one_that_has_most_of_it() -> None:
    """The border is told 0.2 s before the pause: the first turn keeps its word, the second begins after it."""
    talk = levels((0.3, -80), (2.2, -20), (0.3, -80), (2, -20), (0.3, -80))
    first = split(talk[: 230 + 25], Around(first=30, last=230, low=0, high=230), LIMITS)
    second = split(talk[230 - 25 :], Around(first=25, last=280, low=25, high=305), LIMITS)

    assert np.allclose(first, [(18, 250 + 4)], atol=A_HOP, rtol=0)
    assert np.allclose(second, [(75 - 12, 275 + 12)], atol=A_HOP, rtol=0)


def test_of_two_pauses_the_one_where_a_line_of_subtitles_ends_is_cut() -> None:
    """20 s in three phrases: either pause would do, and the lines say that the first phrase is one line."""
    talk = levels((0.3, -80), (6, -20), (0.4, -80), (6, -20), (0.4, -80), (6, -20), (0.3, -80))
    lines = {"first": ((30, 640), (650, 1900)), "second": ((30, 1290), (1300, 1900))}

    assert len(alone(talk, 30, len(talk) - 30)) == 2
    assert alone(talk, 30, len(talk) - 30, lines["first"])[0][1] == pytest.approx(642, abs=A_HOP)
    assert alone(talk, 30, len(talk) - 30, lines["second"])[0][1] == pytest.approx(1282, abs=A_HOP)


def test_a_long_silence_does_not_stay_inside_a_clip() -> None:
    two = levels((0.3, -80), (4, -20), (2, -80), (4, -20), (0.3, -80))

    assert np.allclose(alone(two, 30, len(two) - 30), [(30 - 12, 430 + 12), (630 - 12, 1030 + 12)], atol=A_HOP, rtol=0)


def test_a_word_too_short_for_a_clip_stays_with_its_neighbour() -> None:
    """0.5 s of speech after 0.9 s of rest: alone it would be lost."""
    levels_ = levels((0.3, -80), (4, -20), (0.9, -80), (0.5, -20), (0.3, -80))

    assert np.allclose(alone(levels_, 30, len(levels_) - 30), [(18, 570 + 12)], atol=A_HOP, rtol=0)


def test_a_soft_start_before_the_turn_is_kept_and_another_sound_is_not() -> None:
    """The turn is marked 100 ms late; 50 ms of something else end 100 ms before its soft start,
    and half of that silence is the other's."""
    sound = levels((0.05, -30), (0.1, -80), (0.1, -40), (2, -20), (0.25, -80))

    assert np.allclose(alone(sound, 25, len(sound) - 25), [(10, 225 + 12)], atol=A_HOP, rtol=0)


def test_silence_gives_no_clip(tmp_path: Path) -> None:
    assert cut_into_clips(tmp_path, rest(5) * 0.1, [Turn(start=1, end=4, speaker="A")]).clips == ()


def test_no_turns_give_no_clips(tmp_path: Path) -> None:
    assert cut_into_clips(tmp_path, rest(1), []).clips == ()


def test_neighbouring_turns_of_one_speaker_are_joined_unless_somebody_speaks_between() -> None:
    near = [Turn(start=1, end=1.6, speaker="A"), Turn(start=1.9, end=2.5, speaker="A")]
    across = [Turn(start=1, end=1.6, speaker="A"), Turn(start=1.65, end=1.85, speaker="B"), near[1]]
    spans = [(each.start, each.end, each.speaker) for each in stretches(near, [])]

    assert spans == [(1, 2.5, "A")]
    assert len(stretches(across, [])) == 3
    assert len(stretches(near, [Segment(start=1.6, end=1.9)])) == 2
    assert len(stretches([near[0], Turn(start=2.01, end=3, speaker="A")], [])) == 2


def test_room_ends_in_the_middle_between_turns_and_at_overlap() -> None:
    first, second = stretches(
        [Turn(start=1, end=2, speaker="A"), Turn(start=2.2, end=3, speaker="B")], [Segment(start=3.05, end=4)]
    )

    assert (first.low, first.high, first.until) == pytest.approx((0.5, 2.1, 2.35))
    assert (second.low, second.high, second.until) == pytest.approx((2.1, 3.05, 3.05))


def test_overlap_is_never_inside_a_clip_and_clips_never_meet(tmp_path: Path) -> None:
    """Two turns that run into each other, and a third person across the middle of the second."""
    samples, _ = joined(rest(1), spoken(LONG), spoken(LONG), rest(1))
    total = len(samples) / RATE
    turns = [Turn(start=1, end=4.5, speaker="A"), Turn(start=4, end=total - 1, speaker="B")]
    overlap = Segment(start=6.2, end=6.7)
    clips = cut_into_clips(tmp_path, samples, turns, overlap=(overlap,)).clips

    assert {clip.speaker for clip in clips} == {"A", "B"}
    for start, end in ((4.0, 4.5), (overlap.start, overlap.end)):
        assert all(clip.end <= start + 1e-9 or clip.start >= end - 1e-9 for clip in clips)
    assert all(a.end <= b.start for a, b in itertools.pairwise(clips))


def test_a_clip_holds_the_samples_of_the_stem_but_for_its_fades(tmp_path: Path) -> None:
    """Stereo in, mean of the channels out, to the sample and to the bit; 5 ms at the ends fade."""
    samples, spans = joined(rest(1), spoken(LONG) * 2.2, rest(1))
    stereo = np.stack([samples, 0.5 * samples], axis=1)
    (clip,) = cut_into_clips(tmp_path, stereo, [Turn(start=spans[1][0], end=spans[1][1], speaker="A")]).clips

    whole, _ = soundfile.read(tmp_path / "in/vocals.flac", dtype="int16")
    got, rate = soundfile.read(tmp_path / clip.file.path, dtype="int16")
    first = round(clip.start * RATE)
    wanted = np.rint(whole[first : first + len(got)].mean(axis=1))
    fade = round(0.005 * RATE)
    assert rate == RATE
    assert first / RATE == clip.start
    assert round(clip.end * RATE) - first == len(got)
    assert np.array_equal(got[fade:-fade], wanted[fade:-fade])
    assert abs(got[0]) <= 1
    assert abs(got[-1]) <= 1
    assert clip.start == pytest.approx(spans[1][0] - 0.12, abs=0.03)
    assert clip.end == pytest.approx(spans[1][1] + 0.12, abs=0.03)
    assert clip.file.path == f"out/clips/{round(clip.start * 1000):08d}.flac"


def test_the_background_at_the_same_time_is_measured(tmp_path: Path) -> None:
    """Background 20 dB under the voice's own samples is 20 dB under it; a shorter one ends in None."""
    samples, spans = joined(rest(1), spoken(LONG), rest(1), spoken(LONG), rest(1))
    turns = [Turn(start=spans[i][0], end=spans[i][1], speaker="A") for i in (1, 3)]
    behind = stem(tmp_path, samples[: round(spans[2][0] * RATE) + RATE // 2] * 0.1, "background.flac", "PCM_24")
    first, second = cut_into_clips(tmp_path, samples, turns, background=behind).clips

    assert first.measurements.background_db == pytest.approx(20, abs=0.2)
    assert second.measurements.background_db is None


def test_the_same_request_gives_the_same_bytes(tmp_path: Path) -> None:
    samples, spans = joined(rest(1), spoken(SHORT), rest(0.6), spoken(LONG), rest(1))
    turns = [Turn(start=spans[1][0], end=spans[3][1], speaker="A")]
    first, second = (cut_into_clips(tmp_path / name, samples, turns) for name in ("first", "second"))

    assert first == second  # with the SHA-256 of every clip


def test_a_stem_that_is_no_sound_is_named(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    path = tmp_path / "in/vocals.flac"
    path.write_bytes(b"not a sound")
    request = CutRequest(vocals=File(path="in/vocals.flac", sha256=sha256_of(path)), turns=())

    with pytest.raises(RecordingError, match=r"vocals\.flac"):
        cut(Options(), request, Item(tmp_path))


def test_lengths_that_cannot_be_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="min < max"):
        cut_into_clips(tmp_path, rest(1), [], min_seconds=5.0, max_seconds=2.0)


def test_an_overlap_in_which_the_voices_rest_is_a_change_of_speakers() -> None:
    """Told where 0.3 s of silence lie: both turns reach up to it; told where nothing rests: it stays."""
    talk = levels((0.3, -80), (3, -20), (0.3, -80), (3, -20), (0.3, -80))
    told = Segment(start=3.0, end=3.9)
    turns = (Turn(start=0.3, end=3.0, speaker="A"), Turn(start=3.9, end=6.6, speaker="B"))

    (first, second), overlap = without_rests(turns, (told,), talk)
    assert (first.end, second.start) == (pytest.approx(3.3, abs=0.02), pytest.approx(3.6, abs=0.02))
    assert (first.speaker, second.speaker, overlap) == ("A", "B", ())

    steady = levels((0.3, -80), (6.3, -20), (0.3, -80))
    assert without_rests(turns, (told,), steady) == (turns, (told,))


def test_a_long_overlap_stays_one_though_both_rest_in_it() -> None:
    talk = levels((0.3, -80), (3, -20), (0.3, -80), (3, -20), (0.3, -80))
    turns = (Turn(start=0.3, end=2.0, speaker="A"), Turn(start=5.0, end=6.6, speaker="B"))

    assert without_rests(turns, (Segment(start=2.0, end=5.0),), talk)[1] == (Segment(start=2.0, end=5.0),)
