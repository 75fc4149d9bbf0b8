"""Sound files of the light engine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from containers.light.audio import unpacked


@pytest.mark.parametrize("kind", ["PCM_S8", "PCM_16", "PCM_24"])
@pytest.mark.parametrize("channels", [1, 2])
def test_unpacked_flac_has_the_same_samples_and_is_gone_afterwards(tmp_path: Path, kind: str, channels: int) -> None:
    path = tmp_path / "sound.flac"
    sound = np.random.default_rng(1).uniform(-1, 1, ((1 << 18) + 1000, channels))
    soundfile.write(path, sound, 48000, kind)
    with unpacked(path, tmp_path) as plain:
        assert plain != path
        for number in ("int32", "float32"):
            found, rate_hz = soundfile.read(plain, dtype=number, always_2d=True)
            assert rate_hz == 48000
            assert np.array_equal(found, soundfile.read(path, dtype=number, always_2d=True)[0])
    assert [each.name for each in tmp_path.iterdir()] == ["sound.flac"]


def test_what_is_not_packed_is_read_where_it_lies(tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    soundfile.write(path, np.zeros(100), 48000)
    with unpacked(path, tmp_path) as plain:
        assert plain == path
