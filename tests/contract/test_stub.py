"""The stub engine: its files open in other programs, and a script is followed from video to voice."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from safetensors.numpy import load_file

from containers.contract import stages
from containers.contract.errors import EngineError, RecordingError, RequestError, StageError
from containers.contract.item import Item, sha256_of
from containers.contract.stages import File, Turn
from containers.stub import backend, flac
from containers.stub.options import Options


class Stub:
    """Asks stub in this process: files in, result out; `folder` holds the last answer's files."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._count = folder, 0

    def __call__(self, stage: str, **request: Any) -> Any:
        self._count += 1
        self._item = Item(self._folder / f"{self._count:03}")
        (self._item.path / "in").mkdir(parents=True)
        sent = {name: self._send(value) for name, value in request.items()}
        return getattr(backend, stage)(Options(), stages.STAGES[stage].request(**sent), self._item)

    def again(self, stage: str, **request: Any) -> Any:
        """The same request in the same item, as a second attempt would find it."""
        sent = {name: self._send(value) for name, value in request.items()}
        return getattr(backend, stage)(Options(), stages.STAGES[stage].request(**sent), self._item)

    def path(self, file: File) -> Path:
        return self._item.path / file.path

    def _send(self, value: Any) -> Any:
        if isinstance(value, Path):
            (self._item.path / "in" / value.name).write_bytes(value.read_bytes())
            return File(path=f"in/{value.name}", sha256=sha256_of(value))
        if isinstance(value, tuple):
            return tuple(self._send(each) for each in value)
        return value


@pytest.fixture
def stub(tmp_path: Path) -> Stub:
    return Stub(tmp_path / "items")


@pytest.fixture
def scripted(tmp_path: Path) -> Any:
    """Makes a scripted file: fields of the script in, path out."""

    def write(name: str = "episode.mkv", **script: Any) -> Path:
        path = tmp_path / name
        path.write_text(json.dumps({"stub": script}), "utf-8")
        return path

    return write


def stems_of(stub: Stub, video: Path) -> SimpleNamespace:
    recording = stub.path(stub("extract", video=video).recording)
    stems = stub("separate", recording=recording)
    return SimpleNamespace(
        recording=recording,
        vocals=stub.path(stems.vocals),
        background=stub.path(stems.background),
        duration=stems.duration,
    )


def vectors_of(stub: Stub, **request: Any) -> NDArray[np.float32]:
    result = stub("embed", **request)
    packed = json.loads(stub.path(result.vectors).read_text("utf-8"))["vectors"]
    return np.frombuffer(base64.b64decode(packed), "<f4").reshape(len(result.turns), result.dimension)


