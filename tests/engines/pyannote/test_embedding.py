"""One vector a turn: the library's own, whatever stands beside the turn."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pyannote.audio import Inference, Model
from pyannote.audio.core.task import Problem, Resolution, Specifications
from pyannote.audio.models.embedding.debug import SimpleEmbeddingModel
from pyannote.core import Segment

from containers.contract.errors import EngineError, RecordingError, RequestError
from containers.contract.stages import EmbedRequest, EmbedResult, Turn
from containers.pyannote.backend import Options, embed, setup
from containers.pyannote.loading import load_model
from containers.pyannote.voiceprint import Voiceprint

COMMUNITY, EMBEDDING = "speaker-diarization-community-1", "wespeaker-voxceleb-resnet34-LM"
TURNS = tuple(
    Turn(start=start, end=end, speaker="SPEAKER_00")
    for start, end in ((0.5, 1.6), (1.5, 4.25), (5.2, 7.013), (8.0, 8.9), (2.0, 7.1))
)


@pytest.fixture
def answer(weights: Path, send: Callable[..., Any]) -> Callable[..., tuple[EmbedResult, Any]]:
    def answered(sound: Any, turns: tuple[Turn, ...] | None, **options: Any) -> tuple[EmbedResult, Any]:
        item, file = send(sound)
        model = setup(Options(**{"model": COMMUNITY, "embedding": EMBEDDING, **options}))
        result = embed(model, EmbedRequest(vocals=file, turns=turns), item)
        data = json.loads((item.path / result.vectors.path).read_text("utf-8"))
        assert data["model"] == result.model
        return result, np.frombuffer(base64.b64decode(data["vectors"]), "<f4").reshape(-1, data["dimension"])

    return answered


def _by_the_library(model: Model, samples: Any, turns: tuple[Turn, ...]) -> Any:
    whole = Inference(model, window="whole")
    file = {"waveform": torch.from_numpy(samples)[None], "sample_rate": 16000}
    found = np.stack([np.ravel(whole.crop(file, Segment(turn.start, turn.end))) for turn in turns])
    return found / np.linalg.norm(found, axis=1, keepdims=True)


@pytest.mark.parametrize("at_once", [1, 16])
def test_a_turns_vector_is_the_librarys_own_of_its_crop_alone_or_beside_others(
    made: Path, samples: Any, answer: Callable[..., Any], at_once: int
) -> None:
    expected = _by_the_library(Model.from_pretrained(made / EMBEDDING), samples, TURNS)
    result, vectors = answer(samples, TURNS, segments_at_once=at_once)
    assert result.turns == TURNS
    assert np.linalg.norm(expected[0] - expected[2]) > 0.1, "vectors differ at all"
    np.testing.assert_allclose(vectors, expected, atol=1e-5)


def test_several_turns_go_through_the_network_in_one_forward(made: Path, samples: Any) -> None:
    network = load_model(made / EMBEDDING)
    rows: list[int] = []
    network.resnet.conv1.register_forward_pre_hook(lambda _, given: rows.append(len(given[0])))
    voiceprint = Voiceprint(network, "tiny", torch.device("cpu"), at_once=2)
    crops = [samples[: round(seconds * 16000)] for seconds in (1.0, 7.0, 2.0, 3.0, 6.0)]
    assert sorted(index for index, _ in voiceprint.vectors(crops)) == [0, 1, 2, 3, 4]
    assert rows == [3, 2], "room for 20 s: 1, 2 and 3 s filled up to 3, not to 6; then 6 and 7"


def test_too_little_memory_makes_the_batches_smaller(made: Path, samples: Any) -> None:
    network = load_model(made / EMBEDDING)
    rows: list[int] = []

    def crowded(_: Any, given: Any) -> None:
        rows.append(len(given[0]))
        if len(given[0]) > 1:
            raise torch.OutOfMemoryError

    hook = network.resnet.conv1.register_forward_pre_hook(crowded)
    voiceprint = Voiceprint(network, "tiny", torch.device("cpu"), at_once=2)
    found = dict(voiceprint.vectors([samples[:32000], samples[:40000]]))
    assert rows == [2, 1, 1]
    assert sorted(found) == [0, 1]
    hook.remove()
    network.resnet.conv1.register_forward_pre_hook(lambda _, given: (_ for _ in ()).throw(torch.OutOfMemoryError()))
    with pytest.raises(EngineError, match="not enough memory"):
        list(voiceprint.vectors([samples[:16000]]))


def test_any_other_embedding_of_the_library_gives_its_own_vectors(samples: Any) -> None:
    torch.manual_seed(0)
    model = SimpleEmbeddingModel()
    model.specifications = Specifications(problem=Problem.REPRESENTATION, resolution=Resolution.CHUNK, duration=5.0)
    crops = [samples[round(turn.start * 16000) : round(turn.end * 16000)] for turn in TURNS]
    found = dict(Voiceprint(model, "simple", torch.device("cpu"), at_once=2).vectors(crops))
    vectors = np.stack([found[index][0] for index in range(len(TURNS))])
    np.testing.assert_allclose(vectors, _by_the_library(model.eval(), samples, TURNS), atol=1e-5)
    assert [len(found[index]) for index in range(len(TURNS))] == [1, 3, 1, 1, 6], "the turn and its windows"


def test_a_turn_that_two_people_share_is_less_consistent_than_one_of_each(answer: Callable[..., Any]) -> None:
    time = np.arange(4 * 16000) / 16000
    high, low = (0.05 * np.sign(np.sin(2 * np.pi * hz * time)) * (1 + np.sin(8 * np.pi * time)) for hz in (250, 90))
    spans = ((0.0, 4.0), (4.0, 8.0), (2.0, 6.0), (0.0, 1.5))
    turns = tuple(Turn(start=start, end=end, speaker="SPEAKER_00") for start, end in spans)
    result, _ = answer(np.concatenate([high, low]), turns)
    assert result.consistency[2] < min(result.consistency[:2])
    assert result.consistency[3] == 1.0, "too short for two windows"


def test_vectors_name_the_library_the_weights_and_their_hash(
    weights: Path, samples: Any, answer: Callable[..., Any]
) -> None:
    first, _ = answer(samples, TURNS[:1])
    path = weights / EMBEDDING / "pytorch_model.bin"
    checkpoint = torch.load(path, weights_only=False)
    checkpoint["state_dict"]["resnet.seg_1.bias"] += 1.0
    torch.save(checkpoint, path)
    second, _ = answer(samples, TURNS[:1])
    assert first.model.startswith(f"pyannote.audio 4.0.7 {EMBEDDING} ")
    assert first.model != second.model, "vectors of different models never meet"


def test_the_embedding_of_a_pipeline_can_be_named(samples: Any, answer: Callable[..., Any]) -> None:
    own, vectors = answer(samples, TURNS[:2])
    of_pipeline, same = answer(samples, TURNS[:2], embedding=COMMUNITY)
    np.testing.assert_array_equal(vectors, same)  # the tiny weights are the same in both places
    assert of_pipeline.model == own.model.replace(EMBEDDING, COMMUNITY)


def test_a_model_that_is_no_embedding_is_refused(weights: Path, samples: Any, answer: Callable[..., Any]) -> None:
    (weights / COMMUNITY / "segmentation").rename(weights / "segmentation")
    with pytest.raises(EngineError, match="segmentation are no embedding model"):
        answer(samples, TURNS, embedding="segmentation")


def test_a_reference_gives_stretches_of_at_most_ten_seconds_of_its_speech(
    samples: Any, answer: Callable[..., Any]
) -> None:
    quiet = np.zeros(2 * 16000)
    result, vectors = answer(np.concatenate([quiet, samples, quiet]), None)
    assert len(result.turns) == len(vectors) >= 2
    assert all(turn.end - turn.start <= 10.0 and turn.speaker == "REFERENCE" for turn in result.turns)
    assert result.turns[0].start > 1.5
    assert result.turns[-1].end < 12.5


def test_a_reference_in_which_nobody_speaks_is_the_recordings_fault(answer: Callable[..., Any]) -> None:
    with pytest.raises(RecordingError, match="nobody speaks in this reference"):
        answer(np.zeros(16000), None)


def test_an_episode_without_turns_gives_no_vectors(samples: Any, answer: Callable[..., Any]) -> None:
    result, vectors = answer(samples, ())
    assert (result.turns, result.consistency, vectors.shape) == ((), (), (0, 256))


def test_a_turn_of_a_sound_and_one_too_long_for_the_network_have_vectors(
    samples: Any, answer: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("containers.pyannote.embedding.LONGEST", 2.0)
    turns = (Turn(start=0.0, end=0.01, speaker="SPEAKER_00"), Turn(start=1.0, end=5.5, speaker="SPEAKER_00"))
    result, vectors = answer(samples, turns)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    assert result.consistency[0] == 1.0
    parts = tuple(Turn(start=start, end=start + 1.5, speaker="SPEAKER_00") for start in (1.0, 2.5, 4.0))
    mean = answer(samples, parts)[1].sum(axis=0)
    np.testing.assert_allclose(vectors[1], mean / np.linalg.norm(mean), atol=1e-5)


def test_a_turn_behind_the_end_is_our_fault(samples: Any, answer: Callable[..., Any]) -> None:
    with pytest.raises(RequestError, match="starts at 20"):
        answer(samples, (Turn(start=20.0, end=21.0, speaker="SPEAKER_00"),))
