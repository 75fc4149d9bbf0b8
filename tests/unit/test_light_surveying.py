"""Stage survey on sounds whose figures are known: a tone, noise, a bang over both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyloudnorm
import pytest
import soundfile

from containers.contract.item import Item, sha256_of
from containers.contract.stages import SURVEYED, Excerpt, File, PreviewRequest, SurveyRequest
from containers.light.preview import preview
from containers.light.surveying import survey

RATE_HZ = 48000


def surveyed(folder: Path, background: np.ndarray, vocals: np.ndarray | None = None, rate: int = RATE_HZ) -> Any:
    """Columns by name, of stems (samples, channels)."""
    (folder / "in").mkdir(parents=True)
    files = {}
    for name, samples in (
        ("background", background),
        ("vocals", np.zeros_like(background) if vocals is None else vocals),
    ):
        path = folder / "in" / f"{name}.flac"
        soundfile.write(path, samples, rate, subtype="PCM_16")
        files[name] = File(path=f"in/{name}.flac", sha256=sha256_of(path))
    result = survey(SurveyRequest(**files), Item(folder))
    levels = np.load(folder / result.levels.path, allow_pickle=False)
    assert len(levels) == result.rows
    return {name: levels[:, index] for index, name in enumerate(SURVEYED)}


def lufs(power: np.ndarray) -> float:
    return float(-0.691 + 10 * np.log10(power.mean()))


def noise(seconds: float, level: float, rate: int = RATE_HZ, take: int = 0) -> np.ndarray:
    return np.random.default_rng(take).normal(0, level, (round(seconds * rate), 2))


def test_loudness_of_any_stretch_is_what_pyloudnorm_says_of_it(tmp_path: Path) -> None:
    """20 s long, so that a block's end lies in between; +-0.1 LU for the edges of the stretch."""
    sound = noise(22, 0.05)
    found = surveyed(tmp_path, sound)["background_power"]
    wanted = pyloudnorm.Meter(RATE_HZ).integrated_loudness(sound[18 * RATE_HZ : 22 * RATE_HZ])
    assert lufs(found[18 * 50 : 22 * 50]) == pytest.approx(wanted, abs=0.1)


@pytest.mark.parametrize("rate", [8000, 44100, 48000])
def test_a_short_sound_stands_out_of_noise_and_nothing_else_does(tmp_path: Path, rate: int) -> None:
    sound = noise(20, 0.003, rate)
    at = round(12.3 * rate)
    time = np.arange(round(0.3 * rate)) / rate
    sound[at : at + len(time)] += (0.1 * np.sin(2 * np.pi * 1200 * time) * np.exp(-9 * time))[:, None]
    found = surveyed(tmp_path, sound, rate=rate)["stands_out_db"]
    assert abs(np.argmax(found) / 50 - 12.3) < 0.08
    assert found.max() > 12
    assert np.delete(found, slice(round(12.1 * 50), round(12.9 * 50))).max() < 6


def test_a_steady_beat_does_not_stand_out(tmp_path: Path) -> None:
    """A drum four times a second is the usual thing there."""
    sound = noise(20, 0.001)
    hit = noise(0.08, 0.2, take=1)
    for beat in range(78):
        at = round(beat * 0.25 * RATE_HZ)
        sound[at : at + len(hit)] += hit
    assert surveyed(tmp_path, sound)["stands_out_db"].max() < 8


def test_noise_of_any_colour_has_no_notes_and_a_chord_has(tmp_path: Path) -> None:
    white = noise(4, 0.05)
    red = np.cumsum(white, axis=0)
    red = 0.3 * red / np.abs(red).max()
    time = np.arange(4 * RATE_HZ)[:, None] / RATE_HZ
    chord = 0.05 * np.sum([np.sin(2 * np.pi * hz * time) for k in range(1, 8) for hz in (220 * k, 277 * k)], axis=0)
    figures = [
        np.median(surveyed(tmp_path / str(index), each)["tonal_db"])
        for index, each in enumerate((white, red, np.repeat(chord / 4, 2, axis=1) + noise(4, 0.0005)))
    ]
    assert figures[0] == pytest.approx(2.5, abs=0.3)
    assert figures[1] == pytest.approx(2.5, abs=0.4)
    assert figures[2] > 6


def test_sound_out_of_phase_counts_in_full_and_the_voice_stands_beside_it(tmp_path: Path) -> None:
    mono = noise(3, 0.05)[:, :1]
    wide = surveyed(tmp_path / "wide", np.hstack([mono, -mono]), vocals=np.hstack([mono, mono]) / 2)
    assert lufs(wide["background_power"]) - lufs(wide["vocals_power"]) == pytest.approx(6.02, abs=0.1)


def test_silence_has_no_figures_to_speak_of(tmp_path: Path) -> None:
    found = surveyed(tmp_path, np.zeros((RATE_HZ, 2)))
    assert all(np.isfinite(each).all() for each in found.values())
    assert found["stands_out_db"].max() == 0


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24"])
def test_a_lossless_excerpt_has_the_samples_of_its_source(tmp_path: Path, subtype: str) -> None:
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "a.flac"
    soundfile.write(path, noise(3, 0.1), RATE_HZ, subtype=subtype)
    excerpt = Excerpt(file=File(path="in/a.flac", sha256=sha256_of(path)), start=0.5, end=2.25)
    (made,) = preview(PreviewRequest(excerpts=(excerpt,), lossless=True), Item(tmp_path)).previews
    copy, rate = soundfile.read(tmp_path / made.sound.path, dtype="int32")
    assert (rate, soundfile.info(tmp_path / made.sound.path).subtype) == (RATE_HZ, subtype)
    assert np.array_equal(copy, soundfile.read(path, dtype="int32")[0][24000:108000])
