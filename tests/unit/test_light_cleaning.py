"""Stage clean of the light engine: one loudness, one form, less noise where that helps the voice."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("pyopenjtalk")

from containers.contract.errors import RecordingError
from containers.contract.item import Item, sha256_of
from containers.contract.stages import CleanRequest, CleanResult, File
from containers.light import denoising
from containers.light.audio import resample
from containers.light.backend import Options, clean
from containers.light.cleaning import dithered, trimmed
from containers.light.loudness import loudness_lufs, true_peak_dbfs

RATE = 48000


@cache
def speech() -> np.ndarray:
    """About three seconds of Open JTalk with a pause, 0.15 s of silence around it."""
    import pyopenjtalk

    sound = pyopenjtalk.tts("サッカーやろうぜ。みんなでれんしゅうした。")[0]
    loud = np.flatnonzero(np.abs(sound) > 100)
    return np.pad(0.4 * sound[loud[0] : loud[-1]] / np.abs(sound).max(), 7200).astype(np.float32)


def with_noise(snr: float, seed: int = 5) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=len(speech())).astype(np.float32)
    return speech() + noise * np.float32(np.sqrt(np.mean(speech() ** 2) / 10 ** (snr / 10)))


def si_sdr_db(wanted: np.ndarray, got: np.ndarray) -> float:
    """Scale-invariant signal-to-distortion ratio (Le Roux et al., 2019)."""
    target = np.dot(got, wanted) / np.dot(wanted, wanted) * wanted
    return float(10 * np.log10(np.sum(target**2) / np.sum((got - target) ** 2)))


def cleaned(folder: Path, *clips: np.ndarray, rate: int = RATE, **more: object) -> CleanResult:
    files = []
    (folder / "in").mkdir(parents=True)
    for index, samples in enumerate(clips):
        path = folder / "in" / f"{9 - index}.flac"
        soundfile.write(path, samples, rate, subtype="PCM_16")
        files.append(File(path=f"in/{path.name}", sha256=sha256_of(path)))
    return clean(Options(), CleanRequest(clips=tuple(files), **more), Item(folder))


def test_a_noisy_clip_gets_cleaner_and_a_clean_one_is_left_alone(tmp_path: Path) -> None:
    noisy, clear = cleaned(tmp_path, with_noise(10), speech()).clips

    assert noisy.denoised_by is not None
    assert noisy.denoised_by.startswith("rnnoise ")
    assert noisy.snr_db_after > noisy.snr_db_before + 10
    assert clear.denoised_by is None
    assert clear.snr_db_after == clear.snr_db_before > 30


def test_every_clip_leaves_in_one_form_and_at_one_loudness(tmp_path: Path) -> None:
    """44.1 kHz mono 16-bit WAV in the request's order, within 0.5 LU, no true peak above -1 dB; whatever came in."""
    peaky = speech() * 0.1
    peaky[RATE : RATE + 6] = 0.9
    clips = cleaned(tmp_path, speech() * 0.02, peaky, with_noise(8), np.stack([speech()] * 2, axis=1)).clips

    assert [clip.file.path for clip in clips] == [f"out/clips/{index:04d}.wav" for index in range(4)]
    for clip in clips:
        about = soundfile.info(tmp_path / clip.file.path)
        sound, rate = soundfile.read(tmp_path / clip.file.path, dtype="float32")
        assert (about.format, about.subtype, about.channels, rate) == ("WAV", "PCM_16", 1, 44100)
        assert clip.duration == len(sound) / rate
        assert loudness_lufs(sound, rate) == pytest.approx(-23, abs=0.5)
        assert clip.loudness_lufs == pytest.approx(loudness_lufs(sound, rate), abs=0.01)
        assert true_peak_dbfs(sound, rate) <= -1.0


@pytest.mark.parametrize("rate", [16000, 44100, 48000])
def test_a_clean_clip_keeps_its_length_and_its_sound(tmp_path: Path, rate: int) -> None:
    """Resampling and one gain is all that happens: 40 dB of SI-SDR and the same length to the sample."""
    came = resample(speech(), RATE, rate)
    (clip,) = cleaned(tmp_path, came, rate=rate).clips
    sound, _ = soundfile.read(tmp_path / clip.file.path, dtype="float32")
    wanted = resample(came, rate, 44100)

    assert abs(len(sound) - len(came) * 44100 / rate) <= 1
    assert si_sdr_db(wanted, sound[: len(wanted)]) > 40


def test_denoising_never_and_always_are_obeyed(tmp_path: Path) -> None:
    (never,) = cleaned(tmp_path / "never", with_noise(10), denoise="never").clips
    (always,) = cleaned(tmp_path / "always", speech(), denoise="always").clips

    assert never.denoised_by is None
    assert always.denoised_by is not None


@pytest.mark.parametrize("snr", [5, 15])
def test_denoising_brings_the_clip_nearer_to_the_voice_without_the_noise(snr: float) -> None:
    """And RNNoise's place in the spectrogram is worth more than RNNoise's own output."""
    noisy = with_noise(snr)
    before, own, ours = (
        si_sdr_db(speech(), each) for each in (noisy, denoising.rnnoise(noisy), denoising.by_rnnoise(noisy))
    )

    assert ours > before + 4
    assert ours > own


