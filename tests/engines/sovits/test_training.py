"""Training: the library's features, checkpoints that are gone on from, and where the networks begin."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file

from containers.contract.codec import canonical, encode
from containers.contract.errors import RecordingError, RequestError
from containers.contract.item import Item
from containers.contract.stages import CONTRACT, TrainRequest, TrainResult
from containers.sovits import backend
from tests.engines.sovits.conftest import ROOT, Studio, sung

Clips = tuple[Path, ...]


def test_features_are_those_of_the_librarys_pre_hubert(
    studio: Studio, clips: Clips, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own pre-hubert reads by torchaudio.load, which does not work without torchcodec: here it is given one."""
    from so_vits_svc_fork.hparams import HParams
    from so_vits_svc_fork.preprocessing import preprocess_hubert_f0

    from containers.sovits.lessons import analysed
    from containers.sovits.training import _template

    def loaded(path: Path) -> tuple[torch.Tensor, int]:
        samples, rate_hz = soundfile.read(path, dtype="float32")
        return torch.from_numpy(samples)[None], rate_hz

    engine = backend.setup(studio.options())
    config = HParams(**{**_template(engine, None), "spk": {clips[0].parent.name: 0}})
    monkeypatch.setattr("torchaudio.load", loaded)
    preprocess_hubert_f0._process_one(filepath=clips[0], content_model=engine.content, device="cpu", hps=config)
    theirs = torch.load(f"{clips[0]}.data.pt", weights_only=True)
    ours = analysed(clips[0], config, engine)
    assert set(ours) == set(theirs)
    for name, tensor in theirs.items():
        assert torch.equal(ours[name], tensor), name


def test_a_voice_says_how_far_it_is_from_clips_that_it_never_heard(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("containers.sovits.training.learn", lambda *_: None)
    clips = tuple(sung(studio.folder / f"short_{index}.wav", 2.6, 230 + 5 * index) for index in range(5))
    scored = studio.train("scored", clips)
    assert scored.seconds == pytest.approx(4 * 2.6, abs=0.5)  # the fifth clip is held out
    assert 0 < scored.scores["mel_l1_held_out"] < 20
    assert scored.f0_median_hz == pytest.approx(240, rel=0.05)


def test_a_killed_training_goes_on_from_its_checkpoint_and_ends_in_the_same_bytes(
    studio: Studio, clips: Clips, trained: TrainResult
) -> None:
    item, files = studio.item("work/items/killed", clips)
    request = {"contract": CONTRACT, "stage": "train"}
    request["request"] = encode(TrainRequest(character="endou", clips=files))
    (item.path / "request.json").write_text(canonical(request), "utf-8")
    options = studio.options(epochs=2, save_every=1)
    (studio.folder / "work/options.json").write_text(canonical(dataclasses.asdict(options)), "utf-8")
    command = [sys.executable, "-m", "containers.contract", "sovits", str(studio.folder / "work")]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"})
    checkpoint = item.path / "state" / "checkpoint.pt"
    try:
        while process.poll() is None and not checkpoint.exists():
            time.sleep(0.05)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert checkpoint.exists()
    assert not (item.path / "result.json").exists(), "the training was over before it was killed"

    steps: list[float] = []
    again = Item(item.path)
    again.progress = steps.append  # type: ignore[method-assign]
    result = backend.train(backend.setup(options), TrainRequest(character="endou", clips=files), again)
    while_learning = [share for share in steps if 0.1 < share < 0.97]
    assert len(while_learning) == 0, "the one step of the second epoch is all that was left"
    assert [file.sha256 for file in result.files] == [file.sha256 for file in trained.files]


def test_who_loads_the_clips_does_not_change_what_is_cut_out_of_them(studio: Studio) -> None:
    from containers.sovits.learning import _loader
    from containers.sovits.lessons import analysed, features_of
    from containers.sovits.training import HParams, _template

    engine = backend.setup(studio.options())
    config = {**_template(engine, None), "spk": {"endou": 0}}
    sounds = [sung(studio.folder / f"long_{index}.wav", 11.0, 200 + index) for index in range(3)]
    for sound in sounds:
        torch.save(analysed(sound, HParams(**config), engine), features_of(sound))

    def batches(workers: int, epoch: int) -> list[torch.Tensor]:
        loader = _loader(sounds, studio.folder, config, studio.options(workers=workers, batch_size=1), epoch)
        return [batch[3] for batch in loader]

    alone, helped, later = batches(0, 0), batches(2, 0), batches(0, 1)
    assert all(torch.equal(a, b) for a, b in zip(alone, helped, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(alone, later, strict=True))


def test_an_earlier_voice_is_what_a_training_goes_on_from(
    studio: Studio, clips: Clips, trained: TrainResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("containers.sovits.training.learn", lambda *_: None)
    earlier = studio.out("trained")
    studio.train("gone_on", clips, earlier)
    before, after = (load_file(studio.folder / name / "out/endou.safetensors") for name in ("trained", "gone_on"))
    assert all(torch.equal(before[name], after[name]) for name in before)


def _pair(studio: Studio, folder: str, **model: Any) -> None:
    """A pretrained pair in the form that so-vits programs write, for a network of that model."""
    from so_vits_svc_fork.modules.descriminators import MultiPeriodDiscriminator

    from containers.sovits import voice_file
    from containers.sovits.training import _template

    config = _template(backend.setup(studio.options()), None)
    config["model"] |= model
    (studio.weights / folder).mkdir()
    for name, network in (("G_0", voice_file.network(config)), ("D_0", MultiPeriodDiscriminator(False))):
        checkpoint = {"model": network.state_dict(), "iteration": 0, "optimizer": None, "learning_rate": 1e-4}
        torch.save(checkpoint, studio.weights / folder / f"{name}.pth")


def test_a_pretrained_pair_is_taken_whole_though_it_knows_more_of_a_speaker_than_the_template(
    studio: Studio, clips: Clips, monkeypatch: pytest.MonkeyPatch
) -> None:
    _pair(studio, "wide", gin_channels=48, n_speakers=7)
    monkeypatch.setattr("containers.sovits.training.learn", lambda *_: None)
    studio.train("begun", clips, pretrained="wide")
    begun = load_file(studio.folder / "begun/out/endou.safetensors")
    pair = torch.load(studio.weights / "wide/G_0.pth", weights_only=True)["model"]
    assert begun["emb_g.weight"].shape == (7, 48)
    assert all(torch.equal(begun[name], pair[name]) for name in begun)


def test_a_pretrained_pair_for_another_content_encoder_is_refused_by_name(studio: Studio, clips: Clips) -> None:
    _pair(studio, "other_content", ssl_dim=8)
    with pytest.raises(RequestError, match=r"pre\.weight"):
        studio.train("refused", clips, pretrained="other_content")


def test_silence_and_blinks_are_left_out_and_too_little_is_the_recordings_fault(studio: Studio, clips: Clips) -> None:
    silence, blink = studio.folder / "silence.wav", sung(studio.folder / "blink.wav", 0.2, 200)
    soundfile.write(silence, np.zeros(44100), 44100)
    with pytest.raises(RecordingError, match=r"has 5\.\d s of speech"):
        studio.train("little", (silence, blink, clips[0]))


def test_the_config_of_a_voice_names_no_address_that_a_program_would_download_from(
    studio: Studio, trained: TrainResult
) -> None:
    config = json.loads((studio.folder / "trained/out/endou.json").read_text("utf-8"))
    assert "pretrained" not in config["model"]
    assert config["spk"] == {"endou": 0}
