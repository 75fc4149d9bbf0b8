"""The light engine's split of a recording into vocals and background, on sound made here.

The voice is a buzz with a moving pitch in syllables; where the stage must hear speech, its detector is told when
the voice sounds, because nothing that can be made here in milliseconds is speech to it.
"""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pytest
import scipy.ndimage
import scipy.signal
import soundfile
from numpy.typing import NDArray

from containers.contract.errors import RecordingError
from containers.contract.item import Item, sha256_of
from containers.contract.stages import File, SeparateRequest, SeparateResult
from containers.light import audio, separation, voice_mask
from containers.light.exact_sum import Recording
from containers.light.separation import Splitter, separate
from containers.light.spectra import Grid

RATE_HZ = 48000
SPOKEN = ((1.0, 3.0), (4.0, 6.0))
"""When the made voice sounds, in seconds; between lie rests."""

Samples = NDArray[np.float64]


@functools.cache
def voice(seconds: float = 7.0) -> Samples:
    """A buzz of 40 harmonics at 180-240 Hz, three syllables a second, in SPOKEN."""
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    phase = 2 * np.pi * np.cumsum(210 + 30 * np.sin(2 * np.pi * 0.7 * t)) / RATE_HZ
    buzz = sum(np.sin(k * phase) / k for k in range(1, 41))
    spoken = sum((start <= t) & (t < end) for start, end in SPOKEN)
    return 0.1 * buzz * np.sin(2 * np.pi * 1.5 * t) ** 2 * spoken


@functools.cache
def music(seconds: float = 7.0) -> Samples:
    """Broad stereo noise and two chords, each channel with its own: (2, samples)."""
    random = np.random.default_rng(7)
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    chords = [[220.0, 277.2, 659.3, 1318.5], [329.6, 440.0, 523.3, 987.8]]
    tones = np.array([sum(np.sin(2 * np.pi * f * t) for f in chord) for chord in chords])
    return 0.02 * tones + 0.02 * random.standard_normal(tones.shape)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The detector answers what is true of `voice`."""

    class Told:
        def __init__(self) -> None:
            self._windows = 0

        def push(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
            first, self._windows = self._windows, self._windows + len(samples)
            middles = np.arange(-(-first // 512), -(-self._windows // 512)) * 0.032 + 0.016
            return sum((start <= middles) & (middles < end) for start, end in SPOKEN).astype(np.float32)

        def finish(self) -> NDArray[np.float32]:
            return np.zeros(0, np.float32)

    monkeypatch.setattr(separation, "SpeechDetector", Told)


def stems(
    tmp_path: Path, samples: Samples, bit_depth: int = 16, subtype: str = "PCM_16", rate_hz: int = RATE_HZ
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], SeparateResult]:
    """Recording, vocals and background as integers of `bit_depth`, (samples, channels), and the result."""
    folder = tmp_path / f"item{len(list(tmp_path.iterdir()))}"
    (folder / "in").mkdir(parents=True)
    path = folder / "in" / "recording.flac"
    soundfile.write(path, samples.T, rate_hz, subtype=subtype)
    request = SeparateRequest(recording=File(path="in/recording.flac", sha256=sha256_of(path)), bit_depth=bit_depth)
    result = separate(request, Item(folder))
    files = (path, folder / result.vocals.path, folder / result.background.path)
    integers = [soundfile.read(file, dtype="int32", always_2d=True)[0] >> (32 - bit_depth) for file in files]
    recording, vocals, background = (each.astype(np.int64) for each in integers)
    return recording, vocals, background, result


def si_sdr_db(estimate: Samples, reference: Samples) -> float:
    target = reference * (estimate @ reference) / (reference @ reference)
    return float(10 * np.log10(np.sum(target**2) / np.sum((estimate - target) ** 2)))


@pytest.mark.parametrize(("bit_depth", "subtype"), [(16, "PCM_16"), (24, "PCM_16"), (24, "PCM_24")])
def test_vocals_and_background_add_up_to_the_recording_in_every_sample(
    tmp_path: Path, told: None, bit_depth: int, subtype: str
) -> None:
    recording, vocals, background, _ = stems(tmp_path, (voice() + music())[:, : 3 * RATE_HZ], bit_depth, subtype)
    assert np.array_equal(vocals + background, recording)
    assert np.abs(vocals).max() > 0
    assert np.abs(background).max() > 0


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("length", "rate_hz"), [(4801, 48000), (1, 44100), (100_003, 44100), (8001, 8000)])
def test_stems_keep_rate_channels_and_length_down_to_one_sample(
    tmp_path: Path, channels: int, length: int, rate_hz: int
) -> None:
    samples = 0.1 * np.random.default_rng(1).standard_normal((channels, length))
    recording, vocals, background, result = stems(tmp_path, samples, rate_hz=rate_hz)
    assert recording.shape == vocals.shape == background.shape == (length, channels)
    assert np.array_equal(vocals + background, recording)
    assert (result.sample_rate_hz, result.duration) == (rate_hz, length / rate_hz)


def test_more_bits_than_asked_for_are_rounded_first(tmp_path: Path) -> None:
    samples = 0.1 * np.random.default_rng(1).standard_normal((2, 5000))
    _, vocals, background, _ = stems(tmp_path, samples, 16, "PCM_24")
    assert np.abs((vocals + background) / 2**15 - samples.T).max() <= 0.51 / 2**15


@pytest.mark.parametrize("pan", [0.0, 0.3])
def test_a_voice_over_wide_music_gains_5_db_in_the_centre_and_beside_it(tmp_path: Path, told: None, pan: float) -> None:
    both = voice() * np.array([[1 + pan], [1 - pan]]) + music()
    recording, vocals, _, _ = stems(tmp_path, both)
    gain = si_sdr_db(vocals.mean(axis=1), voice()) - si_sdr_db(recording.mean(axis=1), voice())
    assert gain >= 5


@pytest.mark.parametrize("pan", [0.0, 0.3, 1.0])
def test_a_lone_voice_is_kept_where_it_stands(tmp_path: Path, told: None, pan: float) -> None:
    """30 dB: what is lost is a thousandth of the voice's power, in each channel that has any."""
    recording, vocals, _, _ = stems(tmp_path, voice() * np.array([[1 + pan], [1 - pan]]) / 2)
    for before, after in zip(recording.T, vocals.T, strict=True):
        assert np.sum((before - after) ** 2) <= 1e-3 * np.sum(before**2)