@pytest.mark.parametrize("bit_depth", [16, 24])
@pytest.mark.parametrize("samples", [1, flac.BLOCK, 3 * flac.BLOCK + 777, 200 * flac.BLOCK])
def test_its_flac_is_what_other_programs_read_and_has_the_md5_of_its_samples(
    tmp_path: Path, samples: int, bit_depth: int
) -> None:
    """200 frames need frame numbers of two bytes; a wrong CRC makes libFLAC stop."""
    about = flac.About(sample_rate_hz=48000, channels=1, bit_depth=bit_depth, samples=samples, text="{}")
    levels = [(-1) ** index * (index * 37 % 30000) for index in range(flac.blocks(samples))]
    path = flac.write(tmp_path / "a.flac", levels, about)
    assert flac.read(path) == about
    expected = np.repeat(levels, flac.BLOCK)[:samples].astype("<i4")
    heard = soundfile.read(path, dtype="int32")[0] >> (32 - bit_depth)
    np.testing.assert_array_equal(heard, expected)
    raw = expected.view(np.uint8).reshape(-1, 4)[:, : bit_depth // 8].tobytes()
    assert path.read_bytes()[26:42] == hashlib.md5(raw, usedforsecurity=False).digest()


def test_a_script_says_who_speaks_when(stub: Stub, scripted: Any) -> None:
    turns = [
        {"start": 0.5, "end": 3.0, "speaker": "B"},
        {"start": 2.5, "end": 5.0, "speaker": "A"},
        {"start": 6.0, "end": 8.0, "speaker": "B"},
    ]
    stems = stems_of(stub, scripted(duration=10, turns=turns))
    result = stub("diarize", vocals=stems.vocals)
    assert stems.duration == 10
    assert [turn.speaker for turn in result.turns] == ["SPEAKER_00", "SPEAKER_01", "SPEAKER_00"]
    assert [(each.start, each.end) for each in result.overlap] == [(2.5, 3.0)]
    assert [(each.start, each.end) for each in result.exclusive] == [(0.5, 2.5), (3.0, 5.0), (6.0, 8.0)]


def test_a_person_is_recognised_in_every_episode_and_in_references(stub: Stub, scripted: Any) -> None:
    episode = stems_of(stub, scripted(title="1", duration=40, cast=["A", "B"]))
    turns = stub("diarize", vocals=episode.vocals).exclusive
    heard = vectors_of(stub, vocals=episode.vocals, turns=turns)
    reference = {who: vectors_of(stub, vocals=scripted(f"{who}.flac", person=who))[0] for who in ("A", "B")}
    for turn, vector in zip(turns, heard, strict=True):
        own, other = ("A", "B") if turn.speaker == "SPEAKER_00" else ("B", "A")
        assert vector @ reference[own] > 0.95
        assert vector @ reference[other] < 0.6


def test_a_turn_that_two_people_share_is_less_consistent(stub: Stub, scripted: Any) -> None:
    spoken = [{"start": 0.0, "end": 4.0, "speaker": "A"}, {"start": 4.0, "end": 7.0, "speaker": "B"}]
    pure, shared = (Turn(start=0.0, end=4.0, speaker="x"), Turn(start=2.0, end=6.0, speaker="x"))
    result = stub("embed", vocals=scripted(duration=10, turns=spoken), turns=(pure, shared))
    assert result.consistency[0] > 0.9
    assert result.consistency[1] < 0.5


def test_music_of_one_name_has_one_fingerprint_wherever_it_sounds(stub: Stub, scripted: Any) -> None:
    def words(start: float) -> NDArray[np.uint32]:
        music = [{"start": start, "end": start + 10, "name": "opening"}]
        result = stub("fingerprint", recording=scripted(duration=30, music=music))
        first = round(start / result.hop)
        return np.load(stub.path(result.fingerprint))[first : first + round(10 / result.hop)]

    np.testing.assert_array_equal(words(2.0), words(15.0))


def test_the_person_travels_from_clip_to_voice_to_new_speech(stub: Stub, scripted: Any) -> None:
    stems = stems_of(stub, scripted(duration=30, cast=["A", "B"]))
    clips = stub("cut", vocals=stems.vocals, turns=stub("diarize", vocals=stems.vocals).exclusive)
    mine = tuple(clip for clip in clips.clips if clip.speaker == "SPEAKER_00")
    cut = Path(stub.path(mine[0].file)).parent
    cleaned = stub("clean", clips=tuple(cut / Path(clip.file.path).name for clip in mine))
    wavs = tuple(stub.path(clip.file) for clip in cleaned.clips)
    voice = stub.path(stub("train", character="endou_mamoru", clips=wavs).files[0])
    assert load_file(voice)["voice"].dtype == np.float32
    assert voice.name == "endou_mamoru.safetensors"
    speech = stub.path(stub("convert", source=scripted("b.flac", person="B"), voice=(voice,)).speech)
    reference = vectors_of(stub, vocals=scripted("a.flac", person="A"))[0]
    assert vectors_of(stub, vocals=speech)[0] @ reference > 0.95


def test_a_script_can_spoil_a_persons_clips(stub: Stub, scripted: Any) -> None:
    noisy = scripted(duration=30, cast=["A", "B"], measurements={"B": {"snr_db": 3.0}})
    turns = stub("diarize", vocals=noisy).exclusive
    clips = stub("cut", vocals=noisy, turns=turns).clips
    assert {clip.measurements.snr_db for clip in clips if clip.speaker == "SPEAKER_01"} == {3.0}
    assert all(clip.measurements.snr_db >= 20 for clip in clips if clip.speaker == "SPEAKER_00")


@pytest.mark.parametrize(
    ("kind", "error"), [("recording", RecordingError), ("machine", EngineError), ("request", RequestError)]
)
def test_a_script_can_fail_at_a_stage_of_choice(stub: Stub, scripted: Any, kind: str, error: type[StageError]) -> None:
    recording = stub.path(stub("extract", video=scripted(fail=kind, stage="separate", duration=5)).recording)
    with pytest.raises(error, match="separate fails here"):
        stub("separate", recording=recording)


def test_a_failure_can_pass_by_itself_after_some_attempts(stub: Stub, scripted: Any) -> None:
    video = scripted(fail="machine", stage="probe", times=1)
    with pytest.raises(EngineError):
        stub("probe", video=video)
    assert stub.again("probe", video=video).container == "stub"


def test_a_script_has_languages_and_subtitles(stub: Stub, scripted: Any) -> None:
    video = scripted(duration=20, cast=["A"], language="ja", other_languages=["en"], subtitles=True)
    assert stub("probe", video=video, language="en").track == 1
    (problem,) = stub("probe", video=video, language="de").problems
    assert problem.kind == "language"
    subtitles = stub("extract", video=video).subtitles[0]
    assert stub.path(subtitles.file).read_text("utf-8").startswith("1\n00:00:00,")


def test_a_script_with_a_field_it_does_not_know_is_refused_by_name(stub: Stub, scripted: Any) -> None:
    with pytest.raises(RequestError, match="lenght"):
        stub("probe", video=scripted(lenght=20))


def test_a_script_that_is_cut_off_is_the_files_fault(stub: Stub, tmp_path: Path) -> None:
    (tmp_path / "episode.mkv").write_text('{"stub": {"duration": 2', "utf-8")
    with pytest.raises(RecordingError, match="cut off"):
        stub("probe", video=tmp_path / "episode.mkv")


def test_any_other_video_has_people_who_turn_up_in_several_episodes(stub: Stub, tmp_path: Path) -> None:
    casts = []
    for name in ("one.mkv", "two.mkv", "three.mkv"):
        (tmp_path / name).write_bytes(name.encode() * 100)
        stems = stems_of(stub, tmp_path / name)
        turns = stub("diarize", vocals=stems.vocals).exclusive
        casts.append(vectors_of(stub, vocals=stems.vocals, turns=turns))
    assert max((first @ second.T).max() for first in casts for second in casts if first is not second) > 0.95


def test_an_empty_video_is_the_recordings_fault(stub: Stub, tmp_path: Path) -> None:
    (tmp_path / "empty.mkv").touch()
    with pytest.raises(RecordingError, match="empty"):
        stub("probe", video=tmp_path / "empty.mkv")
