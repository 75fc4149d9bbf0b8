"""AudioSeal's architecture with random weights: what is put in, where it lies, and that nothing in a file runs.

Whether a mark is found again is a matter of trained weights, which these are not.
"""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
import torch
from audioseal.builder import AudioSealWMConfig, create_generator
from audioseal.loader import AudioSeal, convert_state_dict_for_scriptable_model, load_state_dict

from containers.audioseal import backend, loading, marking
from containers.contract.errors import EngineError, RecordingError
from containers.contract.item import Item, sha256_of
from containers.contract.stages import DetectWatermarkRequest, File
from tests.engines.audioseal.conftest import MESSAGE, Mark


def speech(seconds: float, rate_hz: int, seed: int = 1) -> np.ndarray:
    """Noise in syllables, -20 dB."""
    count = round(seconds * rate_hz)
    noise = np.random.default_rng(seed).standard_normal(count)
    return 0.1 * noise * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * np.arange(count) / rate_hz))


def test_published_names_load_as_the_library_loads_them(weights: Path) -> None:
    ours = loading.load_generator("ours").state_dict()
    theirs = create_generator(AudioSeal.parse_config(loading._card(loading.GENERATOR), config_type=AudioSealWMConfig))
    tensors = loading.read_tensors(weights / "ours" / loading.GENERATOR)
    assert len(tensors) == 101
    load_state_dict(theirs, convert_state_dict_for_scriptable_model(tensors))
    assert ours.keys() == theirs.state_dict().keys()
    for name, each in theirs.state_dict().items():
        torch.testing.assert_close(ours[name], each)


def test_the_mark_is_the_generators_own_at_sixteen_kilohertz(mark: Mark) -> None:
    before, after, _ = mark(speech(2, 16000), 16000, "FLOAT")
    with torch.inference_mode():
        heard = torch.from_numpy(before)[None, None]
        wanted = loading.load_generator("ours").get_watermark(heard, message=marking.bits_of(MESSAGE))
    np.testing.assert_allclose(after - before, wanted[0, 0].numpy(), atol=1e-7)


@pytest.mark.parametrize("rate_hz", [22050, 44100, 48000])
def test_the_mark_alone_is_resampled_and_the_speech_stays_as_it_was(mark: Mark, rate_hz: int) -> None:
    """What was added has nothing above 8 kHz, where the model hears nothing; the speech has, and keeps it."""
    before, after, result = mark(speech(1.3, rate_hz), rate_hz, "FLOAT")
    assert before.shape == after.shape
    added = after.astype(np.float64) - before
    power = np.abs(np.fft.rfft(added)) ** 2
    above = np.fft.rfftfreq(len(added), 1 / rate_hz) > 8200
    assert power[above].sum() < 1e-4 * power.sum()
    db = 10 * np.log10((added**2).mean() / (before.astype(np.float64) ** 2).mean())
    assert result.mark_db == pytest.approx(db, abs=0.02)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24"])
def test_both_channels_get_the_same_mark_in_the_files_own_depth(mark: Mark, subtype: str) -> None:
    sound = np.stack([speech(1, 44100), speech(1, 44100, seed=2)], axis=1)
    before, after, _ = mark(sound, 44100, subtype)
    added = after.astype(np.int64) - before
    assert added.any()
    assert np.abs(added[:, 0] - added[:, 1]).max() <= (1 if subtype == "PCM_16" else 512)


def test_another_message_is_another_mark_and_the_same_one_the_same_bytes(mark: Mark) -> None:
    sound = speech(1, 44100)
    first, again, other = (mark(sound, 44100, "FLOAT", message=each) for each in (MESSAGE, MESSAGE, 7))
    assert first[2].speech.sha256 == again[2].speech.sha256 != other[2].speech.sha256


def test_long_speech_goes_through_in_windows_without_a_seam(mark: Mark, monkeypatch: pytest.MonkeyPatch) -> None:
    sound = speech(6, 16000)
    before, whole, _ = mark(sound, 16000, "FLOAT")
    monkeypatch.setattr(marking, "_WINDOW", 2 * 16000)
    _, parts, _ = mark(sound, 16000, "FLOAT")
    whole, parts = whole - before, parts - before
    at_seams = [np.abs(np.diff(parts)[each * 16000 - 1]) for each in (2, 4)]
    assert max(at_seams) < 3 * np.abs(np.diff(whole)).max()
    assert np.corrcoef(whole, parts)[0, 1] > 0.9


def test_silence_stays_silence_and_a_blink_is_marked(mark: Mark) -> None:
    before, after, result = mark(np.zeros(44100), 44100, "PCM_16")
    assert not after.any()
    assert result.mark_db is None
    before, after, _ = mark(speech(0.01, 44100), 44100, "FLOAT")
    assert before.shape == after.shape


def test_a_mark_that_would_be_heard_is_refused(mark: Mark) -> None:
    with pytest.raises(EngineError, match="could be heard"):
        mark(speech(1, 44100), 44100, "PCM_16", model="loud")


def test_a_detector_reads_wav_flac_and_mp3_and_refuses_a_text(weights: Path, tmp_path: Path) -> None:
    models = backend.setup(backend.Options(model="ours"))
    (tmp_path / "in").mkdir()
    said = []
    for name, form in (("a.wav", "WAV"), ("a.flac", "FLAC"), ("a.mp3", "MP3")):
        path = tmp_path / "in" / name
        soundfile.write(path, soxr.resample(speech(3, 16000), 16000, 44100), 44100, format=form)
        request = DetectWatermarkRequest(sound=File(path=f"in/{name}", sha256=sha256_of(path)))
        said.append(backend.detect_watermark(models, request, Item(tmp_path)))
    assert said[0] == said[1]
    assert all(0 <= each.certainty <= 1 for each in said)
    assert "detector_base.pth" in backend.version()
    text = tmp_path / "in" / "text"
    text.write_text("no sound\n" * 100)
    with pytest.raises(RecordingError, match="no sound file"):
        backend.detect_watermark(
            models, DetectWatermarkRequest(sound=File(path="in/text", sha256=sha256_of(text))), Item(tmp_path)
        )


class Bomb:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("place", ["beside", "inside"])
def test_a_checkpoint_that_would_run_a_program_is_not_opened(weights: Path, tmp_path: Path, place: str) -> None:
    tensors = loading.read_tensors(weights / "ours" / loading.GENERATOR)
    bomb, path = Bomb(tmp_path / "boom"), tmp_path / "generator_base.pth"
    torch.save({"xp.cfg": bomb, "model": tensors} if place == "beside" else {"model": {**tensors, "x": bomb}}, path)
    with pytest.raises(EngineError, match="not opened"):
        loading.read_tensors(path)
    path.write_bytes(pickle.dumps({"model": bomb}))
    with pytest.raises(EngineError):
        loading.read_tensors(path)
    assert not (tmp_path / "boom").exists()


def test_weights_that_are_missing_cut_off_or_another_model_say_what_to_do(weights: Path, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="voicecast weights fetch"):
        loading.load_generator("nowhere")
    path = tmp_path / "generator_base.pth"
    path.write_bytes((weights / "ours" / loading.GENERATOR).read_bytes()[:100_000])
    with pytest.raises(EngineError, match="weights verify"):
        loading.read_tensors(path)
    torch.save({"model": {"a": torch.zeros(2)}}, path)
    with pytest.raises(EngineError, match="no AudioSeal model of 16 bits"):
        loading._filled(loading.load_generator("ours"), path)
