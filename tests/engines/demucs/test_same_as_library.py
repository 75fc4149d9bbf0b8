"""The engine's vocals are the library's, whatever shares a forward with them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from containers.demucs import backend
from tests.engines.demucs.sounds import asked, music

TOLERANCE = 1e-5
"""Of full scale. Stems of 24 bits are at most half a step of theirs off, which is 6e-8."""


@pytest.mark.parametrize(
    ("model", "at_once", "seconds"),
    [
        ("htdemucs", 3, (20.0, 1.3, 0.4)),
        ("bag", 4, (5.0, 1.3, 6.1)),
        ("older", 3, (5.0, 1.3, 8.1)),
        ("hasty", 1, (30.0, 1.3)),
    ],
)
def test_vocals_of_several_recordings_are_those_of_the_librarys_separator(
    tmp_path: Path, library: Callable[..., object], model: str, at_once: int, seconds: tuple[float, ...]
) -> None:
    """Several segments, less than one, a segment and a bit: alone in the library, together here."""
    pairs = [asked(tmp_path / str(i), music(each, i), bit_depth=24) for i, each in enumerate(seconds)]
    options = backend.setup(backend.Options(model=model, segments_at_once=at_once))
    answers = dict(backend.separate_many(options, iter(pairs)))
    separator = library(model)
    for _, item in pairs:
        _, expected = separator.separate_audio_file(item.path / "in" / "recording.flac")
        vocals = _read(item.path / answers[item].vocals.path)
        assert vocals.shape == expected["vocals"].shape
        assert float(expected["vocals"].abs().max()) > 0.001
        assert float((vocals - expected["vocals"]).abs().max()) < TOLERANCE


def test_a_recording_of_48_khz_goes_there_and_back_by_the_librarys_own_resampling(
    tmp_path: Path, library: Callable[..., object]
) -> None:
    import julius

    pair = asked(tmp_path / "item", music(9.0, 5, rate_hz=48000), rate_hz=48000, bit_depth=24)
    options = backend.setup(backend.Options(model="hasty", segments_at_once=2))
    result = backend.separate(options, *pair)
    _, expected = library("hasty").separate_audio_file(pair[1].path / "in" / "recording.flac")
    vocals = _read(pair[1].path / result.vocals.path)
    back = julius.resample_frac(expected["vocals"], 44100, 48000, full=True)[:, : vocals.shape[1]]
    assert (result.sample_rate_hz, vocals.shape[1]) == (48000, 9 * 48000)
    assert float((vocals[:, : back.shape[1]] - back).abs().max()) < TOLERANCE


def test_of_a_mono_recording_the_vocals_are_the_middle_of_the_librarys(
    tmp_path: Path, library: Callable[..., object]
) -> None:
    pair = asked(tmp_path / "item", music(3.0, 6, channels=1), bit_depth=24)
    result = backend.separate(backend.setup(backend.Options(model="hasty")), *pair)
    _, expected = library("hasty").separate_audio_file(pair[1].path / "in" / "recording.flac")
    vocals = _read(pair[1].path / result.vocals.path)
    assert float((vocals - expected["vocals"].mean(dim=0)).abs().max()) < TOLERANCE


def _read(path: Path) -> torch.Tensor:
    samples, _ = soundfile.read(path, dtype="float32", always_2d=True)
    return torch.from_numpy(np.ascontiguousarray(samples.T))
