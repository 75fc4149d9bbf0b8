"""A song is told from speech by its notes, and a shout from a song by their number."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from containers.light.singing import singing_probability


def pitch(*parts: tuple[float, float, float]) -> NDArray[np.float64]:
    """(seconds, Hz at the start, Hz at the end) in a row, 10 ms apart; 0 Hz is unvoiced."""
    return np.concatenate([np.linspace(start, end, round(100 * seconds)) for seconds, start, end in parts])


def probability(f0: NDArray[np.float64]) -> float:
    found = singing_probability(f0)
    assert found is not None
    return found


def test_a_melody_is_sung() -> None:
    assert probability(pitch((0.5, 220, 220), (0.1, 0, 0), (0.4, 262, 262), (0.6, 294, 294))) > 0.95


def test_glides_are_spoken() -> None:
    assert probability(pitch(*[(0.4, 260, 150), (0.1, 0, 0)] * 4)) < 0.02


def test_a_shout_that_holds_one_vowel_is_not_a_song() -> None:
    """One second held at the end of a phrase: 60 % of the voice."""
    assert probability(pitch((0.35, 180, 330), (0.1, 0, 0), (0.3, 240, 330), (1.0, 330, 330))) < 0.02


def test_of_too_little_voice_nothing_is_said() -> None:
    assert singing_probability(np.concatenate([np.full(40, 200.0), np.zeros(100)])) is None
    assert singing_probability(np.zeros(0)) is None
