"""Stage measure on tones whose pitch, level and length are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from containers.contract.errors import RecordingError
from containers.contract.item import Item, sha256_of
from containers.contract.stages import File, MeasureRequest, MeasureResult
from containers.light.following import following, measure
from tests.unit.light_voices import item_with

RATE_HZ = 16000


def tone(hz: float, seconds: float = 1.0, level: float = 0.2) -> np.ndarray:
    """Ten harmonics, as a voice has them."""
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return np.asarray(level * sum(np.sin(2 * np.pi * hz * n * time) / n for n in range(1, 11)))


def measured(folder: Path, speech: np.ndarray, source: np.ndarray, shift: float = 0.0) -> MeasureResult:
    item, files = item_with(folder, speech=(speech, RATE_HZ), source=(source, RATE_HZ))
    return measure(MeasureRequest(speech=files["speech"], source=files["source"], shift_semitones=shift), item)


def test_a_copy_30_cents_off_is_30_cents_off_once_the_meant_shift_is_taken_away(tmp_path: Path) -> None:
    result = measured(tmp_path, tone(220 * 2 ** (5.3 / 12)), tone(220), 5.0)
    assert result.following is not None
    assert result.following.f0_error_cents == pytest.approx(30, abs=1)
    assert result.following.within_50_cents == pytest.approx(1.0, abs=0.02), "but for the tone's very ends"
    assert result.following.octave_errors == 0.0
    assert result.source_f0_median_hz == pytest.approx(220, abs=0.5)
    assert result.seconds == result.source_seconds == 1.0


def test_an_octave_off_is_an_octave_error_and_no_wrong_note() -> None:
    """A quarter of the frames an octave up: the rest are right, and the error is theirs."""
    source = np.full(400, 220.0)
    copy = np.where(np.arange(400) < 100, 440.0, 220.0)
    found = following(source, copy, 0.0)
    assert (found.octave_errors, found.within_50_cents, found.f0_error_cents) == (0.25, 0.75, 0.0)


def test_a_pitch_that_only_one_of_them_has_is_a_voicing_error() -> None:
    source = np.where(np.arange(400) < 200, 220.0, 0.0)
    found = following(source, np.full(300, 220.0), 0.0)
    assert found.voicing_errors == 0.25
    assert following(np.zeros(10), np.zeros(10), 0.0).f0_error_cents is None


def test_noise_has_no_pitch_and_a_tone_keeps_its_level(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(scale=0.05, size=RATE_HZ)
    result = measured(tmp_path, np.clip(3 * tone(150), -0.4, 0.4), noise)
    assert result.source_f0_median_hz is None
    assert result.peak_dbfs == pytest.approx(-7.96, abs=0.05)
    assert result.clipped_share > 0.2


def test_blocks_hear_what_one_block_hears(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    glide = tone(200, 2.5) * np.linspace(0.5, 1, round(2.5 * RATE_HZ))
    whole = measured(tmp_path / "whole", glide, glide)
    monkeypatch.setattr("containers.light.following._BLOCK_SECONDS", 1)
    assert measured(tmp_path / "blocks", glide, glide) == whole


def test_silence_has_neither_loudness_nor_pitch_and_an_empty_file_is_the_recordings_fault(tmp_path: Path) -> None:
    silent = measured(tmp_path, np.zeros(RATE_HZ), np.zeros(RATE_HZ))
    assert (silent.loudness_lufs, silent.f0_median_hz, silent.clipped_share) == (None, None, 0.0)
    (tmp_path / "e" / "in").mkdir(parents=True)
    path = tmp_path / "e" / "in" / "speech.wav"
    soundfile.write(path, np.zeros(0), RATE_HZ)
    with pytest.raises(RecordingError, match="empty"):
        measure(MeasureRequest(speech=File(path="in/speech.wav", sha256=sha256_of(path))), Item(tmp_path / "e"))