def test_a_lone_voice_in_a_wide_room_is_not_destroyed(tmp_path: Path, told: None) -> None:
    random, t = np.random.default_rng(3), np.arange(RATE_HZ // 2) / RATE_HZ
    echo = 0.02 * random.standard_normal((2, len(t))) * np.exp(-t / 0.1)
    wet = np.array([voice() + scipy.signal.fftconvolve(voice(), each)[: len(voice())] for each in echo])
    recording, vocals, _, _ = stems(tmp_path, wet)
    assert si_sdr_db(vocals.mean(axis=1), recording.mean(axis=1)) >= 15


def test_an_inverted_channel_does_not_hide_the_voice(tmp_path: Path, told: None) -> None:
    left, right = voice() + music()
    _, vocals, _, _ = stems(tmp_path, np.array([left, -right]))
    assert si_sdr_db(vocals[:, 0] - vocals[:, 1], voice()) >= si_sdr_db(left + right, voice()) + 5


def test_a_mono_recording_loses_steady_noise_and_keeps_the_voice(tmp_path: Path, told: None) -> None:
    noise = 0.01 * np.random.default_rng(5).standard_normal(len(voice()))
    recording, vocals, _, _ = stems(tmp_path, (voice() + noise)[None])
    assert si_sdr_db(vocals[:, 0], voice()) >= si_sdr_db(recording[:, 0], voice()) + 3


@pytest.mark.parametrize("channels", [1, 2])
def test_silence_gives_silence(tmp_path: Path, channels: int) -> None:
    _, vocals, background, _ = stems(tmp_path, np.zeros((channels, RATE_HZ)))
    assert not vocals.any()
    assert not background.any()


def test_a_recording_without_a_sample_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="extract it again"):
        stems(tmp_path, np.zeros((2, 0)))


def test_a_clipped_recording_never_wraps(tmp_path: Path, told: None) -> None:
    """Both stems stay within the integer range, or FLAC would have turned peaks round and the sum would not hold."""
    loud = np.clip(20 * (voice() + music()), -1, 1)[:, : 3 * RATE_HZ]
    recording, vocals, background, _ = stems(tmp_path, loud)
    assert recording.min() == -32768
    assert np.array_equal(vocals + background, recording)


def test_block_edges_leave_no_trace(tmp_path: Path, told: None) -> None:
    """One bit of 16: running sums of float32 powers round differently from another start."""
    path = tmp_path / "recording.flac"
    soundfile.write(path, (voice() + music()).T, RATE_HZ)
    with soundfile.SoundFile(path) as file:
        whole, blocks = (
            np.concatenate([part for part, _ in Splitter(Recording(file, 16), lambda _: None, slots).blocks()], axis=1)
            for slots in (12, 1)
        )
    assert np.abs(whole - blocks).max() <= 1


def test_the_same_request_gives_the_same_bytes(tmp_path: Path) -> None:
    samples = (voice() + music())[:, :RATE_HZ]
    first, second = (stems(tmp_path, samples)[3] for _ in range(2))
    assert first == second


def test_unchanged_spectra_give_the_samples_back() -> None:
    grid = Grid.at(RATE_HZ)
    samples = np.random.default_rng(2).standard_normal(13 * grid.hop).astype(np.float32)
    assert np.abs(grid.synthesise(grid.analyse(samples)) - samples[3 * grid.hop : -3 * grid.hop]).max() < 1e-5


def test_the_short_ways_of_counting_give_what_the_plain_ones_give() -> None:
    random = np.random.default_rng(5)
    powers = random.random((50, 600)).astype(np.float32)
    for frames in (3, 5):
        means = scipy.ndimage.uniform_filter1d(powers, frames, axis=0, mode="nearest")
        np.testing.assert_allclose(voice_mask._along_time(powers, frames), means, rtol=1e-6)
    spectra = (powers + 1j * powers[::-1]).astype(np.complex64)
    assert np.array_equal(voice_mask.scaled(spectra, powers), powers * spectra)
    for samples in (powers[:1], powers[:2], powers[:3]):
        assert np.array_equal(audio.mono(samples), samples.mean(axis=0))
