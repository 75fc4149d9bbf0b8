"""Repeats: one recording of a line is kept once; the same voice saying something else is not that line."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("soxr")

from containers.light.clip_words import clip_words, words_of
from tasks.clips.repeats import different_bits, without_repeats
from tasks.clips.verdicts import Row
from tests.unit.voices import GOOD, vector

RATE = 48000


def line(seed: int, seconds: float = 2.5) -> np.ndarray:
    """A made-up line: syllables of a gliding pitch with changing colour."""
    random = np.random.default_rng(seed)
    parts = []
    while sum(map(len, parts)) < seconds * RATE:
        time = np.arange(round(random.uniform(0.08, 0.25) * RATE)) / RATE
        f0 = random.uniform(120, 260) * (1 + random.uniform(-0.5, 0.5) * time)
        colour = random.uniform(0, 1, 20)
        voice = sum(a * np.sin(2 * np.pi * k * np.cumsum(f0) / RATE) for k, a in enumerate(colour, 1))
        parts += [voice * np.hanning(len(time)), np.zeros(round(random.uniform(0.0, 0.08) * RATE))]
    sound = np.concatenate(parts)[: round(seconds * RATE)]
    return (0.1 * sound / np.abs(sound).std()).astype(np.float32)


def row(clip: str, sound: np.ndarray, snr_db: float = 30.0, character: str = "endou") -> Row:
    seen = replace(GOOD, snr_db=snr_db, fingerprint=clip_words(sound, RATE))
    return Row(
        clip=clip, episode=clip[:2], start=0.0, end=len(sound) / RATE, speaker="S001", character=character,
        verdict="kept", reason="good", detail="", purity=0.2, consistency=0.9, measurements=seen,
    )  # fmt: skip


def verdicts(rows: list[Row], most: float = 1) -> list[str]:
    vectors = {each.clip: vector("endou", each.clip, 0.9) for each in rows}
    return [each.reason for each in without_repeats(rows, vectors, most)]


def test_a_repeat_cut_and_mixed_differently_is_dropped_and_names_the_better_one() -> None:
    again = np.concatenate([np.zeros(3000, np.float32), line(1)[:-4000]]) * np.float32(0.4)
    again = again + np.float32(0.004) * np.random.default_rng(3).normal(size=len(again)).astype(np.float32)
    rows = [row("e1/1", line(1), snr_db=20.0), row("e2/1", again, snr_db=35.0), row("e2/2", line(2))]
    decided = without_repeats(rows, {each.clip: vector("endou", each.clip, 0.9) for each in rows})
    assert [each.reason for each in decided] == ["duplicate", "good", "good"]
    assert decided[0].detail.startswith("the same recording as e2/1 (")


def test_another_line_of_the_same_voice_is_no_repeat() -> None:
    assert verdicts([row(f"e1/{number}", line(number)) for number in range(8)]) == ["good"] * 8


def test_what_two_characters_say_is_not_compared() -> None:
    assert verdicts([row("e1/1", line(1)), row("e2/1", line(1), character="gouenji")]) == ["good"] * 2


def test_how_often_a_line_may_be_kept_can_be_chosen() -> None:
    rows = [row(f"e{number}/1", line(1)) for number in range(4)]
    assert verdicts(rows).count("good") == 1
    assert verdicts(rows, most=2).count("good") == 2
    assert verdicts(rows, most=float("inf")).count("good") == 4


def test_clips_without_a_fingerprint_are_left_alone() -> None:
    rows = [replace(row(f"e{number}/1", line(1)), measurements=GOOD) for number in range(3)]
    assert verdicts(rows) == ["good"] * 3


def test_different_sound_differs_in_about_half_of_its_bits_and_silence_has_none() -> None:
    one, other = words_of(line(1), RATE), words_of(line(2), RATE)
    assert different_bits([one], [one])[0] == 0
    assert 0.35 < different_bits([one], [other])[0] < 0.6
    assert clip_words(np.zeros(RATE, np.float32), RATE) == ""
