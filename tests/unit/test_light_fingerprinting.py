"""The same sound is found again, through other codecs, levels and cuts; other sound is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from containers.contract import stages
from containers.light import fingerprinting
from tests.unit import media_material as made

Words = NDArray[np.uint32]


def words(path: Path) -> Words:
    return fingerprinting.words_of(path)


def different_bits(one: Words, other: Words) -> float:
    """Share of bits that differ, at the best of three alignments."""
    shares = []
    for shift in (-1, 0, 1):
        pairs = min(len(one), len(other)) - 1
        first, second = one[max(0, shift) :][:pairs], other[max(0, -shift) :][:pairs]
        count = min(len(first), len(second))
        shares.append(np.bitwise_count(first[:count] ^ second[:count]).mean() / 32)
    return float(min(shares))


def coded(path: Path, samples: made.Sound, *codec: str) -> Path:
    """The samples through a lossy codec, as WAV again."""
    made.ffmpeg("-i", made.wav(path.with_suffix(".plain.wav"), samples, 44100), "-c:a", *codec, path)
    made.ffmpeg("-i", path, path.with_suffix(".wav"))
    return path.with_suffix(".wav")


def test_the_same_music_is_found_through_other_codecs_levels_and_50_ms(tmp_path: Path) -> None:
    music = made.music(20.0, seed=1)
    aac = coded(tmp_path / "a.m4a", music, "aac", "-b:a", "128k")
    mp3 = coded(tmp_path / "b.mp3", 0.4 * music[round(0.05 * 44100) :], "libmp3lame", "-b:a", "96k")
    assert different_bits(words(aac), words(mp3)) < 0.2


def test_other_music_differs_in_about_half_of_the_bits(tmp_path: Path) -> None:
    one = words(made.wav(tmp_path / "a.wav", made.music(20.0, seed=1), 44100))
    other = words(made.wav(tmp_path / "b.wav", made.music(20.0, seed=2), 44100))
    assert 0.4 < different_bits(one, other) < 0.6


def test_a_word_stands_for_the_sound_around_its_own_time(tmp_path: Path) -> None:
    """Silence gives words of 0, so the place where sound begins shows; windows reach 0.19 s to each side."""
    sound = made.music(10.0, seed=3)
    sound[: 5 * 44100] = 0
    found = words(made.wav(tmp_path / "a.wav", sound, 44100))
    hop = fingerprinting.HOP / fingerprinting.RATE_HZ
    assert len(found) == int(np.ceil(10.0 / hop))
    begins = (np.flatnonzero(found)[0] + 0.5) * hop
    assert begins == pytest.approx(5.0, abs=0.19 + hop)


def test_length_of_the_file_in_blocks_leaves_no_trace(tmp_path: Path) -> None:
    """A file longer than a block (10 s) has the words of its beginning alone, but for the last few."""
    sound = made.music(25.0, seed=4)
    whole = words(made.wav(tmp_path / "a.wav", sound, 44100))
    beginning = words(made.wav(tmp_path / "b.wav", sound[: 15 * 44100], 44100))
    np.testing.assert_array_equal(whole[:110], beginning[:110])


@pytest.mark.parametrize("seconds", [0.01, 0.2, 0.37])
def test_a_sound_shorter_than_a_window_has_words_too(tmp_path: Path, seconds: float) -> None:
    path = made.wav(tmp_path / "a.wav", made.speechlike(seconds))
    assert len(words(path)) == int(np.ceil(seconds * fingerprinting.RATE_HZ / fingerprinting.HOP))


def test_the_answer_says_hop_and_words_and_the_file_has_them(tmp_path: Path) -> None:
    item, file = made.item_of(tmp_path / "x", made.wav(tmp_path / "a.wav", made.stereo(3.0)))
    result = fingerprinting.fingerprint(stages.FingerprintRequest(recording=file), item)
    saved = np.load(item.path / result.fingerprint.path, allow_pickle=False)
    assert (saved.dtype, saved.shape) == (np.uint32, (result.words,))
    assert result.hop == pytest.approx(0.1238, abs=1e-4)
