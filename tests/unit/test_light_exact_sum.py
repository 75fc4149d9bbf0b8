"""A recording that is decoded once reads as one that is decoded each time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from containers.light.exact_sum import Recording, unpacked


@pytest.mark.parametrize(("kind", "bit_depth"), [("PCM_16", 16), ("PCM_24", 16), ("PCM_24", 24)])
@pytest.mark.parametrize("channels", [1, 2])
def test_any_stretch_is_the_same_before_in_and_after_the_file(
    tmp_path: Path, kind: str, bit_depth: int, channels: int
) -> None:
    path = tmp_path / "sound.flac"
    sound = np.random.default_rng(1).uniform(-1, 1, ((1 << 19) + 1000, channels))
    soundfile.write(path, sound, 48000, kind)
    with soundfile.SoundFile(path) as one, soundfile.SoundFile(path) as other:
        expected = Recording(one, bit_depth)
        with unpacked(other, bit_depth, tmp_path) as found:
            assert [each.name for each in tmp_path.iterdir()] == ["sound.flac"], "the file has no name"
            for first, last in ((-50, 100), (5000, 9000), (70, 71), (len(sound) - 10, len(sound) + 10)):
                assert np.array_equal(found.integers(first, last), expected.integers(first, last))
                assert np.array_equal(found.floats(first, last), expected.floats(first, last))
