"""A recording without what needs no separating, and stems put back in their place: exact, without a click."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from containers.contract.errors import RequestError
from containers.contract.item import Item, sha256_of
from containers.contract.stages import CondenseRequest, File, RestoreRequest, Segment
from containers.light.condensing import condense, joint, restore

RATE_HZ = 16000
JOINT = joint(RATE_HZ)
SEGMENTS = (Segment(start=1.0, end=2.5), Segment(start=4.003, end=6.0))

Sound = NDArray[np.int32]


def recording(channels: int = 2, bit_depth: int = 16) -> Sound:
    """Seven seconds of a loud low tone, whose steps are small: (samples, channels)."""
    t = np.arange(7 * RATE_HZ) / RATE_HZ
    tone = np.stack([0.6 * np.sin(2 * np.pi * (61.3 + 20 * each) * t + each) for each in range(channels)], axis=1)
    return np.rint(tone * 2 ** (bit_depth - 1)).astype(np.int32)


def laid(folder: Path, name: str, sound: Sound, bit_depth: int = 16) -> File:
    path = folder / "in" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, sound << (32 - bit_depth), RATE_HZ, subtype=f"PCM_{bit_depth}")
    return File(path=f"in/{name}", sha256=sha256_of(path))


def read(folder: Path, file: File, bit_depth: int = 16) -> Sound:
    return soundfile.read(folder / file.path, dtype="int32", always_2d=True)[0] >> (32 - bit_depth)


def inside(sound: Sound, segment: Segment) -> Sound:
    return sound[round(segment.start * RATE_HZ) : round(segment.end * RATE_HZ)]


def steps(sound: Sound) -> int:
    """The largest difference between two samples that follow each other."""
    return int(np.abs(np.diff(sound, axis=0)).max())


@pytest.mark.parametrize(("channels", "bit_depth"), [(2, 16), (1, 24)])
def test_segments_are_kept_sample_by_sample_and_joined_without_a_click(
    tmp_path: Path, channels: int, bit_depth: int
) -> None:
    sound = recording(channels, bit_depth)
    asked = CondenseRequest(
        recording=laid(tmp_path, "recording.flac", sound, bit_depth), segments=SEGMENTS, bit_depth=bit_depth
    )
    made = condense(asked, Item(tmp_path))
    short = read(tmp_path, made.recording, bit_depth)
    first, second = (inside(sound, each) for each in SEGMENTS)
    assert len(short) == len(first) + JOINT + len(second) == round(made.duration * RATE_HZ)
    np.testing.assert_array_equal(short[: len(first)], first)
    np.testing.assert_array_equal(short[len(first) + JOINT :], second)
    assert steps(short) <= 2 * steps(sound)  # plainly put together: twenty times as much
    assert steps(np.concatenate((first, second))) > 5 * steps(sound)


def test_outside_the_segments_vocals_are_silent_and_the_background_is_the_recording(tmp_path: Path) -> None:
    sound = recording()
    condensed = condense(
        CondenseRequest(recording=laid(tmp_path, "recording.flac", sound), segments=SEGMENTS), Item(tmp_path)
    )
    stem = read(tmp_path, condensed.recording) // 2
    made = restore(
        RestoreRequest(
            recording=laid(tmp_path, "recording.flac", sound),
            segments=SEGMENTS,
            vocals=laid(tmp_path, "vocals.flac", stem),
        ),
        Item(tmp_path),
    )
    vocals, background = read(tmp_path, made.vocals), read(tmp_path, made.background)
    np.testing.assert_array_equal(vocals + background, sound)
    outside = np.ones(len(sound), bool)
    for each in SEGMENTS:
        outside[round(each.start * RATE_HZ) : round(each.end * RATE_HZ)] = False
        middle = slice(round(each.start * RATE_HZ) + JOINT, round(each.end * RATE_HZ) - JOINT)
        np.testing.assert_array_equal(vocals[middle], sound[middle] // 2)
    assert not vocals[outside].any()
    np.testing.assert_array_equal(background[outside], sound[outside])
    assert steps(vocals) <= 2 * steps(sound // 2)
    assert steps(background) <= 2 * steps(sound)


def test_a_segment_at_the_begin_and_the_end_of_the_recording_is_not_faded_there(tmp_path: Path) -> None:
    sound = recording()
    whole = (Segment(start=0.0, end=2.0), Segment(start=5.0, end=7.0))
    file = laid(tmp_path, "recording.flac", sound)
    condensed = condense(CondenseRequest(recording=file, segments=whole), Item(tmp_path))
    stem = laid(tmp_path, "vocals.flac", read(tmp_path, condensed.recording))
    made = restore(RestoreRequest(recording=file, segments=whole, vocals=stem), Item(tmp_path))
    vocals = read(tmp_path, made.vocals)
    np.testing.assert_array_equal(vocals[:JOINT], sound[:JOINT])
    np.testing.assert_array_equal(vocals[-JOINT:], sound[-JOINT:])


def test_without_any_segment_all_is_background(tmp_path: Path) -> None:
    sound = recording()
    asked = RestoreRequest(recording=laid(tmp_path, "recording.flac", sound), segments=(), vocals=None)
    made = restore(asked, Item(tmp_path))
    assert not read(tmp_path, made.vocals).any()
    np.testing.assert_array_equal(read(tmp_path, made.background), sound)


@pytest.mark.parametrize(
    "segments",
    [
        (Segment(start=8.0, end=9.0),),
        (Segment(start=2.0, end=3.0), Segment(start=1.0, end=1.5)),
        (Segment(start=1.0, end=2.0), Segment(start=2.0, end=3.0)),
        (),
    ],
    ids=["outside", "not in order", "not apart", "none"],
)
def test_segments_that_cannot_be_are_refused(tmp_path: Path, segments: tuple[Segment, ...]) -> None:
    asked = CondenseRequest(recording=laid(tmp_path, "recording.flac", recording()), segments=segments)
    with pytest.raises(RequestError, match="segment"):
        condense(asked, Item(tmp_path))


def test_vocals_of_other_segments_are_refused(tmp_path: Path) -> None:
    sound = recording()
    asked = RestoreRequest(
        recording=laid(tmp_path, "recording.flac", sound),
        segments=SEGMENTS,
        vocals=laid(tmp_path, "vocals.flac", sound),
    )
    with pytest.raises(RequestError, match="not of these segments"):
        restore(asked, Item(tmp_path))
