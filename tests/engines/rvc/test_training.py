"""Training: what it leaves, that it can be stopped anywhere, and what it refuses."""

from __future__ import annotations

import shutil
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from containers.contract.errors import EngineError, RecordingError, RequestError
from containers.rvc import checkpoints
from containers.rvc.files import read_voice
from containers.rvc.learner import Learner
from containers.rvc.training import Training
from tests.engines.rvc.conftest import Place
from tests.engines.rvc.made import glottal, pitch_hz

COURSE = {"epochs": 3, "save_every": 2}


@pytest.fixture(scope="module")
def trained(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Place:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VOICECAST_WEIGHTS", str(place.folder / "weights"))
        patch.setenv("VOICECAST_CACHE", str(place.folder / "cache"))
        place.train("whole", **COURSE)
    return place


def test_a_training_leaves_a_voice_an_index_and_cards_and_no_discriminator(trained: Place) -> None:
    files = {path.name: path for path in trained.made("whole")}
    assert set(files) == {
        f"endou.{ending}" for ending in ("pth", "safetensors", "posterior.safetensors", "index", "json", "md")
    }
    content = torch.load(files["endou.pth"], weights_only=True)
    assert not [name for name in content["weight"] if name.startswith(("enc_q.", "discriminators."))]
    card = trained.card("whole")
    assert len(card["losses"]) == card["epochs"] == 3
    assert [save["epoch"] for save in card["saves"]] == [2, 3]
    assert set(card["weights"]) >= {"endou.pth", "endou.safetensors", "endou.index", "content"}


def test_the_index_is_what_the_ecosystem_reads(trained: Place) -> None:
    import faiss

    index = faiss.read_index(str(trained.folder / "whole" / "out" / "endou.index"))
    assert isinstance(index, faiss.IndexIVFFlat)
    assert (index.d, index.nprobe) == (768, 1)
    assert index.ntotal > 100, "50 features a second"


def test_the_same_request_gives_the_same_bytes(trained: Place) -> None:
    trained.train("again", **COURSE)
    for one, other in zip(trained.made("whole"), trained.made("again"), strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name


@pytest.mark.parametrize("steps", [(1,), (2, 3, 5)])
def test_a_training_that_dies_at_any_step_comes_to_the_same_bytes(
    trained: Place, steps: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six steps in all; killed before the given ones, once each, with a checkpoint after every step."""
    name = f"broken_at_{steps[0]}"
    shutil.rmtree(trained.folder / name, ignore_errors=True)
    real = Training._step
    for dies_at in steps:

        def step(self: Training, dies_at: int = dies_at) -> None:
            if self.progress.step == dies_at:
                raise KeyboardInterrupt
            real(self)

        monkeypatch.setattr(Training, "_step", step)
        with pytest.raises(KeyboardInterrupt):
            trained.train(name, checkpoint_minutes=0.0, **COURSE)
        assert len(list((trained.folder / name / "state").glob("checkpoint-*.pt"))) <= 2
    monkeypatch.setattr(Training, "_step", real)
    trained.train(name, checkpoint_minutes=0.0, **COURSE)
    for one, other in zip(trained.made("whole"), trained.made(name), strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name


@pytest.mark.slow
def test_a_training_whose_process_is_killed_goes_on_to_the_same_bytes(trained: Place) -> None:
    """By SIGKILL from outside, as soon as there is a checkpoint of the third step."""
    item = trained.item("killed")
    code = f"""
        from pathlib import Path
        from tests.engines.rvc.conftest import Place
from tests.engines.rvc.made import glottal, pitch_hz
        clips = tuple(Path(each) for each in {[str(each) for each in trained.clips]!r})
        place = Place(folder=Path({str(trained.folder)!r}), clips=clips)
        place.train("killed", checkpoint_minutes=0.0, **{COURSE!r})
    """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], cwd=Path(__file__).parents[3])
    while process.poll() is None and not list((item.path / "state").glob("checkpoint-000000003.sha256")):
        time.sleep(0.02)
    process.kill()
    process.wait()
    assert not (item.path / "out" / "endou.pth").exists(), "it was killed before its end"
    trained.train("killed", checkpoint_minutes=0.0, **COURSE)
    for one, other in zip(trained.made("whole"), trained.made("killed"), strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name


def test_a_damaged_checkpoint_does_not_count_and_the_one_before_it_does(tmp_path: Path) -> None:
    for step in (1, 2, 3):
        checkpoints.save(tmp_path, step, {"step": step})
    newest = tmp_path / "checkpoint-000000003.pt"
    newest.write_bytes(newest.read_bytes()[:-9] + b"\0" * 9)
    state = checkpoints.newest(tmp_path, torch.device("cpu"))
    assert state == {"step": 2}


def test_numbers_that_are_not_finite_stop_the_training_in_words(
    trained: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Learner.step

    def step(self: Learner, *given: Any) -> torch.Tensor:
        return real(self, *given) * float("nan")

    monkeypatch.setattr(Learner, "step", step)
    with pytest.raises(EngineError, match=r"not finite .* learning_rate"):
        trained.train("nan", **COURSE)
    assert not list((trained.folder / "nan" / "state").glob("*.pt")), "nothing of it is kept"


def test_too_little_speech_is_named_and_left_unless_asked_for(trained: Place) -> None:
    with pytest.raises(RecordingError, match=r"endou has .* min_seconds"):
        trained.train("short", min_seconds=60.0, **COURSE)


def test_silence_and_noise_teach_nobodys_voice(place: Place, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "silence.wav", np.zeros(88200), 44100)
    soundfile.write(tmp_path / "noise.wav", 0.1 * np.random.default_rng(1).normal(size=88200), 44100)
    quiet = Place(folder=place.folder, clips=(tmp_path / "silence.wav", tmp_path / "noise.wav"))
    with pytest.raises(RecordingError, match=r"endou has"):
        quiet.train("quiet", **COURSE)


def test_a_voice_is_trained_on_and_keeps_its_history(trained: Place) -> None:
    result = trained.train("more", voice=trained.made("whole"), epochs=1, save_every=1)
    assert result.sample_rate_hz == 40000
    card = trained.card("more")
    assert [each["epochs"] for each in card["history"]] == [3]
    assert any(name.startswith("from endou") for name in card["weights"])
    before, after = (read_voice(trained.folder / name / "out" / "endou.pth") for name in ("whole", "more"))
    moved = max(float((before.tensors[n] - after.tensors[n]).abs().max()) for n in before.tensors)
    assert 0 < moved < 0.02, "two steps of 1e-4 from where it was"


def test_a_voice_is_not_trained_on_from_something_else(trained: Place, tmp_path: Path) -> None:
    other = tmp_path / "endou.pth"
    torch.save({"model": {}}, other)
    with pytest.raises(RequestError, match=r"no weights of a voice|no config"):
        trained.train("not_a_voice", voice=(other,), **COURSE)


@pytest.mark.parametrize(("precision", "near"), [("bf16", 0.1), ("fp16", 0.2)])
def test_lighter_numbers_train_to_nearly_the_same_losses(trained: Place, precision: str, near: float) -> None:
    """Quiet samples round off in bf16; fp16 leaves out the first steps, while it looks for a scale."""
    trained.train(precision, precision=precision, **COURSE)
    light, full = (trained.card(name)["losses"][-1] for name in (precision, "whole"))
    assert light["mel"] == pytest.approx(full["mel"], rel=near)


def test_held_out_clips_choose_the_epoch_and_end_a_training_that_gets_no_better(place: Place) -> None:
    place.train("patient", clips=8, epochs=40, save_every=1, patience=2, learning_rate=1e-7)
    card = place.card("patient")
    assert card["epochs"] < 40, "nothing is learnt at this rate, so two saves are no better soon"
    qualities = [save["quality"] for save in card["saves"]]
    assert card["best_epoch"] == 1 + qualities.index(max(qualities))
    assert {"similarity_held_out", "spectral_distance_db_held_out"} <= set(card["scores"])


@pytest.mark.slow
def test_a_voice_that_was_trained_says_a_220_hz_source_an_octave_up_at_440_hz(place: Place, tmp_path: Path) -> None:
    """The whole way on a CPU: clips that glide over two octaves, a tiny network, a random content encoder."""
    result = place.train("singer", clips=8, epochs=20, save_every=10, learning_rate=1e-3)
    losses = [each["mel"] for each in place.card("singer")["losses"]]
    assert np.mean(losses[-3:]) < 0.8 * np.mean(losses[:3])
    assert {Path(file.path).suffix for file in result.files} >= {".pth", ".index", ".safetensors"}
    assert result.f0_median_hz == pytest.approx(300, rel=0.3), "the middle of what the clips glide over"
    source = glottal(tmp_path / "source.wav", 220, 2.0)
    converted = place.convert("sung", source, place.made("singer"), 12.0)
    path = place.folder / "sung" / converted.speech.path
    assert soundfile.info(path).frames == 2 * 40000
    assert pitch_hz(path) == pytest.approx(440, rel=0.01)
    by_itself = place.convert("by_itself", source, place.made("singer"))
    wanted = 12 * np.log2((result.f0_median_hz or 0) / 220)
    assert by_itself.pitch_shift_semitones == pytest.approx(wanted, abs=0.2), "to the voice's own median f0"
    assert by_itself.similarity is not None
