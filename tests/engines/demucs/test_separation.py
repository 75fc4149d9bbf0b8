"""Recordings of every kind, several at once, with spoiled ones between them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from containers.contract.codec import canonical, encode
from containers.contract.errors import RecordingError
from containers.contract.item import Item
from containers.contract.stages import CONTRACT
from containers.demucs import backend
from tests.engines.demucs.sounds import Sound, asked, music, request

HASTY = {"model": "hasty", "threads": 1}


@pytest.mark.parametrize(
    ("rate_hz", "channels", "recorded", "bit_depth", "samples"),
    [
        (44100, 2, 16, 16, 400_000),
        (48000, 2, 16, 24, 400_001),
        (48000, 1, 24, 16, 70_003),
        (8000, 1, 16, 16, 9_001),
        (96000, 2, 24, 24, 300_000),
        (48000, 2, 16, 16, 1),
        (44100, 1, 16, 16, 1),
    ],
)
def test_vocals_and_background_add_up_to_the_recording_in_every_sample(
    tmp_path: Path, rate_hz: int, channels: int, recorded: int, bit_depth: int, samples: int
) -> None:
    sound = 8 * music(samples / rate_hz, 3, rate_hz=rate_hz, channels=channels)[:samples]  # reaches full scale
    soundfile.write(path := tmp_path / "recorded.flac", sound, rate_hz, subtype=f"PCM_{recorded}")
    whole = _integers(path, bit_depth)
    pair = asked(tmp_path / "item", sound, rate_hz=rate_hz, bit_depth=recorded)
    pair = request(tmp_path / "item", bit_depth), pair[1]
    result = backend.separate(backend.setup(backend.Options(**HASTY)), *pair)
    vocals, background = (_integers(pair[1].path / each.path, bit_depth) for each in (result.vocals, result.background))
    np.testing.assert_array_equal(vocals + background, whole)
    about = soundfile.info(pair[1].path / result.vocals.path)
    assert (about.samplerate, about.channels, about.frames) == (rate_hz, channels, samples)
    assert about.subtype == f"PCM_{bit_depth}"
    assert result.duration == samples / rate_hz
    assert samples == 1 or vocals.any()


def test_what_cannot_be_read_gets_its_error_and_its_neighbours_their_stems(tmp_path: Path) -> None:
    sounds = [music(seconds, seed) for seed, seconds in enumerate((5.0, 12.0, 6.0))]
    alone = [_stems(backend.Options(**HASTY), *asked(tmp_path / f"alone{i}", each)) for i, each in enumerate(sounds)]
    pairs = [asked(tmp_path / f"{i}", each) for i, each in enumerate(sounds)]
    whole = (pairs[1][1].path / "in" / "recording.flac").read_bytes()
    spoiled = [
        _spoiled(tmp_path / "text", b"This is a text and holds no sound at all.\n" * 40),
        _spoiled(tmp_path / "nothing", b""),
        _spoiled(tmp_path / "half", whole[: len(whole) // 2]),
        asked(tmp_path / "empty", np.zeros((0, 2), np.float32)),
        asked(tmp_path / "surround", music(1.0, 4, channels=3)),
    ]
    mixed = [spoiled[0], pairs[0], spoiled[1], spoiled[2], pairs[1], spoiled[3], pairs[2], spoiled[4]]
    options = backend.setup(backend.Options(**HASTY))
    answers = dict(backend.separate_many(options, iter(mixed)))
    assert set(answers) == {item for _, item in mixed}
    for _, item in spoiled:
        assert isinstance(answers[item], RecordingError), item.id
        assert "again" in str(answers[item]) or "stereo or mono" in str(answers[item])
    for (_, item), stems in zip(pairs, alone, strict=True):
        assert _bytes(item, answers[item]) == stems


def test_a_recording_that_spoils_while_it_is_read_leaves_its_neighbours_alone(tmp_path: Path) -> None:
    """The first reading is good, so that segments of it are with the model already when the second one fails."""
    pairs = [asked(tmp_path / name, music(15.0, seed)) for seed, name in enumerate(("good", "spoilt", "next"))]
    spoilt = pairs[1][1]
    options = backend.setup(backend.Options(**HASTY, segments_at_once=3))

    def drawn() -> object:
        yield pairs[0]
        yield pairs[1]
        yield pairs[2]

    from containers.demucs.separation import Track

    level = Track._level

    def level_then_spoil(track: Track) -> object:
        found = level(track)
        if track.item is spoilt:
            path = track.item.path / "in" / "recording.flac"
            path.write_bytes(path.read_bytes()[:-300_000])
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Track, "_level", level_then_spoil)
        answers = dict(backend.separate_many(options, drawn()))
    assert isinstance(answers[spoilt], RecordingError)
    assert {item.id for item, answer in answers.items() if not isinstance(answer, Exception)} == {"good", "next"}


def test_peak_memory_does_not_grow_with_the_length_of_a_recording(tmp_path: Path) -> None:
    """A whole 8 minutes would be 160 MB as float32, once."""
    minute = music(60.0, 9, rate_hz=48000)
    short, long = (_peak_mb(tmp_path / f"{times}", np.tile(minute, (times, 1))) for times in (1, 8))
    assert long - short < 25


def test_progress_rises_to_the_end(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pair = asked(tmp_path / "item", music(60.0, 1))
    backend.separate(backend.setup(backend.Options(**HASTY)), *pair)
    done = [json.loads(line)["done"] for line in capfd.readouterr().out.splitlines()]
    assert done == sorted(done)
    assert done[-1] == 1.0
    assert done[0] < 0.5


def _peak_mb(folder: Path, sound: Sound) -> float:
    """Peak memory of the engine's process, as the contract measures it (VmHWM)."""
    item = folder / "items" / "one"
    wanted, _ = asked(item, sound, rate_hz=48000)
    envelope = {"contract": CONTRACT, "stage": "separate", "request": encode(wanted)}
    (item / "request.json").write_text(canonical(envelope), "utf-8")
    (folder / "options.json").write_text(json.dumps(HASTY), "utf-8")
    subprocess.run([sys.executable, "-m", "containers.contract", "demucs", str(folder)], check=True)
    assert (item / "result.json").exists(), (item / "error.json").read_text("utf-8")
    return float(json.loads((item / "run.json").read_text("utf-8"))["peak_memory_mb"])


def _spoiled(folder: Path, content: bytes) -> tuple[object, Item]:
    (folder / "in").mkdir(parents=True)
    (folder / "in" / "recording.flac").write_bytes(content)
    return request(folder), Item(folder)


def _stems(options: backend.Options, wanted: object, item: Item) -> dict[str, bytes]:
    return _bytes(item, backend.separate(backend.setup(options), wanted, item))


def _bytes(item: Item, result: object) -> dict[str, bytes]:
    return {path: (item.path / path).read_bytes() for path in (result.vocals.path, result.background.path)}


def _integers(path: Path, bit_depth: int) -> np.ndarray:
    samples = soundfile.read(path, dtype="int32", always_2d=True)[0]
    whole = np.rint(samples / 2.0 ** (32 - bit_depth) + 1e-9)
    return np.minimum(whole, 2 ** (bit_depth - 1) - 1).astype(np.int64)
