"""An opening under two episodes on light, with a line said over it in the second: made sounds, from end to end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyopenjtalk
import pytest
import soundfile
import soxr
from numpy.typing import NDArray

from containers.contract.stages import Reused, Stretch
from tests.bench.recurring_once import Clock, in_part, reused_of, separated

RATE_HZ = 48000
THEME, LINE, PLACE = 24.0, 9.0, 31.25
"""Seconds of the opening, where in it the line begins, and where in the second episode the opening does."""

Sound = NDArray[np.float32]

pytestmark = pytest.mark.proof


def said(text: str) -> Sound:
    samples, rate = pyopenjtalk.tts(text)
    sound = soxr.resample(samples / 32768, rate, RATE_HZ).astype(np.float32)
    return np.repeat(0.2 * sound[:, None] / np.abs(sound).max(), 2, axis=1)


def theme() -> Sound:
    """Chords that change twice a second, wide, with a beat."""
    t = np.arange(round(THEME * RATE_HZ)) / RATE_HZ
    random = np.random.default_rng(5)
    found = np.zeros((len(t), 2))
    for beat in range(round(2 * THEME)):
        inside = (t >= beat / 2) & (t < beat / 2 + 0.5)
        swell = np.minimum(1, np.exp(-4 * (t[inside] - beat / 2)))
        for side in range(2):
            for hz in random.choice([220, 247, 277, 330, 370, 440, 554], 3, replace=False):
                found[inside, side] += 0.04 * swell * np.sin(2 * np.pi * hz * t[inside])
    return (found + 0.004 * random.standard_normal(found.shape)).astype(np.float32)


def laid(path: Path, sound: Sound) -> Path:
    soundfile.write(path, sound, RATE_HZ, subtype="PCM_16")
    return path


def level(sound: Sound) -> float:
    return float(np.sqrt(np.square(sound, dtype=np.float64).mean()))


def test_vocals_hold_a_line_over_a_reused_opening_and_elsewhere_are_the_first_episodes(tmp_path: Path) -> None:
    opening, line = theme(), said("今夜は絶対に負けられない試合なんだ。")
    quiet = np.zeros((round(PLACE * RATE_HZ), 2), np.float32)
    first = laid(tmp_path / "first.flac", np.concatenate((opening, said("さあ行こう。"))))
    over = 0.6 * opening
    begin = round(LINE * RATE_HZ)
    over[begin : begin + len(line)] += line
    second = laid(tmp_path / "second.flac", np.concatenate((quiet, over, said("また明日。"))))

    stretch = Stretch(start=PLACE - 1, end=PLACE + THEME + 1, lag=PLACE + 0.1)
    reused = reused_of(tmp_path / "compare", second, first, (stretch,))
    end = LINE + len(line) / RATE_HZ
    assert all(each.end < PLACE + LINE or each.start > PLACE + end for each in reused)
    assert sum(each.end - each.start for each in reused) > 0.5 * (THEME - (end - LINE))
    assert all(round(each.lag * RATE_HZ, 1) == PLACE * RATE_HZ and abs(each.gain - 0.6) < 0.01 for each in reused)

    stem = separated(tmp_path / "whole", first)
    made = in_part(tmp_path / "second", second, reused, stem, Clock())
    vocals, background, whole, before = (
        soundfile.read(path, dtype="float32")[0] for path in (made.vocals, made.background, second, stem)
    )
    assert np.abs(vocals + background - whole).max() < 1e-6
    spoken = slice(round((PLACE + LINE) * RATE_HZ), round((PLACE + end) * RATE_HZ))
    assert level(vocals[spoken] - line) < 0.5 * level(line)
    for each in reused:
        _is_taken_over(each, vocals, before)


def _is_taken_over(each: Reused, vocals: Sound, before: Sound) -> None:
    lag = round(each.lag * RATE_HZ)  # before the first episode begins lies silence
    first, last = max(lag, round((each.start + 0.1) * RATE_HZ)), round((each.end - 0.1) * RATE_HZ)
    assert np.abs(vocals[first:last] - each.gain * before[first - lag : last - lag]).max() < 1e-4
