"""What lies in a weights folder is read and never run, and what is wrong with it is said with what helps."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pyannote.audio.telemetry.metrics import is_metrics_enabled

from containers.contract.errors import EngineError
from containers.contract.weights import weights as by_name
from containers.pyannote.backend import Options, setup
from containers.pyannote.loading import load_embedding, load_model, load_pipeline

COMMUNITY, EMBEDDING = "speaker-diarization-community-1", "wespeaker-voxceleb-resnet34-LM"


class Malicious:
    """Unpickled, it makes a file."""

    def __init__(self, trace: Path) -> None:
        self._trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return os.makedirs, (str(self._trace), 0o700, True)


@pytest.mark.parametrize("part", ["segmentation", "embedding"])
@pytest.mark.parametrize("place", ["state_dict", "hyper_parameters", "callbacks"])
def test_a_pickle_that_would_run_something_does_nothing_and_is_named(
    weights: Path, tmp_path: Path, part: str, place: str
) -> None:
    path = weights / COMMUNITY / part / "pytorch_model.bin"
    checkpoint = torch.load(path, weights_only=False)
    checkpoint.setdefault(place, {})["more"] = Malicious(tmp_path / "trace")
    torch.save(checkpoint, path)
    with pytest.raises(EngineError, match=rf"{part}/pytorch_model.bin asks for os\.makedirs"):
        load_pipeline(weights / COMMUNITY)
    assert not (tmp_path / "trace").exists()
    torch.load(path, weights_only=False)  # as the library does it, to show that the file was armed
    assert (tmp_path / "trace").exists()


def test_a_plain_pickle_under_a_checkpoints_name_does_nothing(weights: Path, tmp_path: Path) -> None:
    path = weights / EMBEDDING / "pytorch_model.bin"
    torch.save({"state_dict": Malicious(tmp_path / "trace")}, path, _use_new_zipfile_serialization=False)
    with pytest.raises(EngineError, match="makedirs"):
        load_embedding(weights / EMBEDDING)
    assert not (tmp_path / "trace").exists()


@pytest.mark.parametrize("file", ["plda.npz", "xvec_transform.npz"])
def test_a_plda_file_that_holds_a_pickle_does_nothing(weights: Path, tmp_path: Path, file: str) -> None:
    path = weights / COMMUNITY / "plda" / file
    arrays = dict(np.load(path))
    armed = {name: np.array([Malicious(tmp_path / "trace")], dtype=object) for name in arrays}
    np.savez(path, **armed)
    with pytest.raises(EngineError, match="PLDA"):
        load_pipeline(weights / COMMUNITY)
    assert not (tmp_path / "trace").exists()


def test_a_checkpoint_of_a_class_that_is_no_model_of_the_library_is_refused(weights: Path) -> None:
    path = weights / EMBEDDING / "pytorch_model.bin"
    checkpoint = torch.load(path, weights_only=False)
    checkpoint["pyannote.audio"]["architecture"] = {"module": "subprocess", "class": "Popen"}
    torch.save(checkpoint, path)
    with pytest.raises(EngineError, match=r"subprocess\.Popen, which is no model"):
        load_model(weights / EMBEDDING)


@pytest.mark.parametrize(
    ("line", "instead", "message"),
    [
        ("pyannote.audio.pipelines.SpeakerDiarization", "subprocess.Popen", "names the pipeline subprocess.Popen"),
        ("params:\n  clustering: {", "preprocessors: {x: {name: os.system}}\nparams:\n  clustering: {", "preproces"),
        ("$model/plda", "pyannote/other", "lack pyannote/other; run: voicecast weights fetch"),
        ("$model/embedding", "$model/..", r"lack \$model/\.\."),
        ("threshold: 0.6", "treshold: 0.6", "does not make a pipeline"),
        ("pipeline:", "pipeline: [", "is no pipeline's configuration"),
    ],
)
def test_a_configuration_that_asks_for_anything_else_is_refused(
    weights: Path, line: str, instead: str, message: str
) -> None:
    path = weights / COMMUNITY / "config.yaml"
    assert line in path.read_text("utf-8")
    path.write_text(path.read_text("utf-8").replace(line, instead), "utf-8")
    with pytest.raises(EngineError, match=message):
        load_pipeline(weights / COMMUNITY)


def test_a_broken_checkpoint_is_an_error_that_says_what_to_run(weights: Path) -> None:
    path = weights / EMBEDDING / "pytorch_model.bin"
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(EngineError, match="voicecast weights verify"):
        load_embedding(weights / EMBEDDING)


def test_a_checkpoint_that_lacks_weights_is_not_filled_up_with_random_ones(weights: Path) -> None:
    path = weights / EMBEDDING / "pytorch_model.bin"
    checkpoint = torch.load(path, weights_only=False)
    del checkpoint["state_dict"]["resnet.conv1.weight"]
    torch.save(checkpoint, path)
    with pytest.raises(EngineError, match=r"lacks the weights resnet\.conv1\.weight"):
        load_embedding(weights / EMBEDDING)


def test_a_missing_part_or_folder_is_an_error_that_names_the_command(weights: Path) -> None:
    shutil.rmtree(weights / COMMUNITY / "segmentation")
    with pytest.raises(EngineError, match=f"voicecast weights fetch {COMMUNITY}"):
        load_pipeline(weights / COMMUNITY)
    with pytest.raises(EngineError, match="voicecast weights fetch speaker-diarization-9"):
        load_pipeline(by_name("speaker-diarization-9"))


@pytest.mark.parametrize("name", [COMMUNITY, "speaker-diarization-3.1"])
def test_pipelines_of_both_generations_load_without_a_network(
    weights: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def refuse(*_: object) -> None:
        pytest.fail("asked for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert load_pipeline(weights / name).instantiated


def test_the_engine_sets_up_without_weights_and_reports_nothing_to_anybody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOICECAST_WEIGHTS", str(tmp_path))
    setup(Options(model="no-such-pipeline", embedding="no-such-model"))
    assert not is_metrics_enabled()
