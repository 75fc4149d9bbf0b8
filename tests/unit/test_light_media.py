"""What a video holds, which track is the one, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from containers.contract.errors import EngineError, RecordingError
from containers.contract.stages import Track
from containers.light import media
from containers.light.languages import same_language
from tests.unit import media_material as made


def track(index: int, language: str | None = None, title: str | None = None, *, default: bool = False) -> Track:
    return Track(
        index=index, codec="aac", channels=2, sample_rate_hz=48000, language=language, title=title, default=default
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [("ja", "jpn"), ("de", "ger"), ("deu", "ger"), ("fr", "fre"), ("zh", "chi"), ("PT-br", "por"), ("iw", "heb")],
)
def test_codes_of_one_language_are_equal(one: str, other: str) -> None:
    assert same_language(one, other)
    assert same_language(other, one)


@pytest.mark.parametrize(("one", "other"), [("ja", "en"), ("und", "und"), (None, None), (None, "ja"), ("ja", "jav")])
def test_other_and_unknown_languages_are_not_equal(one: str | None, other: str | None) -> None:
    assert not same_language(one, other)


@pytest.mark.parametrize(
    ("tracks", "language", "expected"),
    [
        ([track(0, "eng", default=True), track(1, "jpn")], "ja", 1),
        ([track(0, "jpn"), track(1, "jpn", default=True)], "ja", 1),
        ([track(0, "jpn", "Commentary", default=True), track(1, "jpn", "2.0")], "ja", 1),
        ([track(0, "jpn", "オーディオコメンタリー"), track(1, "jpn")], "ja", 1),
        ([track(0, "jpn", "音声解説"), track(1, "jpn", "5.1")], "ja", 1),
        ([track(0, "jpn", "Commentary")], "ja", 0),
        ([track(0, "eng"), track(1, "jpn", default=True)], None, 1),
        ([track(0, "eng"), track(1, "jpn")], None, 0),
        ([track(0)], "ja", 0),
    ],
)
def test_the_track_of_the_language_wins_then_the_default_one(
    tracks: list[Track], language: str | None, expected: int
) -> None:
    assert media.choose_track(tuple(tracks), language) == (expected, ())


def test_a_language_that_is_not_there_is_said() -> None:
    chosen, problems = media.choose_track((track(0, "eng"), track(1, "fre", default=True)), "ja")
    assert chosen == 1
    assert [problem.kind for problem in problems] == ["language"]
    assert "eng, fre" in problems[0].text


def test_a_track_asked_for_by_number_wins_over_the_language() -> None:
    assert media.choose_track((track(0, "jpn"), track(1, "eng")), "ja", 1) == (1, ())
    with pytest.raises(RecordingError, match="only 0 to 1"):
        media.choose_track((track(0, "jpn"), track(1, "eng")), "ja", 2)


def test_probe_tells_tracks_subtitles_chapters_and_the_one_to_take(tmp_path: Path) -> None:
    sound = made.wav(tmp_path / "a.wav", made.stereo(2.0))
    (tmp_path / "s.srt").write_text("1\n00:00:00,500 --> 00:00:01,500\nやあ\n", "utf-8")
    chapters = ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1500\ntitle=オープニング\n"
    (tmp_path / "c.txt").write_text(chapters, "utf-8")
    video = tmp_path / "two.mkv"
    inputs = [*made.PICTURE, "-i", sound, "-i", sound, "-i", tmp_path / "s.srt", "-i", tmp_path / "c.txt"]
    maps = [
        "-map",
        "0",
        "-map",
        "1",
        "-map",
        "2",
        "-map",
        "3",
        "-map_chapters",
        "4",
        "-c:v",
        "mpeg4",
        "-c:a",
        "flac",
        "-c:s",
        "subrip",
    ]
    tags = ["-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=jpn", "-metadata:s:a:1", "title=本編"]
    made.ffmpeg(*inputs, *maps, *tags, video)
    result = made.probe(tmp_path, video, language="ja")
    assert result.container == "matroska,webm"
    assert result.duration == pytest.approx(4.0, abs=0.1)
    assert [(each.codec, each.channels, each.language, each.title) for each in result.tracks] == [
        ("flac", 2, "eng", None),
        ("flac", 2, "jpn", "本編"),
    ]
    assert [(each.codec, each.text) for each in result.subtitles] == [("subrip", True)]
    assert [(each.start, each.end, each.title) for each in result.chapters] == [(0.0, 1.5, "オープニング")]
    assert result.track == 1
    assert result.problems == ()


@pytest.mark.parametrize("name", ["-rf.wav", "file:a.wav", "a%20%d.wav", "https:x.wav", "concat:a|b.wav", "a\nb.wav"])
def test_a_file_name_is_never_an_option_or_an_address(tmp_path: Path, name: str) -> None:
    assert made.probe(tmp_path, made.wav(tmp_path / name, made.stereo(0.2))).container == "wav"


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nsecret.wav\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile secret.wav\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
        "just a letter\n" * 100,
    ],
    ids=["hls", "concat", "sdp", "text"],
)
def test_a_text_that_names_other_files_is_no_video(tmp_path: Path, text: str) -> None:
    (tmp_path / "probe" / "in").mkdir(parents=True)
    made.wav(tmp_path / "probe" / "in" / "secret.wav", made.stereo(0.2))
    (tmp_path / "playlist.mkv").write_text(text, "utf-8")
    with pytest.raises(RecordingError, match="text or a playlist"):
        made.probe(tmp_path, tmp_path / "playlist.mkv")


def test_a_file_that_is_no_video_says_what_it_is_and_what_to_do(tmp_path: Path) -> None:
    random = np.random.default_rng(1).bytes(20000)
    for content, said in [(b"", "0 bytes"), (bytes(5000), "zeros"), (random, "no video or sound file")]:
        (tmp_path / "x.mkv").write_bytes(content)
        with pytest.raises(RecordingError, match=f"{said}.*copy"):
            made.probe(tmp_path, tmp_path / "x.mkv")


def test_a_video_without_sound_is_refused(tmp_path: Path) -> None:
    made.ffmpeg(*made.PICTURE, "-c:v", "mpeg4", tmp_path / "mute.mkv")
    with pytest.raises(RecordingError, match="no audio track"):
        made.probe(tmp_path, tmp_path / "mute.mkv")


def test_an_mp4_cut_off_before_its_index_is_called_so(tmp_path: Path) -> None:
    sound = made.wav(tmp_path / "a.wav", made.stereo(2.0))
    made.ffmpeg("-i", sound, "-c:a", "aac", tmp_path / "whole.mp4")
    (tmp_path / "cut.mp4").write_bytes((tmp_path / "whole.mp4").read_bytes()[:-3000])
    with pytest.raises(RecordingError, match="cut off"):
        made.probe(tmp_path, tmp_path / "cut.mp4")


def test_the_ffmpeg_that_is_named_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").write_text("")
    monkeypatch.setenv("VOICECAST_FFMPEG", str(tmp_path / "mine"))
    assert media.ffmpeg() == tmp_path / "mine"
    monkeypatch.setenv("VOICECAST_FFMPEG", str(tmp_path / "gone"))
    with pytest.raises(EngineError, match="VOICECAST_FFMPEG"):
        media.ffmpeg()


def test_without_an_installed_ffmpeg_the_one_of_the_environment_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VOICECAST_FFMPEG", raising=False)
    monkeypatch.setenv("PATH", "")
    assert "imageio_ffmpeg" in str(media.ffmpeg())
