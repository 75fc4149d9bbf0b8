"""Where somebody may speak in a recording as it is: voices that Open JTalk makes, in the sound around them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from numpy.typing import NDArray

from containers.contract.item import Item, sha256_of
from containers.contract.stages import DetectRequest, File
from containers.light import detection
from containers.light.detection import detect
from tasks.episodes.separating import Rule, speech_segments
from tests.unit.spoken_material import RATE_HZ, said

Sound = NDArray[np.float32]
ALWAYS = Rule(worth=0.0)


def noise(seconds: float, level: float) -> Sound:
    return (level * np.random.default_rng(3).standard_normal(round(seconds * RATE_HZ))).astype(np.float32)


def with_speech(sound: Sound, at: float, gain: float = 1.0) -> tuple[Sound, float]:
    """The sound with a sentence from `at` on, and when that ends."""
    voice, first = gain * said(0, 0), round(at * RATE_HZ)
    sound = sound.copy()
    sound[first : first + len(voice)] += voice
    return sound, at + len(voice) / RATE_HZ


def rows_of(folder: Path, samples: Sound, rate_hz: int = RATE_HZ) -> tuple[NDArray[np.float32], float]:
    path = folder / "in" / "recording.flac"
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples.T, rate_hz, subtype="PCM_16")
    asked = DetectRequest(recording=File(path="in/recording.flac", sha256=sha256_of(path)))
    made = detect(asked, Item(folder))
    return np.load(folder / made.speech.path, allow_pickle=False), made.hop


def test_speech_is_found_with_its_edges_and_the_rest_is_left_over(tmp_path: Path) -> None:
    sound, end = with_speech(noise(20.0, 0.002), 9.0)
    rows, hop = rows_of(tmp_path, sound)
    found = speech_segments(rows, hop, 20.0, ALWAYS) or ()
    assert any(each.start <= 9.0 < end <= each.end for each in found)
    assert sum(each.end - each.start for each in found) < end - 9.0 + 4.0


def test_quiet_speech_after_long_noise_is_found(tmp_path: Path) -> None:
    """The detector in its course has gone deaf by then."""
    sound = np.concatenate((noise(24.0, 0.05), noise(8.0, 0.0005)))
    sound, end = with_speech(sound, 27.0, gain=0.02)
    rows, hop = rows_of(tmp_path, sound)
    spoken = slice(round(27.0 / hop), round(end / hop))
    assert rows[spoken, 1].max() > 0.5
    assert any(each.start <= 27.0 < end <= each.end for each in speech_segments(rows, hop, 32.0, ALWAYS) or ())


@pytest.mark.parametrize("rate_hz", [16000, 44100])
def test_a_channel_that_is_upside_down_hides_nobody(tmp_path: Path, rate_hz: int) -> None:
    sound, end = with_speech(noise(8.0, 0.001), 3.0)
    sound = soxr.resample(sound, RATE_HZ, rate_hz)
    rows, hop = rows_of(tmp_path, np.stack((sound, -sound)), rate_hz)
    assert rows[round(3.0 / hop) : round(end / hop)].max() > 0.9


def test_blocks_leave_no_seam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sound, _ = with_speech(noise(9.0, 0.002), 3.0)
    rows, _ = rows_of(tmp_path, sound)
    monkeypatch.setattr(detection, "_BLOCK_SECONDS", 1.3)
    again, _ = rows_of(tmp_path, sound)
    assert rows.shape == again.shape == (-(-len(sound) // 512), 2)
    np.testing.assert_allclose(rows, again, atol=1e-5)  # sums of other batches


def test_silence_and_a_moment_of_sound_are_no_speech(tmp_path: Path) -> None:
    rows, hop = rows_of(tmp_path, np.zeros(5 * RATE_HZ, np.float32))
    assert speech_segments(rows, hop, 5.0, ALWAYS) == ()
    rows, hop = rows_of(tmp_path, noise(0.02, 0.1))
    assert len(rows) == 1
