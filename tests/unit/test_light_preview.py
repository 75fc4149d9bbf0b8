"""Players and pictures: of the right stretch, small, and the same each time."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from containers.contract import stages
from containers.contract.errors import RequestError
from containers.contract.item import Item
from containers.light import picture, preview
from tests.unit import media_material as made
from tests.unit.media_material import RATE


def preview_of(folder: Path, source: Path, *stretches: tuple[float, float | None]) -> tuple[stages.PreviewResult, Item]:
    item, file = made.item_of(folder, source)
    excerpts = tuple(stages.Excerpt(file=file, start=start, end=end) for start, end in stretches)
    return preview.preview(stages.PreviewRequest(excerpts=excerpts), item), item


def shades(path: Path) -> NDArray[np.uint8]:
    """The picture's shades, row 0 at the top."""
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", data[16:24])
    body = data.index(b"IDAT")
    (length,) = struct.unpack(">I", data[body - 4 : body])
    lines = zlib.decompress(data[body + 4 : body + 4 + length])
    return np.frombuffer(lines, np.uint8).reshape(height, width + 1)[:, 1:]


def heard(path: Path) -> NDArray[np.float32]:
    with av.open(str(path)) as sound:
        return np.concatenate([frame.to_ndarray() for frame in sound.decode(audio=0)], axis=1)


def beep(hz: float, begins: float, ends: float, seconds: float = 4.0, rate: int = RATE) -> made.Sound:
    at = np.arange(round(seconds * rate)) / rate
    return (0.5 * np.sin(2 * np.pi * hz * at) * ((at >= begins) & (at < ends))).astype(np.float32)


@pytest.mark.parametrize("rate", [16000, 44100, 48000, 96000])
def test_the_picture_shows_a_tone_at_its_time_and_pitch(tmp_path: Path, rate: int) -> None:
    source = made.wav(tmp_path / "a.wav", beep(2000, 1.0, 2.0, rate=rate), rate)
    result, item = preview_of(tmp_path / "x", source, (0.0, None))
    seen = shades(item.path / result.previews[0].picture.path)
    assert seen.shape == (picture.HEIGHT, picture.WIDTH) == (120, 600)
    row = picture.HEIGHT * 6 // 8
    assert abs(int(seen.mean(axis=1).argmax()) - row) <= 2
    bright = np.flatnonzero(seen[row - 2 : row + 2].max(axis=0) > 200)
    assert bright[0] == pytest.approx(150, abs=6)
    assert bright[-1] == pytest.approx(300, abs=6)


def test_the_player_has_the_stretch_that_was_asked_for(tmp_path: Path) -> None:
    source = made.wav(tmp_path / "a.flac", np.stack([beep(500, 1.0, 1.5), beep(500, 1.0, 1.5)]))
    result, item = preview_of(tmp_path / "x", source, (0.0, None), (1.0, 1.5), (0.0, 0.9))
    lengths = [each.duration for each in result.previews]
    assert lengths == [4.0, 0.5, 0.9]
    levels = []
    for each in result.previews:
        sound = heard(item.path / each.player.path)
        assert sound.shape[0] == 2
        assert sound.shape[1] / RATE == pytest.approx(each.duration, abs=0.08)
        levels.append(float(np.sqrt((sound**2).mean())))
    assert levels[1] > 2 * levels[0] > 0.1
    assert levels[2] < 0.01


def test_silence_stays_dark(tmp_path: Path) -> None:
    result, item = preview_of(tmp_path / "x", made.wav(tmp_path / "a.wav", beep(500, 0, 0)), (0.0, None))
    assert shades(item.path / result.previews[0].picture.path).max() == 0


@pytest.mark.parametrize("seconds", [0.02, 0.3, 70.0])
def test_a_picture_of_any_length_has_no_empty_columns(tmp_path: Path, seconds: float) -> None:
    source = made.wav(tmp_path / "a.wav", 0.1 * np.random.default_rng(1).standard_normal(round(seconds * 16000)), 16000)
    result, item = preview_of(tmp_path / "x", source, (0.0, None))
    assert shades(item.path / result.previews[0].picture.path).max(axis=0).min() > 100


def test_the_same_excerpt_gives_the_same_bytes(tmp_path: Path) -> None:
    source = made.wav(tmp_path / "a.wav", made.stereo(2.0))
    assert preview_of(tmp_path / "x", source, (0.5, 1.5))[0] == preview_of(tmp_path / "y", source, (0.5, 1.5))[0]


def test_an_mp3_tells_neither_a_date_nor_who_made_it(tmp_path: Path) -> None:
    result, item = preview_of(tmp_path / "x", made.wav(tmp_path / "a.wav", made.stereo(1.0)), (0.0, None))
    player = (item.path / result.previews[0].player.path).read_bytes()
    assert player[:2] in (b"\xff\xfb", b"\xff\xfa")
    assert b"ID3" not in player
    assert b"Lavf" not in player


def test_an_excerpt_beyond_the_sound_is_a_wrong_request(tmp_path: Path) -> None:
    source = made.wav(tmp_path / "a.wav", made.stereo(1.0))
    with pytest.raises(RequestError, match=r"excerpt 0 .* 1\.00 s"):
        preview_of(tmp_path / "x", source, (1.5, None))
