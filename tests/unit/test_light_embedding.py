"""One voice vector a turn, as the light engine gives it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from containers.contract.errors import RecordingError, RequestError
from containers.contract.stages import EmbedRequest, EmbedResult, Turn
from containers.light import voiceprint
from containers.light.embedding import LONGEST, embed, mean_vector
from tests.unit.spoken_material import RATE_HZ, Sound, conversation, pause, said, sent

Ask = Callable[..., tuple[EmbedResult, np.ndarray]]


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    def asked(sound: Sound, turns: tuple[Turn, ...] | None = None) -> tuple[EmbedResult, np.ndarray]:
        item, vocals = sent(tmp_path / str(len(list(tmp_path.iterdir()))), sound)
        result = embed(EmbedRequest(vocals=vocals, turns=turns), item)
        stored = json.loads((item.path / result.vectors.path).read_text("utf-8"))
        assert (stored["model"], stored["dimension"]) == (result.model, result.dimension) == ("resemblyzer 0.1.4", 256)
        return result, np.frombuffer(base64.b64decode(stored["vectors"]), "<f4").reshape(-1, 256)

    return asked


def turns_of(true: list[tuple[float, float, int]]) -> tuple[Turn, ...]:
    return tuple(Turn(start=start, end=end, speaker=f"SPEAKER_{person:02}") for start, end, person in true)


def test_a_voice_is_more_like_itself_than_like_another(ask: Ask) -> None:
    sound, true = conversation((0, 1, 0, 1))
    result, vectors = ask(sound, turns_of(true))
    assert result.turns == turns_of(true)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)  # float32
    alike = vectors @ vectors.T
    assert min(alike[0, 2], alike[1, 3]) > max(alike[0, 1], alike[0, 3], alike[2, 1], alike[2, 3]) + 0.1


def test_no_turns_give_no_vectors(ask: Ask) -> None:
    result, vectors = ask(pause(1.0), ())
    assert (result.turns, result.consistency, vectors.shape) == ((), (), (0, 256))


def test_vectors_come_in_the_order_of_the_turns_and_the_same_every_time(ask: Ask) -> None:
    sound, true = conversation((0, 1))
    first, second = turns_of(true)
    _, forward = ask(sound, (first, second))
    _, backward = ask(sound, (second, first))
    np.testing.assert_array_equal(forward, ask(sound, (first, second))[1])
    np.testing.assert_allclose(forward, backward[::-1], atol=1e-6)  # other neighbours in the batch


def test_a_very_short_turn_still_finds_its_speaker(ask: Ask) -> None:
    sound, true = conversation((0, 1))
    short = Turn(start=true[1][0] + 0.5, end=true[1][0] + 0.85, speaker="SPEAKER_01")
    result, vectors = ask(sound, (*turns_of(true), short))
    assert vectors[2] @ vectors[1] > vectors[2] @ vectors[0]
    assert result.consistency[2] == 1.0


def test_a_turn_that_two_people_share_is_less_consistent(ask: Ask) -> None:
    one = np.concatenate([said(0, 0), said(1, 0)])
    two = np.concatenate([said(0, 0), said(1, 1)])
    (alone,), (shared,) = (
        ask(sound, (Turn(start=0.0, end=len(sound) / RATE_HZ, speaker="SPEAKER_00"),))[0].consistency
        for sound in (one, two)
    )
    assert shared < alone - 0.03


def test_pauses_in_a_turn_do_not_change_its_voice(ask: Ask) -> None:
    whole = np.concatenate([said(0, 0), said(1, 0)])
    halting = np.concatenate([said(0, 0), pause(1.5), said(1, 0), pause(1.0)])
    (one,), (two,) = (
        ask(sound, (Turn(start=0.0, end=len(sound) / RATE_HZ, speaker="SPEAKER_00"),))[1] for sound in (whole, halting)
    )
    assert one @ two > 0.97


def test_a_reference_is_taken_in_stretches_of_speech(ask: Ask) -> None:
    sound, _ = conversation((0,) * 8)
    result, vectors = ask(sound)
    assert len(result.turns) == len(vectors) >= 2
    assert all(turn.end - turn.start <= LONGEST + 0.1 for turn in result.turns)
    assert sum(turn.end - turn.start for turn in result.turns) > 0.8 * len(sound) / RATE_HZ


def test_a_reference_in_which_nobody_speaks_is_refused(ask: Ask) -> None:
    with pytest.raises(RecordingError, match="nobody speaks in this reference"):
        ask(pause(2))


def test_a_turn_after_the_end_is_the_callers_mistake(ask: Ask) -> None:
    with pytest.raises(RequestError, match=r"starts at 5.0 s, the vocals end at 2.000 s"):
        ask(pause(2), (Turn(start=5.0, end=6.0, speaker="SPEAKER_00"),))


def test_one_odd_window_in_many_does_not_move_the_vector() -> None:
    rows = np.eye(2, 256, dtype=np.float32)[[0, 0, 0, 0, 0, 1]]
    assert mean_vector(rows) @ rows[0] == pytest.approx(1.0)


def test_vectors_are_those_of_the_encoders_own_package() -> None:
    resemblyzer = pytest.importorskip("resemblyzer")
    mel = voiceprint.mel_frames(said(0, 0))
    np.testing.assert_allclose(
        mel, resemblyzer.wav_to_mel_spectrogram(said(0, 0)), rtol=1e-3, atol=1e-7
    )  # float32 sums in another order
    window = voiceprint.filled(mel[:150])
    with torch.no_grad():
        expected = resemblyzer.VoiceEncoder("cpu", verbose=False)(torch.from_numpy(window[None])).numpy()
    np.testing.assert_allclose(voiceprint.encode([window]), expected, atol=1e-5)
