"""Conversion: what `svc infer` says, from files that cannot do harm."""

from __future__ import annotations

import math
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from containers.contract.errors import EngineError, RequestError
from containers.contract.stages import TrainResult
from containers.sovits import backend
from tests.engines.sovits.conftest import Studio

pytestmark = pytest.mark.usefixtures("trained")


class Harm:
    """What a program in a pickle would do: here it makes a folder."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> object:
        return (os.mkdir, (str(self._mark),))


def test_the_library_says_the_same_with_the_files_that_are_meant_for_it(
    studio: Studio, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`svc infer` with the .pth and the .json, its content encoder from the folder in place of the hub."""
    from so_vits_svc_fork.inference.core import Svc

    result = studio.convert("converted", source, studio.out("trained"))
    engine = backend.setup(studio.options())
    monkeypatch.setattr("so_vits_svc_fork.utils.get_hubert_model", lambda *_: engine.content)
    voice = studio.folder / "trained/out"
    theirs = Svc(net_g_path=voice / "endou.pth", config_path=voice / "endou.json", device="cpu")
    torch.manual_seed(0)
    samples = soundfile.read(source, dtype="float32")[0]
    wanted = theirs.infer_silence(samples, speaker="endou", transpose=result.pitch_shift_semitones)
    wanted *= min(1.0, 0.98 / np.abs(wanted).max())
    ours = soundfile.read(studio.folder / "converted" / result.speech.path, dtype="int16")[0]
    np.testing.assert_array_equal(ours, np.rint(wanted * 32767).astype(np.int16))


def test_the_sources_median_pitch_is_moved_to_the_voices(studio: Studio, source: Path, trained: TrainResult) -> None:
    assert trained.f0_median_hz
    shift = studio.convert("moved", source, studio.out("trained")).pitch_shift_semitones
    assert shift == pytest.approx(12 * math.log2(trained.f0_median_hz / 120), abs=0.5)


def test_a_voice_of_another_program_is_converted_with_as_well(studio: Studio, source: Path) -> None:
    pth, safe = [
        studio.convert(name, source, files)
        for name, files in (
            ("by_pth", tuple(path for path in studio.out("trained") if path.suffix != ".safetensors")),
            ("by_safetensors", studio.out("trained")[-1:]),
        )
    ]
    assert pth.speech.sha256 == safe.speech.sha256


def test_a_program_in_a_voice_is_not_run(studio: Studio, source: Path, tmp_path: Path) -> None:
    torch.save({"model": Harm(tmp_path / "done"), "iteration": 0, "learning_rate": 0}, tmp_path / "endou.pth")
    config = studio.folder / "trained/out/endou.json"
    with pytest.raises(RequestError, match="holds more than tensors"):
        studio.convert("harmed", source, (tmp_path / "endou.pth", config))
    assert not (tmp_path / "done").exists()


def test_a_program_in_the_pretrained_pair_is_not_run(studio: Studio, clips: tuple[Path, ...], tmp_path: Path) -> None:
    folder = studio.weights / "harmful_pair"
    folder.mkdir()
    for name in ("G_0.pth", "D_0.pth"):
        torch.save({"model": Harm(tmp_path / "done")}, folder / name)
    with pytest.raises(EngineError, match="holds more than tensors"):
        studio.train("harmed_training", clips, pretrained="harmful_pair")
    assert not (tmp_path / "done").exists()


def test_a_program_in_the_content_encoder_is_not_run(studio: Studio, source: Path, tmp_path: Path) -> None:
    folder = studio.weights / "harmful_content"
    folder.mkdir()
    shutil.copy(studio.weights / "content-vec-best/config.json", folder)
    torch.save({"weight": Harm(tmp_path / "done")}, folder / "pytorch_model.bin")
    with pytest.raises(EngineError, match="voicecast weights fetch harmful_content"):
        studio.train("harmed_by_content", (source,), content="harmful_content")
    assert not (tmp_path / "done").exists()


def test_a_voice_that_hears_by_another_content_encoder_is_refused(studio: Studio, source: Path) -> None:
    shutil.copytree(studio.weights / "content-vec-best", studio.weights / "another")
    with pytest.raises(RequestError, match="set content to what the voice was trained with"):
        studio.convert("refused_voice", source, studio.out("trained"), content="another")


def test_speech_is_as_long_as_its_source_to_the_sample(studio: Studio, tmp_path: Path) -> None:
    """With silence in it, at a rate that is not the voice's."""
    parts = [np.zeros(4000), *[0.3 * np.sin(np.arange(16000 * 2) * 0.07), np.zeros(10_801)] * 2]
    soundfile.write(tmp_path / "lasting.wav", np.concatenate(parts), 16000)
    result = studio.convert("lasting", tmp_path / "lasting.wav", studio.out("trained"))
    frames = soundfile.info(studio.folder / "lasting" / result.speech.path).frames
    assert frames == round(sum(map(len, parts)) * 44100 / 16000)
