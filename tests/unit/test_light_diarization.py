"""Who speaks when, as the light engine hears it: two made people, silence, noise, tones."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from containers.contract.errors import RecordingError, RequestError
from containers.contract.item import Item, sha256_of
from containers.contract.stages import DiarizeRequest, DiarizeResult, File
from containers.light import clustering, diarization, singing, speech, voiceprint
from containers.light.diarization import diarize
from containers.light.turn_taking import Stretch, take_turns
from tests.unit.spoken_material import RATE_HZ, Sound, conversation, pause, said, sent

PEOPLE = (0, 1, 0, 1)
Ask = Callable[..., tuple[DiarizeResult, Path]]


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    def asked(sound: Sound, **request: int) -> tuple[DiarizeResult, Path]:
        item, vocals = sent(tmp_path / str(len(list(tmp_path.iterdir()))), sound)
        return diarize(DiarizeRequest(vocals=vocals, **request), item), item.path

    return asked


def test_two_alternating_voices_are_told_apart(ask: Ask) -> None:
    sound, true = conversation(PEOPLE)
    result, _ = ask(sound)
    people = {}
    for start, end, person in true:
        heard = [turn for turn in result.exclusive if turn.start < end - 0.2 and turn.end > start + 0.2]
        assert heard
        people.setdefault(person, set()).update(turn.speaker for turn in heard)
    assert not people[0] & people[1]
    assert len(people[0] | people[1]) <= 3  # a person found twice may be put together later
    assert result.problems == ()


def test_turns_begin_and_end_where_speech_does(ask: Ask) -> None:
    sound, true = conversation(PEOPLE)
    result, _ = ask(sound, speakers=2)
    assert len(result.turns) == len(true)
    for turn, (start, end, _) in zip(result.turns, true, strict=True):
        assert turn.start == pytest.approx(start, abs=0.2)  # weak first and last sounds, windows of 32 ms
        assert turn.end == pytest.approx(end, abs=0.2)


@pytest.mark.parametrize(
    ("asked", "least", "most"),
    [({"speakers": 2}, 2, 2), ({"speakers": 1}, 1, 1), ({"max_speakers": 1}, 1, 1), ({"min_speakers": 2}, 2, 3)],
)
def test_a_given_number_of_speakers_is_obeyed(ask: Ask, asked: dict[str, int], least: int, most: int) -> None:
    result, _ = ask(conversation(PEOPLE)[0], **asked)
    assert least <= len({turn.speaker for turn in result.turns}) <= most


def test_nothing_said_gives_nothing_and_says_so(ask: Ask) -> None:
    time = np.arange(4 * RATE_HZ) / RATE_HZ
    noise = np.random.default_rng(0).normal(0, 0.001, len(time))
    chord = 0.1 * sum(np.sin(2 * np.pi * hz * time) for hz in (220, 277, 330))
    for sound in (pause(4), noise.astype(np.float32), chord.astype(np.float32), pause(0.05)):
        result, folder = ask(sound)
        assert (result.turns, result.exclusive, result.overlap) == ((), (), ())
        assert [problem.kind for problem in result.problems] == ["no_speech"]
        assert (folder / result.rttm.path).read_text("utf-8") == ""


def test_a_quiet_file_is_heard_like_a_loud_one(ask: Ask) -> None:
    sound, true = conversation((0, 1))
    assert len(ask(sound * np.float32(0.002), speakers=2)[0].turns) == len(true)


def test_the_rttm_says_the_same_as_the_turns_and_every_run_says_it_again(ask: Ask) -> None:
    sound, _ = conversation(PEOPLE[:2])
    (one, first), (two, second) = ask(sound), ask(sound)
    assert one == two
    text = (first / one.rttm.path).read_text("utf-8")
    assert text == (second / two.rttm.path).read_text("utf-8")
    rows = [line.split() for line in text.splitlines()]
    assert [row[:3] for row in rows] == [["SPEAKER", "recording", "1"]] * len(one.turns)
    assert [row[7] for row in rows] == [turn.speaker for turn in one.turns]
    for row, turn in zip(rows, one.turns, strict=True):
        assert float(row[3]) == turn.start
        assert float(row[3]) + float(row[4]) == pytest.approx(turn.end, abs=0.0011)


def test_held_notes_are_singing_and_glides_are_not() -> None:
    steady = np.repeat([220.0, 247.0, 262.0], 40)
    assert singing.held_share(steady) == 1.0
    assert singing.held_share(np.linspace(120, 240, 120)) == 0.0
    assert singing.held_share(np.zeros(50)) == 0.0


def test_what_is_no_sound_file_is_the_recordings_fault(tmp_path: Path) -> None:
    path = tmp_path / "in" / "vocals.flac"
    path.parent.mkdir()
    path.write_text("no sound at all", "utf-8")
    with pytest.raises(RecordingError, match="separate the episode again"):
        diarize(DiarizeRequest(vocals=File(path="in/vocals.flac", sha256=sha256_of(path))), Item(tmp_path))


def test_bounds_that_cannot_be_met_are_refused(ask: Ask) -> None:
    with pytest.raises(RequestError, match="min_speakers 3 is more than max_speakers 2"):
        ask(pause(1), min_speakers=3, max_speakers=2)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.floats(0.11, 3), st.floats(0, 1), st.booleans()), max_size=12),
    st.lists(st.tuples(st.floats(0, 20), st.floats(0.01, 2)), max_size=4),
)
def test_exclusive_turns_never_overlap_each_other_or_the_overlap(
    said_by: list[tuple[int, float, float, bool]], blends: list[tuple[float, float]]
) -> None:
    parts, now = [], 0.0
    for speaker, length, gap, pressed in said_by:
        parts.append(Stretch(start=now, end=now + length, speaker=speaker, pressed=pressed))
        now += length + (0 if pressed else gap)
    taken = take_turns(parts, [(start, start + length) for start, length in blends])
    for found in (taken.exclusive, taken.overlap, taken.turns):
        assert all(one.end <= two.start for one, two in pairwise(found))
    for shared in taken.overlap:
        assert not [turn for turn in taken.exclusive if turn.start < shared.end and turn.end > shared.start]
    names = list(dict.fromkeys(turn.speaker for turn in taken.turns))
    assert names == [f"SPEAKER_{rank:02}" for rank in range(len(names))]


def test_a_known_number_of_people_is_not_used_up_by_a_stray_window() -> None:
    rng = np.random.default_rng(1)
    people = np.eye(3, 16, dtype=np.float32)[[0] * 10 + [1] * 10 + [2]] + rng.normal(0, 0.05, (21, 16))
    vectors = (people / np.linalg.norm(people, axis=1, keepdims=True)).astype(np.float32)
    labels = clustering.cluster(vectors, np.ones(21), alike=0.7, count=2)
    assert labels[:10].tolist() == [0] * 10
    assert labels[10:20].tolist() == [1] * 10


def test_a_vector_between_two_people_is_a_blend_and_one_person_is_not() -> None:
    people = np.eye(2, 16, dtype=np.float32)
    vectors = np.array([[1, 0], [0.7, 0.7], [0.2, 1]], np.float32) @ people
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    gain = clustering.blend_gain(vectors, people, np.array([0, 0, 1]))
    assert gain.round(3).tolist() == [0.0, 0.293, 0.019]


def test_one_doubtful_moment_does_not_change_the_speaker() -> None:
    scores = np.array([[0.8, 0.6]] * 4 + [[0.68, 0.7]] + [[0.8, 0.6]] * 3 + [[0.5, 0.8]] * 4)
    assert clustering.most_likely_path(scores, 0.2).tolist() == [0] * 8 + [1] * 4


def test_speech_is_found_as_the_detectors_own_package_finds_it() -> None:
    silero_vad = pytest.importorskip("silero_vad")
    sound = np.concatenate([pause(0.3), said(0, 0)])
    own = silero_vad.load_silero_vad()
    padded = torch.from_numpy(np.pad(sound, (0, -len(sound) % speech.WINDOW)))
    with torch.no_grad():
        expected = [own(window, RATE_HZ).item() for window in padded.split(speech.WINDOW)]
    np.testing.assert_allclose(speech.speech_probabilities(sound), expected, atol=1e-4)  # float32 in another order


def test_a_pause_parts_speech_and_a_short_one_does_not() -> None:
    probabilities = np.concatenate([np.full(20, 0.9), np.zeros(4), np.full(20, 0.9), np.zeros(10), np.full(20, 0.9)])
    found = speech.speech_segments(probabilities.astype(np.float32), 3.0)
    assert [(round(start, 2), round(end, 2)) for start, end in found] == [(0.0, 1.44), (1.7, 2.4)]


def test_speech_without_end_is_parted_where_it_is_least_like_speech() -> None:
    probabilities = np.full(round(50 / speech.WINDOW_SECONDS), 0.9, np.float32)
    probabilities[700] = 0.6
    found = speech.speech_segments(probabilities, 50.0)
    assert [round(end - start) for start, end in found] == [22, 28]


@pytest.mark.parametrize("frames", [30, 80, 100, 160, 170, 410])
def test_a_narrow_window_that_a_wide_one_begins_with_has_the_vector_it_has_by_itself(frames: int) -> None:
    mel = voiceprint.mel_frames(said(0, 0))[:frames]
    wide = voiceprint.spans(len(mel), 160, 40)
    narrow = voiceprint.spans(len(mel), 80, 20)
    known = {first for first, _ in wide} & {first for first, _ in narrow}
    _, (begun,) = diarization._wide([mel], [wide])
    (found,) = diarization._narrow([mel], [narrow], [wide], [begun])
    alone = voiceprint.encode(voiceprint.filled(mel[first:last], 80) for first, last in narrow)
    assert known
    np.testing.assert_allclose(found, alone, atol=1e-5)  # sums of float32 over other batches