def test_denoising_does_not_move_the_voice_in_time() -> None:
    """RNNoise answers 20 ms late; its output is brought back, to the sample."""
    heard = denoising.rnnoise(speech())
    delays = range(-50, 51)
    likeness = [np.dot(speech()[100:-100], np.roll(heard, -delay)[100:-100]) for delay in delays]

    assert abs(delays[int(np.argmax(likeness))]) <= 1


def test_taking_more_from_the_speech_than_there_was_noise_is_no_cleaning() -> None:
    noisy = with_noise(20)
    assert denoising.noise_taken(noisy, speech())
    assert not denoising.noise_taken(noisy, 0.7 * noisy)


def test_a_voice_that_rnnoise_takes_for_noise_is_kept() -> None:
    """Whispering, as noise in the shape of speech: RNNoise all but deletes it, and is not believed."""
    envelope = np.repeat(np.sqrt(np.mean(speech()[: len(speech()) // 960 * 960].reshape(-1, 960) ** 2, axis=1)), 960)
    rng = np.random.default_rng(1)
    whisper = (envelope * rng.normal(size=len(envelope))).astype(np.float32)
    noisy = whisper + rng.normal(scale=np.sqrt(np.mean(whisper**2)) / 10**0.6, size=len(whisper)).astype(np.float32)

    assert not denoising.voice_kept(noisy, denoising.by_rnnoise(noisy))
    result, by = denoising.denoised(noisy, "auto")
    assert by is None or by.startswith("noisereduce")
    assert np.mean(result**2) > 0.5 * np.mean(noisy**2)


def test_silence_at_the_ends_is_trimmed_to_what_a_clip_may_have() -> None:
    quiet = np.zeros(RATE, np.float32)

    assert len(trimmed(np.concatenate([quiet, speech(), quiet]), RATE)) == pytest.approx(len(speech()), abs=0.05 * RATE)
    assert len(trimmed(speech(), RATE)) == pytest.approx(len(speech()), abs=0.05 * RATE)
    assert len(trimmed(quiet, RATE)) == len(quiet)


def test_the_same_request_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = (cleaned(tmp_path / name, with_noise(10), speech()) for name in ("first", "second"))

    assert first == second


def test_no_clips_give_an_empty_result_and_silence_stays_silence(tmp_path: Path) -> None:
    assert cleaned(tmp_path / "none").clips == ()
    (still,) = cleaned(tmp_path / "still", np.zeros(RATE, np.float32)).clips
    assert (still.loudness_lufs, still.snr_db_before, still.denoised_by) == (None, None, None)


@pytest.mark.parametrize("content", [b"", b"not a sound at all", b"fLaC" + bytes(100)])
def test_a_clip_that_cannot_be_decoded_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "in").mkdir()
    path = tmp_path / "in/00012340.flac"
    path.write_bytes(content)
    request = CleanRequest(clips=(File(path="in/00012340.flac", sha256=sha256_of(path)),))

    with pytest.raises(RecordingError, match=r"00012340\.flac"):
        clean(Options(), request, Item(tmp_path))


def test_dither_makes_what_is_smaller_than_a_step_audible_as_itself_and_is_the_same_each_time() -> None:
    """A tone of a third of a step is rounded to nothing without dither; with it, its level survives under the noise."""
    tone = (np.sin(2 * np.pi * 441 * np.arange(44100) / 44100) / 3 / 32768).astype(np.float32)
    rounded = np.rint(dithered(tone, "ab" * 32) * 32768)
    found = 2 / len(tone) * abs(np.sum(rounded * np.exp(-2j * np.pi * 441 * np.arange(44100) / 44100)))

    assert not np.rint(tone * 32768).any()
    assert found == pytest.approx(1 / 3, abs=0.03)
    np.testing.assert_array_equal(dithered(tone, "ab" * 32), dithered(tone, "ab" * 32))
    assert not dithered(np.zeros(100, np.float32), "ab" * 32).any()


@pytest.mark.parametrize("rate", [48000, 22050])
def test_a_whole_recording_keeps_its_length_and_level_and_loses_its_noise(tmp_path: Path, rate: int) -> None:
    wanted = resample(np.pad(speech(), (24000, 36001)), RATE, rate)
    noise = np.random.default_rng(3).normal(size=len(wanted)).astype(np.float32)
    noisy = wanted + noise * np.float32(np.sqrt(np.mean(wanted**2) / 10))
    (clip,) = cleaned(tmp_path, noisy, rate=rate, whole=True).clips
    got, _ = soundfile.read(tmp_path / clip.file.path, dtype="float32")
    assert clip.denoised_by is not None
    assert len(got) == round(len(wanted) * 44100 / rate)
    at_44100 = resample(wanted, rate, 44100)
    length = min(len(got), len(at_44100))
    assert si_sdr_db(at_44100[:length], got[:length]) > 13
    assert np.dot(got[:length], at_44100[:length]) / np.dot(at_44100, at_44100) == pytest.approx(1, abs=0.1), (
        "by 0.8 dB at most"
    )
