"""The UVR engine against the library itself, on tiny models of each kind."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import pickle
import platform
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import soundfile
import torch
from numpy.typing import NDArray

from containers.contract.errors import EngineError
from containers.uvr import backend, library, separation
from containers.uvr.model_folder import lay
from tests.engines.uvr.conftest import KINDS, Separated, noise

Separate = Callable[..., Separated]


def library_alone(name: str, models: Path, sound: NDArray[np.float32], folder: Path) -> NDArray[np.float32]:
    """Vocals as audio-separator writes them, from and to float files: (2, samples)."""
    from audio_separator.separator import Separator

    (folder / "models").mkdir(parents=True)
    file = lay(models / name, folder / "models")
    soundfile.write(folder / "mix.wav", sound.T, 44100, "FLOAT")
    separator = Separator(
        log_level=logging.ERROR,
        model_file_dir=str(folder / "models"),
        output_dir=str(folder),
        normalization_threshold=1.0,
        use_soundfile=True,
        output_single_stem="Vocals",
        mdx_params={"hop_length": 1024, "segment_size": 64, "overlap": 0.25, "batch_size": 1, "enable_denoise": False},
        info_only=True,
    )
    separator.setup_torch_device(platform.uname())
    separator.load_model(file)
    (written,) = separator.separate(str(folder / "mix.wav"), {"Vocals": "vocals"})
    return np.asarray(soundfile.read(folder / written, dtype="float32")[0].T)


@pytest.mark.parametrize("name", ["mel", "bs", "mdx23c"])
@pytest.mark.parametrize("seconds", [3, 11])
def test_vocals_of_roformers_and_mdx23c_are_the_librarys(name: str, seconds: int, models: Path, tmp_path: Path) -> None:
    """Below 10 s the library takes another segment size."""
    mix = noise(seconds)
    expected = library_alone(name, models, mix, tmp_path / "alone")
    np.testing.assert_allclose(library.Separation(name).vocals(mix, lambda _: None), expected, atol=1e-6)


def test_mdx_vocals_are_the_librarys_at_the_level_of_the_recording(models: Path, tmp_path: Path) -> None:
    """audio-separator 0.47.1 multiplies MDX vocals by the peak of the mix, which nothing takes back."""
    mix = noise(3)
    expected = library_alone("mdx", models, mix, tmp_path / "alone") / np.abs(mix).max()
    np.testing.assert_allclose(library.Separation("mdx").vocals(mix, lambda _: None), expected, atol=1e-6)


def test_vr_vocals_are_the_librarys(models: Path, tmp_path: Path) -> None:
    """The library writes 16 bits here whatever it reads: half a step, and its truncation, make 1.6 steps."""
    mix = noise(3)
    expected = library_alone("vr", models, mix, tmp_path / "alone")
    found = library.Separation("vr").vocals(mix, lambda _: None)[:, : expected.shape[1]]
    np.testing.assert_allclose(found, expected, atol=1.6 / 32768)


@pytest.mark.parametrize("name", KINDS)
def test_vocals_and_background_are_the_recording_in_every_sample(name: str, separate: Separate) -> None:
    sound = np.clip(4 * noise(2.5, 48000), -1, 1)
    _, vocals, background = separate(sound, 48000, model=name)
    np.testing.assert_array_equal(vocals + background, np.minimum(np.rint(sound.T * 32768), 32767))
    assert vocals.any()


@pytest.mark.parametrize(("rate_hz", "channels", "depth"), [(48000, 1, 24), (8000, 1, 16), (44100, 2, 24)])
def test_stems_keep_rate_channels_depth_and_length(
    rate_hz: int, channels: int, depth: int, separate: Separate, tmp_path: Path
) -> None:
    sound = noise(1.234, rate_hz, channels)
    result, vocals, background = separate(sound, rate_hz, depth, model="mdx")
    about = soundfile.info(tmp_path / "item" / result.vocals.path)
    assert (about.samplerate, about.channels, about.subtype) == (rate_hz, channels, f"PCM_{depth}")
    assert vocals.shape == background.shape == sound.T.shape
    steps = 1 << (depth - 1)
    np.testing.assert_array_equal(vocals + background, np.rint(sound.T * np.float64(steps)))


def test_a_tone_comes_out_at_the_level_the_model_gives_it(separate: Separate) -> None:
    """The MDX model halves; 1 % for the edges of its windows and for resampling from 48 kHz and back."""
    time = np.arange(3 * 48000) / 48000
    tone = np.tile(0.2 * np.sin(2 * np.pi * 1000 * time), (2, 1)).astype(np.float32)
    _, vocals, _ = separate(tone, 48000, model="mdx")
    middle = slice(48000, 96000)
    assert np.sqrt(np.mean((vocals.T[:, middle] / 32768) ** 2)) == pytest.approx(0.1 / np.sqrt(2), rel=0.01)


def test_an_ensemble_is_the_mean_of_its_members(models: Path) -> None:
    mix = noise(3)
    alone = [library.Separation(name).vocals(mix, lambda _: None) for name in ("mel", "mdx")]
    together = separation.Ensemble.load(("mel", "mdx"), "avg_wave", 0).vocals(mix, lambda _: None)
    np.testing.assert_allclose(together, (alone[0] + alone[1]) / 2, atol=1e-6)


def test_the_quieter_member_wins_where_the_ensemble_is_asked_for_it(models: Path) -> None:
    mix = noise(3)
    alone = [library.Separation(name).vocals(mix, lambda _: None) for name in ("mel", "mdx")]
    together = separation.Ensemble.load(("mel", "mdx"), "min_wave", 0).vocals(mix, lambda _: None)
    np.testing.assert_allclose(np.abs(together), np.minimum(*np.abs(alone)), atol=1e-6)


def test_windows_leave_no_seam(separate: Separate, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sound in windows of 4 s against the same in one: an error of one step of 16 bits, anywhere."""
    sound = noise(7)
    _, whole, _ = separate(sound, model="mdx", folder="whole")
    for name, seconds in {"WINDOW": 4, "GUARD": 1, "FADE": 1}.items():
        monkeypatch.setattr(separation, f"{name}_SECONDS", seconds)
    _, parts, _ = separate(sound, model="mdx", folder="parts")
    assert np.abs(whole - parts).max() <= 1


