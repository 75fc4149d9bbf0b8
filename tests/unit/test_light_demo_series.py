"""The series that the demo makes itself, in a reduced form: one episode of 18 s."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
import yaml

from containers.contract.item import sha256_of
from containers.light import demo_script, music
from containers.light.demo_series import _planned, main


@pytest.fixture(scope="session")
def series(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("demo")
    assert main([str(out), "--episodes", "1", "--seconds", "18"]) == 0
    return out


def test_an_episode_is_a_video_with_japanese_stereo_sound_and_subtitles(series: Path) -> None:
    with av.open(str(series / "episodes" / "Kaze no Eleven S01E01.mkv")) as episode:
        (video,), (audio,), (text,) = (
            episode.streams.video,
            episode.streams.audio,
            episode.streams.subtitles,
        )
        assert (video.codec_context.name, video.width, video.height) == ("h264", 320, 180)
        assert (audio.codec_context.name, audio.channels, audio.language) == ("aac", 2, "jpn")
        assert text.language == "jpn"
        assert 12 < episode.duration / 1_000_000 < 18.5


def test_the_truth_tells_who_says_what_and_when(series: Path) -> None:
    truth = json.loads((series / "truth" / "s01e01.json").read_text("utf-8"))
    turns = truth["turns"]
    assert len(turns) >= 3
    assert {turn["speaker"] for turn in turns} == set(truth["cast"]) == {"haruto", "goro", "mio"}
    assert all(5 < turn["start"] < turn["end"] < truth["duration"] for turn in turns)


def test_the_least_series_file_names_references_and_rights_of_everyone(series: Path) -> None:
    config = yaml.safe_load((series / "series.yaml").read_text("utf-8"))
    assert config["series"] == "kaze-no-eleven"
    for character, about in config["characters"].items():
        assert len(list(series.glob(about["references"]))) == 3
        assert set(about["rights"]) == {"basis", "by", "date"}
        assert about["name"] == demo_script.NAMES[character]


def test_no_reference_occurs_in_an_episode() -> None:
    said = [line.text for episode in demo_script.EPISODES for line in episode]
    references = [line.text for line in demo_script.REFERENCES]
    assert not set(said) & set(references)
    assert len(set(said + references)) == len(said) + len(references) >= 60


def test_somebody_walks_on_in_one_episode_only_and_has_no_reference() -> None:
    casts = [{line.speaker for line in episode} for episode in demo_script.EPISODES]
    assert [demo_script.WALK_ON in cast for cast in casts].count(True) == 1
    assert all(set(demo_script.NAMES) <= cast for cast in casts)
    assert demo_script.WALK_ON not in {line.speaker for line in demo_script.REFERENCES}


def test_some_lines_begin_before_the_line_before_has_ended() -> None:
    sounds = [np.zeros(96000, np.float32)] * len(demo_script.EPISODES[2])
    plan = _planned(demo_script.EPISODES[2], sounds, 120.0)
    assert any(after.at < before.end for before, after in pairwise(plan))


def test_the_music_is_wide_and_the_same_each_time() -> None:
    """The side channel is as loud as half the middle, at least: what a separation by panning needs."""
    for cue in (music.JINGLE, *music.CUES):
        left, right = music.play(cue, 6.0)
        assert np.std(left - right) > 0.5 * np.std(left + right)
        assert np.array_equal(music.play(cue, 6.0)[0], left)


@pytest.mark.slow
def test_a_second_run_writes_the_same_bytes(series: Path, tmp_path: Path) -> None:
    assert main([str(tmp_path), "--episodes", "1", "--seconds", "18"]) == 0
    made = sorted(path.relative_to(series) for path in series.rglob("*") if path.is_file())
    assert made == sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file())
    assert [sha256_of(series / path) for path in made] == [sha256_of(tmp_path / path) for path in made]


def test_references_are_speech_at_full_quality(series: Path) -> None:
    for path in (series / "references").rglob("*.flac"):
        about = soundfile.info(path)
        assert (about.samplerate, about.channels) == (48000, 1)
        assert about.duration > 1.5
