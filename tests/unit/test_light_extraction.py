"""From a video to a recording: the sound as it was, where it was, and what is said about it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from containers.contract.errors import RecordingError
from containers.light.decoding import Decoder
from containers.light.downmix import Downmix
from containers.light.media import open_media
from containers.light.subtitles import SubtitleWriter
from containers.light.timeline import Timeline
from tests.unit import media_material as made
from tests.unit.media_material import RATE, Sound

# ---------------------------------------------------------------- the sound as it was


@pytest.mark.parametrize(("depth", "subtype"), [(16, "PCM_16"), (24, "PCM_24")])
def test_integers_come_out_bit_for_bit(tmp_path: Path, depth: int, subtype: str) -> None:
    source = made.wav(tmp_path / "a.wav", made.stereo(), subtype=subtype)
    result, _, folder = made.extract(tmp_path, source, bit_depth=depth)
    expected, _ = soundfile.read(source, dtype="int32")
    actual, _ = soundfile.read(folder / result.recording.path, dtype="int32")
    assert soundfile.info(folder / result.recording.path).subtype == subtype
    np.testing.assert_array_equal(actual, expected)
    assert result.problems == ()


def test_the_same_request_gives_the_same_bytes(tmp_path: Path) -> None:
    made.ffmpeg("-i", made.wav(tmp_path / "a.wav", made.stereo()), "-c:a", "aac", tmp_path / "a.m4a")
    first, _, _ = made.extract(tmp_path / "first", tmp_path / "a.m4a")
    second, _, _ = made.extract(tmp_path / "second", tmp_path / "a.m4a")
    assert first == second


def test_mono_stays_mono_and_a_tone_keeps_its_pitch_at_another_rate(tmp_path: Path) -> None:
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(6 * 44100) / 44100)
    result, samples, _ = made.extract(tmp_path, made.wav(tmp_path / "a.wav", tone.astype(np.float32), 44100))
    assert result.channels == 1
    assert made.kinds(result) >= {"mono"}
    expected = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(6 * RATE) / RATE)
    assert samples.shape == (1, expected.size)
    np.testing.assert_allclose(samples[0, 2000:-2000], expected[2000:-2000], atol=1e-3)


def test_a_recording_at_44100_hz_can_be_asked_for(tmp_path: Path) -> None:
    result, samples, _ = made.extract(tmp_path, made.wav(tmp_path / "a.wav", made.stereo()), sample_rate_hz=44100)
    assert (result.sample_rate_hz, samples.shape) == (44100, (2, 6 * 44100))


def test_blocks_are_short_however_long_the_sound_is(tmp_path: Path) -> None:
    source = made.wav(tmp_path / "a.wav", np.zeros((2, 40 * RATE), np.float32))
    with open_media(source) as container:
        sizes = [block.samples.shape[1] for block in Decoder(container, 0, SubtitleWriter(container)).blocks()]
    assert sum(sizes) == 40 * RATE
    assert max(sizes) <= 2 * RATE


# ---------------------------------------------------------------- surround


def surround(**levels: float) -> Sound:
    """Six seconds of 5.1 (FL FR FC LFE SL SR), a tone of its own pitch in each named channel."""
    at = np.arange(6 * RATE) / RATE
    names = ("fl", "fr", "fc", "lfe", "sl", "sr")
    hz = (400, 500, 1000, 45, 600, 700)
    tones = [levels.get(name, 0.0) * np.sin(2 * np.pi * pitch * at) for name, pitch in zip(names, hz, strict=True)]
    return np.array(tones, np.float32)


def surround_file(path: Path, samples: Sound) -> Path:
    raw = made.wav(path.with_suffix(".wav"), samples)
    made.ffmpeg("-channel_layout", "5.1", "-i", raw, "-c:a", "flac", path)
    return path


def test_the_centre_of_surround_goes_to_both_sides_at_minus_3_db_and_the_lfe_nowhere(tmp_path: Path) -> None:
    source = surround_file(tmp_path / "a.mka", surround(fc=0.5, lfe=0.9))
    result, samples, _ = made.extract(tmp_path, source)
    assert result.channels == 2
    expected = 0.5 * 0.5**0.5 * np.sin(2 * np.pi * 1000 * np.arange(6 * RATE) / RATE)
    np.testing.assert_allclose(samples, np.stack([expected, expected]), atol=1e-4)


def test_seven_point_one_in_planes_is_mixed_down_too(tmp_path: Path) -> None:
    sound = np.zeros((8, 6 * RATE), np.float32)
    sound[2] = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(6 * RATE) / RATE)
    raw = made.wav(tmp_path / "a.wav", sound)
    made.ffmpeg("-channel_layout", "7.1", "-i", raw, "-c:a", "aac", "-b:a", "512k", tmp_path / "a.m4a")
    _, samples, _ = made.extract(tmp_path, tmp_path / "a.m4a")
    level = np.sqrt((samples**2).mean() / (sound[2] ** 2).mean())
    assert level == pytest.approx(0.5**0.5, rel=0.05)


def test_loud_surround_does_not_clip_and_a_quiet_place_in_it_is_untouched(tmp_path: Path) -> None:
    loud = surround(fl=0.9, fr=0.9, fc=0.9, sl=0.9, sr=0.9)
    loud[:, : 3 * RATE] *= 0.1
    _, samples, _ = made.extract(tmp_path, surround_file(tmp_path / "a.mka", loud))
    assert 0.95 < np.abs(samples).max() <= 10 ** (-0.1 / 20) + 1e-4
    expected = loud[0] + 0.5**0.5 * (loud[2] + loud[4])
    np.testing.assert_allclose(samples[0, : 2 * RATE], expected[: 2 * RATE], atol=1e-4)


def test_the_limiter_never_lets_a_peak_through_and_loses_no_sample() -> None:
    chance = np.random.default_rng(7)
    downmix, done = Downmix(), []
    channels = ("FL", "FR", "FC", "LFE", "SL", "SR")
    for length in chance.integers(1, 5000, 60):
        level = 10 ** chance.uniform(-2, 0)
        block = (level * chance.uniform(-1, 1, (6, length))).astype(np.float32)
        done.append((block, [stereo for stereo, _ in downmix.mix(block, channels, RATE)]))
    rest = [stereo for stereo, _ in downmix.finish()]
    out = np.concatenate([piece for _, pieces in done for piece in pieces] + rest, axis=1)
    assert out.shape[1] == sum(block.shape[1] for block, _ in done)
    assert np.abs(out).max() <= 10 ** (-0.1 / 20) + 1e-6


# ---------------------------------------------------------------- the timeline


def click_at(samples: Sound) -> float:
    """Seconds of the first sample that is not near zero."""
    return float(np.argmax(np.abs(samples).max(axis=0) > 0.3)) / RATE


def clicking(seconds: float = 6.0) -> Sound:
    """Noise with one loud click at 1 s."""
    samples = made.stereo(seconds) * 0.1
    samples[:, RATE] = 0.9
    return samples


@pytest.mark.parametrize(
    ("name", "late", "expected"),
    [("a.mkv", 0.0, 1.0), ("a.mkv", 1.5, 2.5), ("a.mov", 1.5, 2.5), ("a.ts", 1.5, 2.5)],
)
def test_late_sound_begins_with_silence(tmp_path: Path, name: str, late: float, expected: float) -> None:
    sound = made.wav(tmp_path / "a.wav", clicking())
    codec = "ac3" if name.endswith("ts") else "pcm_s16le"
    offset = ["-output_ts_offset", 3600] if name.endswith("ts") else []
    made.ffmpeg(
        *made.PICTURE, "-itsoffset", late, "-i", sound, "-c:v", "mpeg4", "-c:a", codec, *offset, tmp_path / name
    )
    _, samples, _ = made.extract(tmp_path, tmp_path / name)
    tolerance = 0.02 if codec == "ac3" else 0.002
    assert click_at(samples) == pytest.approx(expected, abs=tolerance)
    assert not samples[:, : round((late - tolerance) * RATE) if late else 0].any()


def remuxed(source: Path, target: Path, change: Callable[[av.Packet], av.Packet | None]) -> Path:
    """Copies packets one by one, changed or left out."""
    with av.open(str(source)) as old, av.open(str(target), "w") as new:
        stream = new.add_stream_from_template(old.streams[0])
        for packet in old.demux():
            if packet.pts is not None and (packet := change(packet)) is not None:
                packet.stream = stream
                new.mux(packet)
    return target


def test_lost_packets_are_silence_and_what_follows_stays_in_its_place(tmp_path: Path) -> None:
    sound = made.stereo()
    made.ffmpeg("-i", made.wav(tmp_path / "a.wav", sound), "-c:a", "flac", tmp_path / "a.mka")
    hole = remuxed(tmp_path / "a.mka", tmp_path / "b.mka", lambda p: None if 2000 <= p.pts < 2800 else p)
    result, samples, _ = made.extract(tmp_path, hole)
    assert result.duration == pytest.approx(6.0, abs=0.01)
    assert "corrupt" in made.kinds(result)
    np.testing.assert_allclose(samples[:, -2 * RATE :], sound[:, -2 * RATE :], atol=0.05)
    shift = np.correlate(samples[0, 4 * RATE : 5 * RATE], sound[0, 4 * RATE + 500 : 5 * RATE - 500], "valid").argmax()
    assert abs(int(shift) - 500) <= 0.002 * RATE


def test_a_broadcast_goes_on_where_its_clock_starts_anew_and_another_track_begins(tmp_path: Path) -> None:
    sound = made.wav(tmp_path / "a.wav", made.stereo(6.0))
    made.ffmpeg("-i", sound, "-c:a", "ac3", "-output_ts_offset", 5000, tmp_path / "one.ts")
    made.ffmpeg("-i", sound, "-i", sound, "-map", 0, "-map", 1, "-c:a", "ac3", tmp_path / "two.ts")
    both = (tmp_path / "one.ts").read_bytes() + (tmp_path / "two.ts").read_bytes()
    (tmp_path / "both.ts").write_bytes(both)
    result, samples, _ = made.extract(tmp_path, tmp_path / "both.ts")
    assert result.duration == pytest.approx(12.0, abs=0.1)
    assert np.sqrt((samples[:, 7 * RATE :] ** 2).mean()) > 0.03


def test_a_file_that_breaks_off_gives_what_is_there_and_says_so(tmp_path: Path) -> None:
    made.ffmpeg("-i", made.wav(tmp_path / "a.wav", made.stereo(20.0)), "-c:a", "flac", tmp_path / "whole.mka")
    whole = (tmp_path / "whole.mka").read_bytes()
    (tmp_path / "cut.mka").write_bytes(whole[: len(whole) // 2])
    result, samples, _ = made.extract(tmp_path, tmp_path / "cut.mka")
    (problem,) = result.problems
    assert problem.kind == "truncated"
    assert f"{result.duration:.1f} of 20.0 s" in problem.text
    assert 8 < samples.shape[1] / RATE < 12


def test_a_file_with_nothing_but_a_header_is_refused(tmp_path: Path) -> None:
    made.ffmpeg("-i", made.wav(tmp_path / "a.wav", made.stereo(20.0)), "-c:a", "flac", tmp_path / "whole.mka")
    (tmp_path / "head.mka").write_bytes((tmp_path / "whole.mka").read_bytes()[:9000])
    with pytest.raises(RecordingError, match="cannot be decoded"):
        made.extract(tmp_path, tmp_path / "head.mka")


# ---------------------------------------------------------------- the law of placing, without files


def places(timeline: Timeline, starts: list[float | None], duration: float = 0.02) -> list[float]:
    """The gaps that frames of 20 ms with these stamps get."""
    following = [*starts[1:], None]
    return [round(timeline.place(at, duration, next_at), 6) for at, next_at in zip(starts, following, strict=True)]


def test_stamps_that_jitter_leave_no_seams() -> None:
    chance = np.random.default_rng(3)
    starts = [0.02 * k + chance.uniform(-0.04, 0.04) for k in range(200)]
    starts[0] = 0.0
    assert set(places(Timeline(end=4.0), starts)) == {0.0}


def test_one_wild_stamp_moves_nothing() -> None:
    assert set(places(Timeline(end=3600.0), [0.0, 0.02, 900.0, 0.06, 0.08])) == {0.0}


def test_a_step_that_the_next_stamp_confirms_is_silence() -> None:
    timeline = Timeline(end=60.0)
    assert places(timeline, [0.0, 0.02, 5.0, 5.02]) == [0.0, 0.0, 4.96, 0.0]
    assert timeline.missing == pytest.approx(4.96)


def test_a_new_clock_in_a_broadcast_is_no_hole() -> None:
    starts = [0.0, 0.02, 1200.0, 1200.02, 1200.04]
    assert set(places(Timeline(end=1300.0, clock_may_jump=True), starts)) == {0.0}
    assert max(places(Timeline(end=1300.0), starts)) > 1199


def test_silence_never_goes_far_beyond_the_end_that_the_file_says() -> None:
    assert set(places(Timeline(end=30.0), [0.0, 0.02, 1e9, 1e9 + 0.02])) == {0.0}


def test_damaged_stamps_cannot_ask_for_hours_of_silence() -> None:
    timeline = Timeline(end=9e4)
    holes = [at for k in range(50) for at in (k * 1000.0, k * 1000.0 + 0.02)]
    assert 900 < sum(places(timeline, holes)) <= 1800


def test_sound_that_comes_twice_is_dropped() -> None:
    assert places(Timeline(end=9.0), [0.02 * k for k in range(20)] + [0.2, 0.22])[-2:] == [-0.02, -0.02]


# ---------------------------------------------------------------- subtitles

ASS = """[Script Info]
ScriptType: v4.00+
PlayResX: 640

