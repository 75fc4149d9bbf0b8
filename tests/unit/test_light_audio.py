"""Sound files of the light engine."""

from __future__ import annotations

import resource
from pathlib import Path

import numpy as np
import pytest
import soundfile

from containers.contract.errors import EngineError, RecordingError
from containers.light.audio import read, unpacked
from containers.light.clip_files import readable


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


def test_a_disk_that_is_full_while_a_flac_is_unpacked_is_no_fault_of_the_recording(tmp_path: Path) -> None:
    """A process's limit for the size of its files stands for the disk: the system refuses alike."""
    noise = np.random.default_rng(3).uniform(-0.5, 0.5, 48000)
    soundfile.write(tmp_path / "vocals.flac", noise, 48000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with (
            pytest.raises(EngineError, match="make room"),
            readable(tmp_path / "vocals.flac"),
            unpacked(tmp_path / "vocals.flac", tmp_path),
        ):
            pytest.fail("nothing was refused")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    (tmp_path / "vocals.flac").write_bytes(b"no sound")
    with pytest.raises(RecordingError, match="cannot be decoded"), readable(tmp_path / "vocals.flac"):
        read(tmp_path / "vocals.flac")
