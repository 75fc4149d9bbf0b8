"""Training: what it leaves, that it can be stopped anywhere, and what it refuses."""

from __future__ import annotations

import json
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from containers.contract.errors import EngineError, RecordingError, RequestError
from containers.rvc import backend, checkpoints, pretrained, team_processes
from containers.rvc.beginning import origin_of
from containers.rvc.discriminator import Discriminator
from containers.rvc.files import read_voice, write_voice
from containers.rvc.generator import Generator
from containers.rvc.learner import Learner
from containers.rvc.shape import shape_for
from containers.rvc.training import Training
from tests.engines.rvc.conftest import Place
from tests.engines.rvc.made import glottal, pitch_hz

ROOT = Path(__file__).parents[3]
COURSE: dict[str, Any] = {"epochs": 3, "save_every": 2}


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
        f"endou.{ending}"
        for ending in ("pth", "safetensors", "posterior.safetensors", "index", "curve.json", "json", "md")
    }
    content = torch.load(files["endou.pth"], weights_only=True)
    assert not [name for name in content["weight"] if name.startswith(("enc_q.", "discriminators."))]
    card = trained.card("whole")
    assert card["epochs"] == 3
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


def test_a_training_comes_to_the_losses_of_its_revision(trained: Place) -> None:
    """Voices outlive edits of this engine until `revision` is counted up, so an edit that changes what comes out must
    show here. Processors add up in other orders, which is worth less than 0.2 % in six steps."""
    revision = tomllib.loads((ROOT / "containers" / "engines.toml").read_text("utf-8"))["rvc"]["revision"]["train"]
    written = json.loads((Path(__file__).parent / "losses.json").read_text("utf-8"))
    way_out = "count up revision of rvc in engines.toml and write this training's losses down for it"
    assert str(revision) in written, way_out
    told = written[str(revision)]
    usual = backend.Options(content="", pretrained="")
    named = [name for name in backend.LISTED if name not in ("content", "pretrained")]
    assert {name: getattr(usual, name) for name in named} == told["options"], way_out
    for name, losses in trained.curve("whole")["losses"].items():
        assert losses == pytest.approx(told["losses"][name], rel=2e-3), f"{name}: {way_out}"


STEPS = 6