def test_a_window_is_all_that_is_held_however_long_the_recording() -> None:
    asked: list[int] = []

    def of(first: int, last: int) -> NDArray[np.float32]:
        asked.append(last - first)
        return np.arange(first, last, dtype=np.float32)[None] % 1000

    pieces = list(separation.blended(100_003, 1000, 30, 20, of))
    assert max(asked) == 1000
    assert max(piece.shape[1] for piece in pieces) <= 1000
    np.testing.assert_allclose(np.concatenate(pieces, axis=1)[0], np.arange(100_003) % 1000, atol=0.1)


def test_silence_gives_silence(separate: Separate) -> None:
    _, vocals, background = separate(np.zeros((2, 44100), np.float32), model=["mel", "vr"])
    assert not vocals.any()
    assert not background.any()


def test_the_same_request_gives_the_same_bytes(separate: Separate) -> None:
    first, again = (separate(noise(3), model="mel", folder=folder)[0] for folder in ("first", "again"))
    assert first == again


def test_more_overlap_is_another_result(separate: Separate) -> None:
    first, other = (separate(noise(11), model="mel", overlap=overlap)[0] for overlap in (0, 4))
    assert first.vocals.sha256 != other.vocals.sha256


def test_a_model_of_the_instruments_gives_what_is_left_as_vocals(
    tiny: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Halves are halves: the rest of an MDX model that gives half of a sound is half of it too."""
    tiny.mdx(tmp_path / "instruments", "Instrumental")
    tiny.roformer(tmp_path / "others", training={"instruments": ["vocals", "other"], "target_instrument": "other"})
    monkeypatch.setenv("VOICECAST_WEIGHTS", str(tmp_path))
    mix = noise(3)
    halves = library.Separation("instruments").vocals(mix, lambda _: None)
    assert np.sqrt(np.mean((mix - halves) ** 2)) < 0.6 * np.sqrt(np.mean(mix**2))
    model = library.Separation("others")
    other = model._model.demix(mix, override_model_segment_size=True)["other"]
    np.testing.assert_allclose(model.vocals(mix, lambda _: None), mix - other, atol=1e-6)


def test_progress_grows_within_a_window(models: Path) -> None:
    said: list[float] = []
    library.Separation("mel").vocals(noise(11), said.append)
    assert said == sorted(said)
    assert len(said) > 3
    assert said[-1] > 0.7


def test_safetensors_give_the_same_vocals(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mix = noise(3)
    expected = library.Separation("mel").vocals(mix, lambda _: None)
    shutil.copytree(models / "mel", tmp_path / "safe")
    file = tmp_path / "safe/mel_mel_band_roformer.ckpt"
    safetensors.torch.save_file(torch.load(file, weights_only=True), file.with_suffix(".safetensors"))
    file.unlink()
    monkeypatch.setenv("VOICECAST_WEIGHTS", str(tmp_path))
    np.testing.assert_array_equal(library.Separation("safe").vocals(mix, lambda _: None), expected)


class Malicious:
    """A pickle that runs a program when it is read."""

    def __init__(self, target: Path) -> None:
        self._target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self._target}",)


@pytest.mark.parametrize("name", ["mel", "vr"])
def test_a_pickle_that_runs_something_is_refused(
    name: str, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both ways into the library: RoFormer loads when it is made, VR at the first sound."""
    shutil.copytree(models / name, tmp_path / name)
    file = next(path for path in (tmp_path / name).iterdir() if path.suffix in (".ckpt", ".pth"))
    file.write_bytes(pickle.dumps({"state_dict": Malicious(tmp_path / "harm")}, protocol=2))
    if name == "vr":
        (parameters,) = json.loads((models / "vr/vr_model_data.json").read_text("utf-8")).values()
        known = {hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest(): parameters}
        (tmp_path / "vr/vr_model_data.json").write_text(json.dumps(known), "utf-8")
    monkeypatch.setenv("VOICECAST_WEIGHTS", str(tmp_path))
    with pytest.raises(EngineError, match=f"voicecast weights verify {name}"):
        library.Separation(name).vocals(noise(1), lambda _: None)
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize(
    ("kind", "lost", "said"),
    [
        ("mel", ".yaml", "lack the .yaml of mel_mel_band_roformer.ckpt"),
        ("mel", ".ckpt", "must hold one model"),
        ("mdx", ".json", "could not be found in UVR model data"),
    ],
)
def test_weights_that_are_not_whole_are_named_and_nothing_is_downloaded(
    kind: str, lost: str, said: str, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask_network(*_: object, **__: object) -> None:
        pytest.fail("the library asked the network")

    monkeypatch.setattr("requests.get", ask_network)
    shutil.copytree(models / kind, tmp_path / kind)
    next(path for path in (tmp_path / kind).iterdir() if path.suffix == lost).unlink()
    monkeypatch.setenv("VOICECAST_WEIGHTS", str(tmp_path))
    with pytest.raises(EngineError, match=said) as caught:
        library.Separation(kind)
    assert f"voicecast weights verify {kind}" in str(caught.value)


def test_a_model_without_vocals_is_refused(tiny: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.mdx(tmp_path / "drums", "Drums")
    monkeypatch.setenv("VOICECAST_WEIGHTS", str(tmp_path))
    with pytest.raises(EngineError, match="drums gives Drums and No Drums, no vocals"):
        library.Separation("drums")


def test_missing_weights_name_the_command_that_brings_them() -> None:
    with pytest.raises(EngineError, match="voicecast weights fetch big"):
        library.Separation("big")


@pytest.mark.parametrize("model", [[], ["a", "a"], 3, ["a", 1], None])
def test_a_model_is_a_name_or_different_names(model: object) -> None:
    with pytest.raises(ValueError, match="list of different names"):
        backend.Options(model=model)


def test_torch_runs_no_pickle_even_where_it_is_asked_to(tmp_path: Path) -> None:
    torch.save({"state_dict": Malicious(tmp_path / "harm")}, tmp_path / "model.ckpt")
    with pytest.raises(pickle.UnpicklingError):
        torch.load(tmp_path / "model.ckpt", weights_only=False)
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize("kind", ["roformer", "mdx", "vr"])
@pytest.mark.parametrize("seconds", [1, 15])
def test_the_dry_voice_of_a_model_against_reverberation_is_the_vocals_of_a_mono_clip(
    kind: str, seconds: int, tiny: ModuleType, separate: Separate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Published ones call it noreverb, No Reverb or dry."""
    stems = {"instruments": ["noreverb", "reverb"], "target_instrument": "noreverb"}
    if kind == "roformer":
        tiny.roformer(tmp_path / "room", training=stems)
    else:
        getattr(tiny, kind)(tmp_path / "room", "Reverb" if kind == "mdx" else "No Reverb")
    monkeypatch.setenv("VOICECAST_WEIGHTS", str(tmp_path))
    clip = noise(seconds, 44100, 1)
    result, dry, rest = separate(clip, model="room")
    assert dry.shape == rest.shape == (seconds * 44100, 1)
    assert result.duration == seconds
    assert np.abs(dry).max() > 0
    np.testing.assert_array_equal((dry + rest)[:, 0], np.rint(clip[0] * 32768))


def test_a_model_that_gives_neither_vocals_nor_a_dry_voice_is_refused(
    tiny: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny.roformer(tmp_path / "drums", training={"instruments": ["drums", "other"], "target_instrument": "drums"})
    monkeypatch.setenv("VOICECAST_WEIGHTS", str(tmp_path))
    with pytest.raises(EngineError, match="drums and other"):
        library.Separation("drums")
