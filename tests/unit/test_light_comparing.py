"""One recording laid over another on light: what is the same is found to a part of a sample, what is new is heard."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.signal
import soundfile
from numpy.typing import NDArray

from containers.contract.item import Item, sha256_of
from containers.contract.stages import (
    COMPARED,
    CompareRequest,
    CompareResult,
    File,
    RestoreRequest,
    Reused,
    Segment,
    Stretch,
)
from containers.light.comparing import compare
from containers.light.condensing import joint, restore
from containers.light.earlier import laid_under
from containers.light.exact_sum import Recording

RATE_HZ = 16000
SECONDS = 14
JOINT = joint(RATE_HZ)

Sound = NDArray[np.float64]


def theme(seconds: float = SECONDS, seed: int = 0) -> Sound:
    """Music of sorts, band-limited and different in both channels: (samples, 2)."""
    noise = np.random.default_rng(seed).standard_normal((round(seconds * RATE_HZ), 2))
    low = scipy.signal.sosfilt(scipy.signal.butter(4, 5000, fs=RATE_HZ, output="sos"), noise, axis=0)
    swell = 0.6 + 0.4 * np.sin(2 * np.pi * 0.7 * np.arange(len(low)) / RATE_HZ)
    return 0.1 * low * swell[:, None]


def later(sound: Sound, samples: float) -> Sound:
    """The same, later by a part of a sample, by its spectrum."""
    turn = np.exp(-2j * np.pi * np.fft.rfftfreq(len(sound)) * samples)
    return np.fft.irfft(np.fft.rfft(sound, axis=0) * turn[:, None], len(sound), axis=0)


def laid(folder: Path, name: str, sound: Sound) -> File:
    path = folder / "in" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, sound, RATE_HZ, subtype="PCM_16")
    return File(path=f"in/{name}", sha256=sha256_of(path))


def compared(folder: Path, recording: Sound, earlier: Sound, *stretches: Stretch) -> tuple[CompareResult, Sound]:
    asked = CompareRequest(
        recording=laid(folder, "recording.flac", recording),
        earlier=laid(folder, "earlier.flac", earlier),
        stretches=stretches,
    )
    made = compare(asked, Item(folder))
    return made, np.load(folder / made.differences.path, allow_pickle=False)


def column(rows: Sound, name: str) -> Sound:
    return rows[:, COMPARED.index(name)]


@pytest.mark.parametrize("part", [0.0, 0.37])
def test_lag_and_gain_are_found_and_nothing_is_left_of_the_same_sound(tmp_path: Path, part: float) -> None:
    music, before = theme(), theme(2, seed=1)
    recording = np.concatenate((before, 0.5 * later(music, part)))
    made, rows = compared(tmp_path, recording, music, Stretch(start=2.0, end=2.0 + SECONDS, lag=2.1))
    (found,) = made.stretches
    assert found.lag * RATE_HZ == pytest.approx(2 * RATE_HZ + part, abs=0.02)
    assert found.gain == pytest.approx(0.5, abs=0.002)
    assert len(rows) == found.rows == pytest.approx(SECONDS / made.hop, abs=1)
    assert column(rows, "residual_db")[10:-10].max() < -30  # two roundings to 16 bits leave -60


def test_other_sound_and_another_speed_do_not_go_together(tmp_path: Path) -> None:
    slower = scipy.signal.resample(theme(), round(SECONDS * RATE_HZ * 1.001))
    for number, other in enumerate((theme(seed=2), slower)):
        made, rows = compared(tmp_path / str(number), other, theme(), Stretch(start=0.0, end=SECONDS, lag=0.0))
        assert made.stretches == ()
        assert rows.shape == (0, len(COMPARED))


def test_what_is_new_is_left_over_where_it_is(tmp_path: Path) -> None:
    recording = theme()
    recording[5 * RATE_HZ : 6 * RATE_HZ] += 0.1 * theme(1, seed=3)  # 20 dB below
    made, rows = compared(tmp_path, recording, theme(), Stretch(start=0.0, end=SECONDS, lag=0.0))
    left, times = column(rows, "residual_db"), (np.arange(len(rows)) + 0.5) * made.hop
    inside, outside = (times > 5.2) & (times < 5.8), (times < 4.8) | (times > 6.2)
    assert left[inside].min() > -26
    assert left[outside].max() < -40


def test_the_earlier_vocals_are_taken_over_without_a_click_and_the_sum_stays_exact(tmp_path: Path) -> None:
    """The earlier episode's vocals are a part of its recording that can be told from the condensed one's."""
    music = theme()
    recording = np.concatenate((theme(2, seed=1), 0.5 * music, theme(1, seed=4)))
    segments = (Segment(start=0.0, end=3.02), Segment(start=12.98, end=17.0))
    condensed = np.zeros((round((3.02 + 4.02) * RATE_HZ) + JOINT, 2))
    asked = RestoreRequest(
        recording=laid(tmp_path, "recording.flac", recording),
        segments=segments,
        vocals=laid(tmp_path, "vocals.flac", condensed),
        earlier=laid(tmp_path, "earlier.flac", music),
        reused=(Reused(start=3.0, end=13.0, lag=2.0, gain=0.5),),
    )
    made = restore(asked, Item(tmp_path))
    whole, vocals, background = (
        soundfile.read(tmp_path / each.path, dtype="int16")[0].astype(int)
        for each in (asked.recording, made.vocals, made.background)
    )
    np.testing.assert_array_equal(vocals + background, whole)
    first, last = 3 * RATE_HZ, 13 * RATE_HZ
    assert not vocals[:first].any()
    assert not vocals[last:].any()
    assert np.abs(background[first + JOINT : last - JOINT]).max() <= 1  # all of it is vocals here
    assert np.abs(vocals[first : first + 8]).max() < 30  # faded in: the music is at 1600


def test_vocals_that_would_leave_no_room_for_the_background_are_bounded(tmp_path: Path) -> None:
    loud = np.full((RATE_HZ, 2), -0.9)
    asked = RestoreRequest(
        recording=laid(tmp_path, "recording.flac", loud),
        segments=(),
        vocals=None,
        earlier=laid(tmp_path, "earlier.flac", -loud),
        reused=(Reused(start=0.0, end=1.0, lag=0.0, gain=1.0),),
    )
    made = restore(asked, Item(tmp_path))
    vocals, background = (
        soundfile.read(tmp_path / each.path, dtype="int16")[0].astype(int) for each in (made.vocals, made.background)
    )
    np.testing.assert_array_equal(vocals + background, np.rint(loud * 32768).astype(int))


def test_a_sound_between_two_samples_is_what_its_spectrum_says(tmp_path: Path) -> None:
    music = theme(2)
    laid(tmp_path, "music.flac", music)
    with soundfile.SoundFile(tmp_path / "in" / "music.flac") as file:
        moved = laid_under(Recording(file, 16), 100.37, 1.0, RATE_HZ, RATE_HZ + 4000)
    wanted = later(music, 100.37)[RATE_HZ : RATE_HZ + 4000].T
    assert np.abs(moved - wanted).max() < 0.002 * np.abs(wanted).max()


def test_around_a_recording_lies_silence_however_far(tmp_path: Path) -> None:
    laid(tmp_path, "music.flac", theme(1))
    with soundfile.SoundFile(tmp_path / "in" / "music.flac") as file:
        recording = Recording(file, 16)
        for first in (-300, -100, RATE_HZ - 50, RATE_HZ + 500):
            found = recording.integers(first, first + 100)
            assert found.shape == (2, 100)
            inside = (np.arange(first, first + 100) >= 0) & (np.arange(first, first + 100) < RATE_HZ)
            assert not found[:, ~inside].any()
            assert found[:, inside].any() == inside.any()