@pytest.mark.parametrize("seed", [1, 2])
def test_a_training_that_dies_at_random_steps_comes_to_the_same_bytes(
    trained: Place, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before a step, once each, with a checkpoint after every step; two of them are kept at most."""
    name = f"broken_{seed}"
    shutil.rmtree(trained.folder / name, ignore_errors=True)
    real = Learner.step
    for dies_at in sorted(random.Random(seed).sample(range(1, STEPS), 3)):

        def step(self: Learner, *given: Any, dies_at: int = dies_at, **more: Any) -> torch.Tensor:
            if more.get("move", True) and (trained.folder / name / "state" / f"checkpoint-{dies_at:09}.pt").exists():
                raise KeyboardInterrupt
            return real(self, *given, **more)

        monkeypatch.setattr(Learner, "step", step)
        with pytest.raises(KeyboardInterrupt):
            trained.train(name, checkpoint_minutes=0.0, **COURSE)
        kept = sorted((trained.folder / name / "state").glob("checkpoint-*.pt"))
        assert kept[-1].name == f"checkpoint-{dies_at:09}.pt"
        assert len(kept) <= 2
    monkeypatch.setattr(Learner, "step", real)
    trained.train(name, checkpoint_minutes=0.0, **COURSE)
    for one, other in zip(trained.made("whole"), trained.made(name), strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name


@pytest.mark.slow
def test_a_training_whose_process_is_killed_goes_on_to_the_same_bytes(trained: Place) -> None:
    """By SIGKILL from outside, as soon as the checkpoint of a step is there, twice."""
    item = trained.item("killed")
    for step in (2, 4):
        process = subprocess.Popen(
            [sys.executable, "-c", _training(trained, "killed", checkpoint_minutes=0.0, **COURSE)], cwd=ROOT
        )
        while process.poll() is None and not (item.path / "state" / f"checkpoint-{step:09}.sha256").exists():
            time.sleep(0.02)
        process.kill()
        assert process.wait() == -signal.SIGKILL, "it was killed before its end"
        assert not (item.path / "out" / "endou.pth").exists()
    trained.train("killed", checkpoint_minutes=0.0, **COURSE)
    for one, other in zip(trained.made("whole"), trained.made("killed"), strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name


def _training(place: Place, name: str, **options: Any) -> str:
    """A program that trains as Place.train does, in a process of its own."""
    return "\n".join(
        [
            "from pathlib import Path",
            "from tests.engines.rvc.conftest import Place",
            f"clips = tuple(Path(each) for each in {[str(each) for each in place.clips]!r})",
            f"place = Place(folder=Path({str(place.folder)!r}), clips=clips)",
            f"place.train({name!r}, **{options!r})",
        ]
    )


@pytest.mark.parametrize("batch_size", [2, 3])
def test_two_processes_train_to_the_losses_of_one(trained: Place, batch_size: int) -> None:
    """Batches of 3 are shared unevenly, and of the last one a process has nothing. Sums differ in their order only."""
    for processes in (1, 2):
        trained.train(f"team_{batch_size}_{processes}", processes=processes, batch_size=batch_size, **COURSE)
    one, two = (trained.curve(f"team_{batch_size}_{processes}")["losses"] for processes in (1, 2))
    for name in one:
        assert two[name] == pytest.approx(one[name], rel=1e-3), name
    first, second = (
        read_voice(trained.folder / f"team_{batch_size}_{each}" / "out" / "endou.pth").tensors for each in (1, 2)
    )
    assert max(float((first[name] - second[name]).abs().max()) for name in first) < 2e-3, "AdamW moves by 1e-4 a step"
    assert not (trained.folder / f"team_{batch_size}_2" / "state" / "together").exists()


def test_a_team_goes_on_from_a_checkpoint_and_stops_early_together(
    trained: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Training._end_epoch

    def end(self: Training, *given: Any) -> None:
        real(self, *given)
        if self.progress.step == 2:
            self._checkpoint()
            raise KeyboardInterrupt

    monkeypatch.setattr(Training, "_end_epoch", end)
    with pytest.raises(KeyboardInterrupt):
        trained.train("team_again", processes=2, **COURSE)
    monkeypatch.setattr(Training, "_end_epoch", real)
    trained.train("team_again", processes=2, **COURSE)
    whole, again = (trained.curve(name)["losses"]["mel"] for name in ("whole", "team_again"))
    assert again == pytest.approx(whole, rel=1e-3)
    trained.train("team_stops", processes=2, clips=8, epochs=30, save_every=1, patience=1, learning_rate=1e-7)
    assert trained.curve("team_stops")["epochs"] < 30


def test_a_process_of_a_team_that_dies_ends_the_training_with_an_error_to_retry(
    trained: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = team_processes._hand_out

    def spoiled(folder: Path, *given: Any) -> None:
        real(folder, *given)
        (folder / "clips.safetensors").write_bytes(b"nothing")

    monkeypatch.setattr(team_processes, "_hand_out", spoiled)
    with pytest.raises(EngineError, match="a process of the training has died"):
        trained.train("team_dies", processes=2, **COURSE)


def test_what_is_said_before_a_training_are_its_steps_time_and_disk(
    trained: Place, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", "voicecast.rvc"):
        trained.train("said", **COURSE)
    lines = [record.getMessage() for record in caplog.records]
    foretold = next(number for number, line in enumerate(lines) if re.search(r"^6 steps of .* take about \d+ s", line))
    first = next(number for number, line in enumerate(lines) if line.startswith("epoch 1:"))
    disk = next(number for number, line in enumerate(lines) if re.search(r"needs .* of disk", line))
    assert max(foretold, disk) < first
    assert re.search(r"mel \d+\.\d+.*left to epoch 3", lines[first])


def test_tensorboard_shows_a_training_that_runs_and_the_voice_keeps_its_curve(trained: Place) -> None:
    from tensorboardX.proto.event_pb2 import Event

    (log,) = (trained.folder / "whole" / "state" / "tensorboard").iterdir()
    data, said = log.read_bytes(), []
    while data:  # a record: its length (8 bytes), a check (4), itself, a check (4)
        length = int.from_bytes(data[:8], "little")
        said += [
            (each.tag, event.step)
            for event in [Event.FromString(data[12 : 12 + length])]
            for each in event.summary.value
        ]
        data = data[16 + length :]
    assert {("epochs/mel", 2), ("epochs/mel", 6), ("steps/generator_gradient", 6)} <= set(said)
    curve = trained.curve("whole")
    assert (curve["epochs"], curve["best_epoch"]) == (3, 3)
    assert all(len(values) == 3 for values in curve["losses"].values())
    assert [save["epoch"] for save in curve["saves"]] == [2, 3]


def test_a_damaged_checkpoint_does_not_count_and_the_one_before_it_does(tmp_path: Path) -> None:
    for step in (1, 2, 3):
        checkpoints.save(tmp_path, step, {"step": step})
    newest = tmp_path / "checkpoint-000000003.pt"
    newest.write_bytes(newest.read_bytes()[:-9] + b"\0" * 9)
    path = checkpoints.newest(tmp_path)
    assert path
    assert checkpoints.read(path, torch.device("cpu")) == {"step": 2}
    assert not newest.exists()


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_numbers_that_are_not_finite_stop_the_training_in_words(
    trained: Place, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The step and what it heard are named; fp16, which leaves out steps beyond its range, is no excuse for a loss."""
    real, done = Learner.step, []

    def step(self: Learner, *given: Any, **more: Any) -> torch.Tensor:
        done.append(more.get("move", True))
        answer = real(self, *given, **more)
        return answer * float("nan") if sum(done) == 4 else answer

    monkeypatch.setattr(Learner, "step", step)
    name = f"nan_{precision}"
    with pytest.raises(RecordingError, match=r"not finite in step 4 \(epoch 2\).* heard \d\.wav.*learning_rate"):
        trained.train(name, precision=precision, **COURSE)
    assert not list((trained.folder / name / "state").glob("*.pt")), "nothing of it is kept"


def test_fp16_that_finds_no_scale_stops_too(trained: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Learner.step

    def step(self: Learner, *given: Any, **more: Any) -> torch.Tensor:
        answer = real(self, *given, **more)
        answer[-2:] = float("inf")
        return answer

    monkeypatch.setattr(Learner, "step", step)
    with pytest.raises(RecordingError, match=r"generator_gradient"):
        trained.train("inf", precision="fp16", epochs=15, save_every=15)


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


def test_a_community_voice_is_trained_on_from_its_pth_alone(
    trained: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of another rate and number of speakers than asked for; with a pretrained pair, which brings the posterior."""
    shape = replace(shape_for(32000, "tiny"), speakers=5)
    torch.manual_seed(6)
    stranger = Generator(shape, listening=False).state_dict()
    community = write_voice(tmp_path / "somebody.v2_e300.pth", shape, stranger, "300epoch")
    pair = trained.folder / "weights" / "pair"
    pair.mkdir(exist_ok=True)
    published = Generator(replace(shape, speakers=9))
    torch.save({"model": published.state_dict()}, pair / "f0G32k.pth")
    monkeypatch.setattr(pretrained, "Discriminator", partial(Discriminator, thinner=64))
    torch.save({"model": Discriminator(thinner=64).state_dict()}, pair / "f0D32k.pth")
    origin = origin_of(trained.sent(trained.item("origin"), community), trained.item("origin"), 40000, "full", "pair")
    beginning = origin.beginning.generator
    assert beginning
    assert torch.equal(beginning["enc_q.pre.weight"], published.state_dict()["enc_q.pre.weight"])
    assert torch.equal(beginning["emb_g.weight"], stranger["emb_g.weight"].half().float())
    result = trained.train("from_community", voice=(community,), epochs=1, save_every=1)
    assert result.sample_rate_hz == 32000
    assert set(trained.card("from_community")["weights"]) >= {"from somebody.v2_e300.pth", "endou.pth"}
    source = glottal(tmp_path / "source.wav", 220, 0.5)
    assert trained.convert("said_by_it", source, (community,)).sample_rate_hz == 32000, "without index and card"


def test_a_voice_is_not_trained_on_from_something_else(trained: Place, tmp_path: Path) -> None:
    other = tmp_path / "endou.pth"
    torch.save({"model": {}}, other)
    with pytest.raises(RequestError, match=r"no weights of a voice|no config"):
        trained.train("not_a_voice", voice=(other,), **COURSE)


@pytest.mark.parametrize(("precision", "near"), [("bf16", 0.1), ("fp16", 0.2)])
def test_lighter_numbers_train_to_nearly_the_same_losses(trained: Place, precision: str, near: float) -> None:
    """Quiet samples round off in bf16; fp16 leaves out the first steps, while it looks for a scale."""
    trained.train(precision, precision=precision, **COURSE)
    light, full = (trained.curve(name)["losses"]["mel"][-1] for name in (precision, "whole"))
    assert light == pytest.approx(full, rel=near)


def test_held_out_clips_choose_the_epoch_and_end_a_training_that_gets_no_better(place: Place) -> None:
    place.train("patient", clips=8, epochs=40, save_every=1, patience=2, learning_rate=1e-7)
    card = place.card("patient")
    assert card["epochs"] < 40, "nothing is learnt at this rate, so two saves are no better soon"
    qualities = [save["quality"] for save in place.curve("patient")["saves"]]
    assert card["best_epoch"] == 1 + qualities.index(max(qualities))
    assert {"similarity_held_out", "spectral_distance_db_held_out"} <= set(card["scores"])


@pytest.mark.slow
def test_a_voice_that_was_trained_says_a_220_hz_source_an_octave_up_at_440_hz(place: Place, tmp_path: Path) -> None:
    """The whole way on a CPU: clips that glide over two octaves, a tiny network, a random content encoder."""
    result = place.train("singer", clips=8, epochs=20, save_every=10, learning_rate=1e-3)
    losses = place.curve("singer")["losses"]["mel"]
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
