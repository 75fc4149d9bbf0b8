"""Training and converting with the light engine."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile

from containers.contract.errors import RecordingError, RequestError
from containers.contract.item import sha256_of
from containers.contract.stages import ConvertRequest, ConvertResult, File, TrainRequest, TrainResult
from containers.light import conversion, training, voice_file
from containers.light.frame_store import FrameStore
from tests.unit.light_voices import TEXTS, item_with, spoken
from tests.unit.media_material import extract, wav

RATE = 48000
DEEP = {"tract": 0.82, "pitch": 0.4}


@dataclass(frozen=True)
class Trained:
    path: Path
    result: TrainResult


@pytest.fixture(scope="module")
def deep(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A deep voice, trained once on four sentences."""
    folder = tmp_path_factory.mktemp("deep")
    return Trained(folder / "out" / "goro.safetensors", train_on(folder, TEXTS[:4]))


def train_on(folder: Path, texts: tuple[str, ...], voice: Path | None = None, seconds: float = 9.0) -> TrainResult:
    sounds = [spoken(text, **DEEP)[: round(seconds * RATE)] for text in texts]
    item, files = item_with(folder, **{f"c{i}": (sound, RATE) for i, sound in enumerate(sounds)})
    earlier = (placed(voice, folder),) if voice else ()
    return training.train(TrainRequest(character="goro", clips=tuple(files.values()), voice=earlier), item)


def placed(voice: Path, folder: Path) -> File:
    (folder / "in").mkdir(parents=True, exist_ok=True)
    shutil.copy(voice, folder / "in" / voice.name)
    return File(path=f"in/{voice.name}", sha256=sha256_of(voice))


def converted(
    folder: Path, voice: Path, samples: np.ndarray, rate_hz: int, semitones: float | None = None
) -> tuple[np.ndarray, ConvertResult]:
    item, files = item_with(folder, source=(samples, rate_hz))
    voices = (placed(voice, folder),)
    result = conversion.convert(
        ConvertRequest(source=files["source"], voice=voices, pitch_shift_semitones=semitones), item
    )
    speech, rate = soundfile.read(folder / result.speech.path)
    assert rate == result.sample_rate_hz == 44100
    return speech, result


def test_a_voice_file_says_its_format_and_holds_tensors_only(deep: Trained) -> None:
    """Safetensors hold no code; the format tells other engines to keep away."""
    voice = voice_file.load(deep.path)
    assert deep.result.format == "voicecast-light-1"
    assert voice.character == "goro"
    assert voice.mean_vector @ voice.mean_vector == pytest.approx(1.0, abs=1e-5)
    assert deep.result.scores["similarity_held_out"] > 0.8
    assert deep.result.scores["similarity_converted"] > 0.7
    assert deep.path.read_bytes()[8:9] == b"{"


def test_a_file_that_is_no_voice_is_refused_by_name(tmp_path: Path) -> None:
    other = tmp_path / "other.safetensors"
    other.write_bytes(b"no tensors here")
    with pytest.raises(RequestError, match=r"other\.safetensors"):
        voice_file.load(other)


def test_too_little_speech_says_how_much_is_needed(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"goro has \d\.\d s of speech, and a light voice needs 10 s"):
        train_on(tmp_path, TEXTS[:1])