[V4+ Styles]
Format: Name, Fontname, Fontsize
Style: 主役,Noto Sans,40

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:01.00,0:00:02.50,主役,円堂,0,0,0,,{\\i1}サッカー{\\i0}やろうぜ、,な
Dialogue: 0,0:00:00.50,0:00:00.90,主役,豪炎寺,0,0,0,,ああ
"""


@pytest.mark.parametrize("format", ["ass", "srt"])
def test_subtitles_are_saved_on_the_recordings_timeline(tmp_path: Path, format: str) -> None:
    (tmp_path / "s.ass").write_text(ASS, "utf-8")
    sound = made.wav(tmp_path / "a.wav", clicking())
    made.ffmpeg(
        *("-itsoffset", 2, "-i", sound, "-itsoffset", 2, "-i", tmp_path / "s.ass", "-c:a", "flac"),
        *("-c:s", "ass" if format == "ass" else "subrip", "-metadata:s:s:0", "language=ja", tmp_path / "a.mkv"),
    )
    result, samples, folder = made.extract(tmp_path, tmp_path / "a.mkv")
    (saved,) = result.subtitles
    assert (saved.file.path, saved.format, saved.language) == (f"out/subtitles/00.jpn.{format}", format, "ja")
    text = (folder / saved.file.path).read_text("utf-8")
    with av.open(str(tmp_path / "a.mkv")) as video:
        zero = (video.start_time or 0) / av.time_base
    at = 3.0 - zero
    assert click_at(samples) == pytest.approx(at, abs=0.002)
    if format == "ass":
        assert "Style: 主役,Noto Sans,40" in text
        assert f"Dialogue: 0,0:00:{at:05.2f},0:00:{at + 1.5:05.2f},主役,円堂,0,0,0,,{{\\i1}}サッカー" in text
    else:
        assert f"2\n00:00:{at:06.3f}".replace(".", ",") in text
        assert "サッカーやろうぜ、,な" in text


# ---------------------------------------------------------------- what is said about it


def left_only(samples: Sound) -> Sound:
    return np.stack([samples[0], np.zeros_like(samples[0])])


def inverted(samples: Sound) -> Sound:
    return np.stack([samples[0], -samples[0]])


def telephone(samples: Sound) -> Sound:
    spectrum = np.fft.rfft(samples)
    spectrum[:, round(3600 * samples.shape[1] / RATE) :] = 0
    return np.fft.irfft(spectrum, samples.shape[1]).astype(np.float32)


@pytest.mark.parametrize(
    ("spoil", "kind"),
    [
        (lambda samples: samples[:, : 2 * RATE], "short"),
        (np.zeros_like, "silent"),
        (lambda samples: samples * 10 ** (-45 / 20), "quiet"),
        (lambda samples: np.clip(samples * 12, -0.7, 0.7), "clipping"),
        (left_only, "one_sided"),
        (inverted, "phase_inverted"),
        (lambda samples: samples + 0.2, "other"),
        (telephone, "telephone"),
    ],
)
def test_what_is_wrong_with_a_recording_is_said(tmp_path: Path, spoil: Callable[[Sound], Sound], kind: str) -> None:
    result, _, _ = made.extract(tmp_path, made.wav(tmp_path / "a.wav", spoil(made.stereo())))
    assert made.kinds(result) == {kind}


def test_speech_amid_long_digital_silence_is_not_called_quiet(tmp_path: Path) -> None:
    sound = made.stereo()
    silent = np.concatenate([sound, np.zeros((2, 40 * sound.shape[1]), np.float32)], axis=1)
    result, _, _ = made.extract(tmp_path, made.wav(tmp_path / "a.wav", silent))
    assert made.kinds(result) == set()


def test_an_inverted_channel_is_turned_back_so_that_mixing_to_mono_keeps_the_voice(tmp_path: Path) -> None:
    sound = made.stereo()
    _, samples, _ = made.extract(tmp_path, made.wav(tmp_path / "a.wav", inverted(sound)))
    np.testing.assert_allclose(samples, np.stack([sound[0], sound[0]]), atol=2**-15)


def test_the_only_channel_with_sound_becomes_a_mono_recording_at_its_level(tmp_path: Path) -> None:
    sound = made.stereo()
    result, samples, _ = made.extract(tmp_path, made.wav(tmp_path / "a.wav", left_only(sound)))
    assert result.channels == 1
    np.testing.assert_allclose(samples[0], sound[0], atol=2**-15)


def test_a_constant_offset_is_removed(tmp_path: Path) -> None:
    _, samples, _ = made.extract(tmp_path, made.wav(tmp_path / "a.wav", made.stereo() + 0.2))
    assert np.abs(samples.mean(axis=1)).max() < 0.002


def test_samples_that_are_no_numbers_become_silence(tmp_path: Path) -> None:
    samples = made.stereo()
    samples[0, 1000:1010], samples[1, 5000] = np.nan, np.inf
    source = made.wav(tmp_path / "a.wav", samples, subtype="FLOAT")
    result, heard, _ = made.extract(tmp_path, source)
    assert [problem.kind for problem in result.problems] == ["corrupt"]
    assert "11 samples" in result.problems[0].text
    assert not heard[0, 1000:1010].any()
    assert heard[0, 2000] == pytest.approx(samples[0, 2000], abs=2**-15)


def test_a_wav_whose_sizes_are_wrong_is_read(tmp_path: Path) -> None:
    sound = made.wav(tmp_path / "a.wav", made.stereo()).read_bytes()
    head, data = sound[12:36], sound[36:]
    wrong = b"\xff\xff\xff\xff"
    (tmp_path / "b.wav").write_bytes(b"RIFF" + wrong + b"WAVE" + head + b"LIST" + wrong + b"INFO" + data)
    result, samples, _ = made.extract(tmp_path, tmp_path / "b.wav")
    assert result.problems == ()
    np.testing.assert_allclose(samples, made.stereo(), atol=2**-15)
