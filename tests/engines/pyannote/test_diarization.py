"""Who speaks when: the library's own answer, in the house's words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soxr
import torch
from pyannote.audio import Model, Pipeline
from pyannote.audio.core.plda import PLDA
from pyannote.audio.pipelines import SpeakerDiarization
from pyannote.audio.pipelines.speaker_diarization import DiarizeOutput
from pyannote.audio.pipelines.speaker_verification import PyannoteAudioPretrainedSpeakerEmbedding
from pyannote.core import Annotation

from containers.contract.errors import RecordingError, RequestError
from containers.contract.item import Item, sha256_of
from containers.contract.stages import DiarizeRequest, DiarizeResult, File, Turn
from containers.pyannote.backend import Options, diarize, setup
from containers.pyannote.loading import load_pipeline
from containers.pyannote.once_a_chunk import Diarizer, OnceAChunk
from containers.pyannote.side_by_side import diarize_side_by_side

COMMUNITY, OLDER = "speaker-diarization-community-1", "speaker-diarization-3.1"
EMBEDDING = "wespeaker-voxceleb-resnet34-LM"


@pytest.fixture
def answer(weights: Path, send: Callable[..., Any]) -> Callable[..., DiarizeResult]:
    def answered(sound: Any, name: str = COMMUNITY, rate_hz: int = 16000, **asked: int) -> DiarizeResult:
        item, file = send(sound, rate_hz)
        model = setup(Options(model=name, embedding=EMBEDDING))
        return diarize(model, DiarizeRequest(vocals=file, **asked), item)

    return answered


def _by_the_library(folder: Path, samples: Any, **asked: int) -> DiarizeOutput:
    """The pipeline as the library loads and runs it."""
    if folder.name == COMMUNITY:
        pipeline = Pipeline.from_pretrained(folder)
    else:
        pipeline = SpeakerDiarization(
            segmentation=Model.from_pretrained(folder / "segmentation-3.0"),
            embedding=Model.from_pretrained(folder / EMBEDDING),
            plda=PLDA.__new__(PLDA),
            clustering="AgglomerativeClustering",
            embedding_exclude_overlap=True,
            segmentation_step=0.5,
        )
        clustering = {"method": "centroid", "min_cluster_size": 12, "threshold": 0.7045654963945799}
        pipeline.instantiate({"clustering": clustering, "segmentation": {"min_duration_off": 0.0}})
    return pipeline({"waveform": torch.from_numpy(samples)[None], "sample_rate": 16000}, **asked)


@pytest.mark.parametrize(("name", "asked"), [(COMMUNITY, {"max_speakers": 4}), (OLDER, {"num_speakers": 2})])
def test_turns_and_overlap_are_those_of_the_librarys_own_call(
    made: Path, samples: Any, answer: Callable[..., DiarizeResult], name: str, asked: dict[str, int]
) -> None:
    """And exclusive turns are its exclusive ones without what is shared."""
    expected = _by_the_library(made / name, samples, **asked)
    turns = sorted(_said(expected.speaker_diarization))
    ranks = {label: f"SPEAKER_{rank:02}" for rank, label in enumerate(dict.fromkeys(label for *_, label in turns))}
    shared = expected.speaker_diarization.get_overlap()
    alone = expected.exclusive_speaker_diarization.extrude(shared)
    result = answer(samples, name, **{key.replace("num_", ""): value for key, value in asked.items()})
    assert len(turns) >= 3
    assert shared
    assert _said_here(result.turns) == sorted((start, end, ranks[label]) for start, end, label in turns)
    assert [(each.start, each.end) for each in result.overlap] == [
        (round(each.start, 3), round(each.end, 3)) for each in shared
    ]
    assert _said_here(result.exclusive) == [(start, end, ranks[label]) for start, end, label in sorted(_said(alone))]


def _said(annotation: Annotation) -> list[tuple[float, float, str]]:
    return [
        (round(each.start, 3), round(each.end, 3), name) for each, _, name in annotation.itertracks(yield_label=True)
    ]


def _said_here(turns: tuple[Turn, ...]) -> list[tuple[float, float, str]]:
    return [(turn.start, turn.end, turn.speaker) for turn in turns]


@pytest.mark.parametrize(
    ("asked", "count"), [({"speakers": 3}, 3), ({"min_speakers": 3}, 3), ({"max_speakers": 1}, 1), ({"speakers": 1}, 1)]
)
def test_the_number_of_speakers_asked_for_is_honoured(
    samples: Any, answer: Callable[..., DiarizeResult], asked: dict[str, int], count: int
) -> None:
    result = answer(samples, **asked)
    assert {turn.speaker for turn in result.turns} == {f"SPEAKER_{index:02}" for index in range(count)}
    assert not result.problems


def test_more_speakers_than_there_is_speech_for_is_a_problem_and_no_failure(
    samples: Any, answer: Callable[..., DiarizeResult]
) -> None:
    result = answer(samples[: 3 * 16000], speakers=9)
    assert result.turns
    assert [each.kind for each in result.problems] == ["other"]
    assert "of at least 9 speakers" in result.problems[0].text


def test_stereo_of_another_rate_gives_nearly_the_same_turns(samples: Any, answer: Callable[..., DiarizeResult]) -> None:
    """Within 0.1 s a turn: the sound is the same but for its highest band."""
    short = samples[:80000]
    wide = soxr.resample(short, 16000, 44100)
    one, other = answer(short, max_speakers=2), answer(np.stack([wide, wide], axis=1), rate_hz=44100, max_speakers=2)
    spoken = [sum(turn.end - turn.start for turn in each.turns) for each in (one, other)]
    assert spoken[0] == pytest.approx(spoken[1], abs=0.1 * len(one.turns))


def test_nobody_speaks_in_silence_and_a_problem_says_so(answer: Callable[..., DiarizeResult]) -> None:
    result = answer(np.zeros(3 * 16000))
    assert (result.turns, result.exclusive, result.overlap) == ((), (), ())
    assert [each.kind for each in result.problems] == ["no_speech"]


def test_a_recording_of_a_blink_is_answered(samples: Any, answer: Callable[..., DiarizeResult]) -> None:
    assert all(turn.end <= 0.042 for turn in answer(samples[16000:16667]).turns)


def test_a_file_that_is_no_sound_is_the_recordings_fault(weights: Path, samples: Any, send: Callable[..., Any]) -> None:
    item, _ = send(samples)
    path = item.path / "in" / "vocals.flac"
    path.write_text("This is no sound.")
    with pytest.raises(RecordingError, match="cannot be read as sound"):
        diarize(
            setup(Options(model=COMMUNITY, embedding=EMBEDDING)),
            DiarizeRequest(vocals=File(path="in/vocals.flac", sha256=sha256_of(path))),
            item,
        )


def test_bounds_that_contradict_each_other_are_our_fault(samples: Any, answer: Callable[..., DiarizeResult]) -> None:
    with pytest.raises(RequestError, match="min_speakers 3 is more than max_speakers 2"):
        answer(samples, min_speakers=3, max_speakers=2)


def test_the_threshold_of_the_clustering_can_be_said(weights: Path) -> None:
    assert load_pipeline(weights / COMMUNITY).clustering.threshold == 0.6
    assert load_pipeline(weights / COMMUNITY, 0.75).clustering.threshold == 0.75
    assert load_pipeline(weights / OLDER, 0.5).parameters(instantiated=True)["clustering"] == {
        "method": "centroid",
        "min_cluster_size": 12,
        "threshold": 0.5,
    }


def test_recordings_side_by_side_are_answered_as_alone_and_one_that_fails_fails_alone(
    weights: Path, samples: Any, send: Callable[..., Any], tmp_path: Path
) -> None:
    short = [samples[:48000], samples[64000:112000]]
    pairs, alone = [], []
    model = setup(Options(model=COMMUNITY, embedding=EMBEDDING))
    for number, sound in enumerate((*short, samples[:1600])):
        item, file = send(sound)
        if number < len(short):
            alone.append(diarize(model, DiarizeRequest(vocals=file), item))
        else:
            (item.path / file.path).write_text("This is no sound.")
            file = File(path=file.path, sha256=sha256_of(item.path / file.path))
        pairs.append((DiarizeRequest(vocals=file), Item(item.path.rename(tmp_path / str(number)))))
    diarizers = [Diarizer(load_pipeline(weights / COMMUNITY), torch.device("cpu"), 4) for _ in range(2)]
    answers = dict(diarize_side_by_side(lambda: diarizers, 2, iter(pairs)))
    assert [answers[item] for _, item in pairs[:2]] == alone
    assert alone[0].turns
    assert isinstance(answers[pairs[2][1]], RecordingError)


def test_a_stretch_goes_through_the_embedding_once_and_not_once_a_speaker(made: Path, samples: Any) -> None:
    """The vectors are the library's within 1e-5 of their length."""
    model = Model.from_pretrained(made / EMBEDDING)
    stretches = torch.from_numpy(np.stack([samples[:80000], samples[80000:160000]]))[:, None]
    waveforms = stretches.repeat_interleave(3, dim=0)
    masks = (torch.rand(6, 293, generator=torch.Generator().manual_seed(0)) > 0.5).float()
    expected = PyannoteAudioPretrainedSpeakerEmbedding(embedding=model)(waveforms, masks=masks)
    rows: list[int] = []
    model.resnet.conv1.register_forward_pre_hook(lambda _, given: rows.append(len(given[0])))
    once = OnceAChunk(model, 3, 80000)
    once.sound = torch.from_numpy(samples[:160000])[None]
    found = once(torch.tensor([0, 80000]).repeat_interleave(3)[:, None, None], masks=masks)
    assert rows == [2]
    np.testing.assert_allclose(found, expected, atol=1e-5 * float(np.linalg.norm(expected, axis=1).max()))