def test_a_killed_training_goes_on_with_the_next_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed in its second clip of three, it takes only the last two apart when it starts again, and ends the same."""
    analysed: list[Path] = []

    def counted(clip: Path, dies_at: int) -> voice_file.Sound:
        if len(analysed) == dies_at:
            raise KeyboardInterrupt
        analysed.append(clip)
        return real(clip)

    real = training._heard
    monkeypatch.setattr(training, "MIN_SECONDS", 1.0)
    unbroken = train_on(tmp_path / "unbroken", TEXTS[:3], seconds=0.6)
    monkeypatch.setattr(training, "_heard", lambda clip: counted(clip, 1))
    with pytest.raises(KeyboardInterrupt):
        train_on(tmp_path / "killed", TEXTS[:3], seconds=0.6)
    monkeypatch.setattr(training, "_heard", lambda clip: counted(clip, 99))
    result = train_on(tmp_path / "killed", TEXTS[:3], seconds=0.6)
    assert len(analysed) == 3
    assert result == unbroken


def test_training_goes_on_from_an_earlier_voice(deep: Trained, tmp_path: Path) -> None:
    """One short clip is enough then, and the voice holds the frames of both."""
    result = train_on(tmp_path, TEXTS[4:], voice=deep.path, seconds=1.5)
    before, after = voice_file.load(deep.path), voice_file.load(tmp_path / result.files[0].path)
    assert after.seconds > before.seconds + 1
    assert len(after.sound) > len(before.sound)


def test_a_clip_that_the_earlier_voice_has_heard_counts_once(deep: Trained, tmp_path: Path) -> None:
    """A data set that has grown holds the old clips too."""
    result = train_on(tmp_path, TEXTS[:4], voice=deep.path)
    before, after = voice_file.load(deep.path), voice_file.load(tmp_path / result.files[0].path)
    assert (after.seconds, len(after.sound), len(after.clips)) == (before.seconds, len(before.sound), 4)
    np.testing.assert_allclose(after.mean_vector, before.mean_vector, atol=1e-6)
    assert result.scores["similarity_held_out"] == deep.result.scores["similarity_held_out"], "over all of them"


def test_a_large_voice_is_thinned_evenly(deep: Trained) -> None:
    sound = voice_file.load(deep.path).sound
    thin = voice_file.thinned(sound, len(sound) // 3)
    assert len(sound) // 5 < len(thin) <= len(sound) // 3
    assert thin.starts[0] == 0
    assert np.all(np.diff(thin.starts) > 0)


def test_converted_speech_comes_nearer_to_the_voice_and_to_its_pitch(deep: Trained, tmp_path: Path) -> None:
    """The sentence is not among those that were learned."""
    _, result = converted(tmp_path, deep.path, spoken(TEXTS[4]), RATE)
    assert result.similarity is not None
    assert result.source_similarity is not None
    assert result.similarity > result.source_similarity + 0.15
    assert result.pitch_shift_semitones == pytest.approx(12 * np.log2(0.4), abs=1.0)


ODD = [(44100, 50001), (48000, 100), (8000, 2341), (16000, 5345), (22050, 7351), (32000, 9997), (48000, 12347),
       (88200, 22051), (96000, 24007), (192000, 48001)]  # fmt: skip
"""Rates in Hz, and lengths that do not come out even."""


@pytest.mark.parametrize(("rate_hz", "samples"), ODD)
def test_a_recording_of_any_rate_is_as_long_in_the_voice_to_the_sample(
    deep: Trained, tmp_path: Path, rate_hz: int, samples: int
) -> None:
    """As a person gives it: extracted at its own rate, then converted."""
    noise = np.random.default_rng(0).normal(scale=0.05, size=samples).astype(np.float32)
    given = wav(tmp_path / "given.wav", noise, rate_hz)
    extracted, recording, _ = extract(tmp_path, given, sample_rate_hz=None)
    assert (extracted.sample_rate_hz, recording.shape) == (rate_hz, (1, samples))
    speech, result = converted(tmp_path, deep.path, recording[0], rate_hz)
    assert abs(len(speech) - samples * 44100 / rate_hz) <= 0.5
    assert result.duration == len(speech) / 44100


@pytest.mark.parametrize("harmonics", [1, 12])
def test_a_tone_of_220_hz_moved_by_12_semitones_sounds_at_440_hz(deep: Trained, tmp_path: Path, harmonics: int) -> None:
    times = np.arange(44100) / 44100
    tone = sum(0.2 / k * np.sin(2 * np.pi * 220 * k * times) for k in range(1, harmonics + 1))
    speech, result = converted(tmp_path, deep.path, tone, 44100, 12.0)
    spectrum = np.abs(np.fft.rfft(speech * np.hanning(len(speech))))
    low = int(400 * len(speech) / 44100)
    loudest = np.argmax(spectrum[low : low + int(100 * len(speech) / 44100)]) + low
    assert loudest * 44100 / len(speech) == pytest.approx(440, rel=0.01)
    assert result.pitch_shift_semitones == 12.0


def test_silence_stays_silence(deep: Trained, tmp_path: Path) -> None:
    speech, result = converted(tmp_path, deep.path, np.zeros(22050), 44100)
    assert np.abs(speech).max() < 0.001
    assert result.similarity is None


def test_an_empty_source_is_the_recordings_fault(deep: Trained, tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="empty"):
        converted(tmp_path, deep.path, np.zeros(0), 44100)


def test_blocks_are_joined_where_the_source_is_quiet_and_leave_no_seam(
    deep: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In blocks of 1 s the level in 20 ms never falls more than 20 dB below what one block gives."""
    source = spoken(TEXTS[4])
    whole, _ = converted(tmp_path / "whole", deep.path, source, RATE)
    monkeypatch.setattr(conversion, "_BLOCK_SECONDS", 1)
    monkeypatch.setattr(conversion, "_CUT_SECONDS", 0.5)
    blocks, _ = converted(tmp_path / "blocks", deep.path, source, RATE)
    assert len(whole) == len(blocks)
    one, other = (np.sqrt((x[: len(x) // 882 * 882].reshape(-1, 882) ** 2).mean(axis=1)) for x in (whole, blocks))
    loud = one > 0.1 * one.max()
    assert np.all(np.abs(20 * np.log10(other[loud] / one[loud])) < 20)


def test_frames_read_back_from_disk_are_those_of_one_analysis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of 1 s find the pitch that the whole file has, but for 5 % of the frames, at the edges of vowels."""
    path = tmp_path / "speech.wav"
    soundfile.write(path, spoken(TEXTS[0])[: 2 * RATE], RATE)
    whole = FrameStore.analysed(path, tmp_path / "whole.f32")
    monkeypatch.setattr("containers.light.frame_store._BLOCK_SECONDS", 1)
    blocks = FrameStore.analysed(path, tmp_path / "blocks.f32")
    assert len(whole) == len(blocks)
    assert np.mean((whole.f0 > 0) != (blocks.f0 > 0)) < 0.01
    assert np.mean(np.abs(whole.f0 - blocks.f0) > 20) < 0.05
    assert np.array_equal(blocks.read(150, 350).f0, blocks.f0[150:350])
