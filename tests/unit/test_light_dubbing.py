"""The light engine brings lines to a length, lays them over an episode, and puts the track into its video."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from containers.contract.errors import RecordingError, RequestError
from containers.contract.item import Item, sha256_of
from containers.contract.stages import File, MixRequest, MuxRequest, PlacedLine, RetimeRequest, Segment
from containers.light.loudness import loudness_lufs, true_peak_dbfs
from containers.light.mixing import mix
from containers.light.muxing import mux
from containers.light.retiming import retime

RATE_HZ = 48000


def item(folder: Path, **sounds: np.ndarray) -> tuple[Item, dict[str, File]]:
    (folder / "in").mkdir(parents=True)
    files = {}
    for name, samples in sounds.items():
        path = folder / "in" / f"{name}.flac"
        soundfile.write(path, samples, RATE_HZ, subtype="PCM_16")
        files[name] = File(path=f"in/{name}.flac", sha256=sha256_of(path))
    return Item(folder), files


def tone(seconds: float, hz: float = 220.0, level: float = 0.3) -> np.ndarray:
    return level * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)


def voice(seconds: float) -> np.ndarray:
    """Bursts of a tone, as syllables are."""
    return tone(seconds) * (0.55 - 0.45 * np.cos(2 * np.pi * 4 * np.arange(round(seconds * RATE_HZ)) / RATE_HZ))


def integers(path: Path) -> np.ndarray:
    return soundfile.read(path, dtype="int16", always_2d=True)[0].astype(np.int64)


@pytest.mark.parametrize(
    ("wanted", "tempo"), [(None, 1.0), (2.12, 1.0), (1.8, 1.178), (1.0, 1.25), (2.3, 0.92), (5.0, 0.85)]
)
def test_a_line_loses_silence_and_not_a_sound_and_keeps_within_its_bounds(
    tmp_path: Path, wanted: float | None, tempo: float
) -> None:
    silence = np.zeros(RATE_HZ)
    made, files = item(tmp_path / "item", line=np.concatenate([silence, voice(2.0), silence]))
    answer = retime(RetimeRequest(speech=files["line"], seconds=wanted, slowest=0.85, fastest=1.25), made)
    assert answer.natural == pytest.approx(2.12, abs=0.05), "2 s and a margin at either end"
    assert answer.tempo == pytest.approx(tempo, abs=0.02)
    assert answer.duration == pytest.approx(answer.natural / answer.tempo, abs=0.03)
    sound, _ = soundfile.read(made.path / answer.speech.path)
    crossings = np.flatnonzero((sound[:-1] < 0) & (sound[1:] >= 0) & (np.abs(sound[1:]) > 1e-3))
    assert RATE_HZ / np.median(np.diff(crossings)) == pytest.approx(220, rel=0.02), "the pitch stays"


def test_a_line_of_silence_is_none(tmp_path: Path) -> None:
    made, files = item(tmp_path / "item", line=np.zeros(RATE_HZ))
    with pytest.raises(RecordingError, match="no speech in this line"):
        retime(RetimeRequest(speech=files["line"]), made)


@pytest.fixture
def episode() -> tuple[np.ndarray, np.ndarray]:
    """Recording and background of 10 s in stereo; somebody speaks from 3 to 6 s, loud music is under it."""
    noise = np.random.default_rng(1).normal(0, 0.12, (10 * RATE_HZ, 2))
    spoken = np.zeros((10 * RATE_HZ, 2))
    spoken[3 * RATE_HZ : 6 * RATE_HZ] = voice(3.0)[:, None]
    return noise + spoken, noise


def test_a_track_is_intact_outside_its_lines_and_a_line_has_the_loudness_asked_for(
    tmp_path: Path, episode: tuple[np.ndarray, np.ndarray]
) -> None:
    recording, background = episode
    made, files = item(tmp_path / "item", recording=recording, background=background, line=voice(1.5))
    line = PlacedLine(speech=files["line"], start=3.2, loudness_lufs=-17.0)
    asked = MixRequest(
        recording=files["recording"],
        background=files["background"],
        lines=(line,),
        replaced=(Segment(start=2.9, end=6.1),),
        seconds=10.5,
    )
    answer = mix(asked, made)
    track = integers(made.path / answer.track.path)
    whole, under = integers(made.path / "in/recording.flac"), integers(made.path / "in/background.flac")
    first, last = round(2.9 * RATE_HZ), round(6.1 * RATE_HZ)
    assert len(track) == round(10.5 * RATE_HZ)
    assert np.array_equal(track[:first], whole[:first])
    assert np.array_equal(track[last : len(whole)], whole[last:])
    assert not track[len(whole) :].any()
    quiet = slice(round(4.75 * RATE_HZ), round(6.0 * RATE_HZ))
    assert np.array_equal(track[quiet], under[quiet]), "the original voice is gone where nothing is said"
    said = slice(round(3.2 * RATE_HZ), round(4.7 * RATE_HZ))
    added = (track[said] - under[said])[:, 0] / 32768
    assert loudness_lufs(added, RATE_HZ) == pytest.approx(-17.0, abs=0.3)
    assert answer.lines[0].loudness_lufs == pytest.approx(-17.0, abs=0.01)


def test_lines_over_loud_music_do_not_clip_and_touch_nothing_outside_them(
    tmp_path: Path, episode: tuple[np.ndarray, np.ndarray]
) -> None:
    recording, background = 2.0 * episode[0].clip(-0.45, 0.45), 2.0 * episode[1].clip(-0.45, 0.45)
    made, files = item(tmp_path / "item", recording=recording, background=background, line=voice(2.0))
    line = PlacedLine(speech=files["line"], start=7.0, loudness_lufs=-8.0)
    asked = MixRequest(recording=files["recording"], background=files["background"], lines=(line,))
    answer = mix(asked, made)
    track = integers(made.path / answer.track.path)
    whole = integers(made.path / "in/recording.flac")
    assert answer.lines[0].limited_db > 1
    first, last = round(6.99 * RATE_HZ), round(9.01 * RATE_HZ)
    assert np.array_equal(track[:first], whole[:first])
    assert np.array_equal(track[last:], whole[last:])
    before = true_peak_dbfs(recording[first:last, 0].astype(np.float32), RATE_HZ)
    assert true_peak_dbfs(track[first:last, 0] / np.float32(32768), RATE_HZ) < max(-1.0, before) + 0.3


def test_lines_alone_are_a_track_of_their_own_and_none_is_cut(tmp_path: Path) -> None:
    made, files = item(tmp_path / "item", one=voice(1.0), two=voice(0.5))
    lines = (PlacedLine(speech=files["one"], start=0.5), PlacedLine(speech=files["two"], start=2.0))
    answer = mix(MixRequest(recording=None, background=None, lines=lines), made)
    assert (answer.channels, answer.duration) == (1, 2.5)
    with pytest.raises(RequestError, match="needs a recording and its background, or neither"):
        mix(MixRequest(recording=files["one"], background=None, lines=lines), made)


def test_a_line_that_would_end_after_the_episode_is_refused_and_not_cut(
    tmp_path: Path, episode: tuple[np.ndarray, np.ndarray]
) -> None:
    made, files = item(tmp_path / "item", recording=episode[0], background=episode[1], line=voice(2.0))
    line = PlacedLine(speech=files["line"], start=9.0)
    with pytest.raises(RequestError, match="ends after the track"):
        mix(MixRequest(recording=files["recording"], background=files["background"], lines=(line,)), made)


def test_a_video_keeps_its_streams_and_gets_a_track_with_language_and_tags(tmp_path: Path) -> None:
    made, files = item(tmp_path / "item", track=np.stack([voice(2.0)] * 2, axis=1))
    video = _video(tmp_path / "item" / "in" / "video.mkv")
    asked = MuxRequest(
        video=File(path="in/video.mkv", sha256=sha256_of(video)),
        track=files["track"],
        language="de",
        title="Dub",
        tags={"COMMENT": 'a {"b": "c=d;e"} あ'},
        default=True,
    )
    answer = mux(asked, made)
    assert [(track.language, track.default) for track in answer.tracks] == [("jpn", False), ("deu", True)]
    assert [each.codec for each in answer.subtitles] == ["subrip"]
    with av.open(str(made.path / answer.video.path)) as copy, av.open(str(video)) as source:
        assert copy.metadata["COMMENT"] == asked.tags["COMMENT"]
        assert copy.streams[-1].metadata["title"] == "Dub"
        assert _packets(copy, 0) == _packets(source, 0), "the picture is the picture, byte for byte"
    with av.open(str(made.path / answer.video.path)) as copy:
        decoded = np.concatenate([frame.to_ndarray().reshape(-1, 2) for frame in copy.decode(audio=1)])
    assert np.array_equal(decoded, soundfile.read(tmp_path / "item/in/track.flac", dtype="int16")[0])


def _packets(container: av.container.InputContainer, stream: int) -> list[bytes]:
    return [bytes(packet) for packet in container.demux(container.streams[stream]) if packet.size]


def _video(path: Path) -> Path:
    """Two seconds of grey with a Japanese sound track and a subtitle."""
    import subprocess

    from containers.light.media import ffmpeg

    subtitle = path.with_suffix(".srt")
    subtitle.write_text("1\n00:00:00,500 --> 00:00:01,500\nはい\n", "utf-8")
    source = ("-f", "lavfi", "-i", "color=gray:size=64x36:rate=12:duration=2")
    sound = ("-f", "lavfi", "-i", "sine=frequency=300:sample_rate=48000:duration=2", "-i", str(subtitle))
    codecs = ("-map", "0", "-map", "1", "-map", "2", "-c:v", "mpeg4", "-c:a", "aac", "-c:s", "srt")
    about = ("-metadata:s:a:0", "language=jpn", "-disposition:a:0", "default")
    subprocess.run([str(ffmpeg()), "-v", "error", *source, *sound, *codecs, *about, str(path)], check=True)
    return path
