"""What a role promises, where arithmetic can say right or wrong for any engine that plays it."""

from __future__ import annotations

import base64
import io
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from containers.contract.stages import COMPARED, DETECTED, JOINT_SECONDS, MESSAGE_BITS, SURVEYED, Turn
from tests.contract.conftest import Answer, Answers, Asker

SAMPLE = 1.0 / 44100
"""The longest sample, in seconds: what rounding to a sample may cost."""


@pytest.mark.role("probe")
def test_probe_takes_a_track_that_is_there_and_sees_the_videos_length(answer: Answer) -> None:
    result = answer.result
    assert [track.index for track in result.tracks] == list(range(len(result.tracks)))
    assert 0 <= result.track < len(result.tracks)
    assert result.duration is None or result.duration > 0


@pytest.mark.role("extract")
def test_extract_gives_a_recording_of_the_rate_asked_for_and_the_length_it_says(answer: Answer) -> None:
    result, about = answer.result, soundfile.info(answer.folder / answer.result.recording.path)
    assert (about.format, about.subtype) == ("FLAC", "PCM_16")
    assert about.samplerate == result.sample_rate_hz == answer.request.sample_rate_hz
    assert about.channels == result.channels <= 2
    assert about.frames / about.samplerate == pytest.approx(result.duration, abs=SAMPLE)


@pytest.mark.role("fingerprint")
def test_a_fingerprint_has_a_word_each_hop_of_the_recording(answer: Answer) -> None:
    result = answer.result
    words = np.load(answer.folder / result.fingerprint.path, allow_pickle=False)
    assert words.dtype == np.uint32
    assert words.shape == (result.words,)
    seconds = _duration(answer.folder / answer.request.recording.path)
    assert result.words * result.hop == pytest.approx(seconds, abs=max(1.0, 2 * result.hop))


@pytest.mark.role("detect")
def test_a_detection_has_a_row_of_probabilities_each_hop_of_the_recording(answer: Answer) -> None:
    result = answer.result
    rows = np.load(answer.folder / result.speech.path, allow_pickle=False)
    assert rows.dtype == np.dtype("<f4")
    assert rows.shape == (result.rows, len(DETECTED))
    assert ((rows >= 0) & (rows <= 1)).all()
    seconds = _duration(answer.folder / answer.request.recording.path)
    assert result.rows * result.hop == pytest.approx(seconds, abs=2 * result.hop)


@pytest.mark.role("compare")
def test_a_comparison_has_a_row_each_hop_of_what_goes_together(answer: Answer) -> None:
    result = answer.result
    rows = np.load(answer.folder / result.differences.path, allow_pickle=False)
    assert rows.dtype == np.dtype("<f4")
    assert rows.shape == (sum(each.rows for each in result.stretches), len(COMPARED))
    for each in result.stretches:
        assert each.rows * result.hop == pytest.approx(each.end - each.start, abs=2 * result.hop)


@pytest.mark.role("condense")
def test_a_condensed_recording_is_as_long_as_its_segments_and_their_joints(answer: Answer) -> None:
    result, about = answer.result, soundfile.info(answer.folder / answer.result.recording.path)
    segments = answer.request.segments
    seconds = sum(each.end - each.start for each in segments) + (len(segments) - 1) * JOINT_SECONDS
    assert result.duration == pytest.approx(seconds, abs=2 * len(segments) * SAMPLE)
    assert about.frames / about.samplerate == pytest.approx(result.duration, abs=SAMPLE)
    assert about.samplerate == result.sample_rate_hz
    assert (about.format, about.subtype) == ("FLAC", f"PCM_{answer.request.bit_depth}")


@pytest.mark.role("separate", "restore")
def test_vocals_and_background_add_up_to_the_recording_in_every_sample(answer: Answer) -> None:
    recording = _integers(answer.folder / answer.request.recording.path)
    vocals = _integers(answer.folder / answer.result.vocals.path)
    background = _integers(answer.folder / answer.result.background.path)
    assert recording.shape == vocals.shape == background.shape
    np.testing.assert_array_equal(recording, vocals + background)


@pytest.mark.role("separate", "restore")
def test_stems_keep_the_recordings_rate_and_depth(answer: Answer) -> None:
    recording = soundfile.info(answer.folder / answer.request.recording.path)
    for stem in (answer.result.vocals, answer.result.background):
        about = soundfile.info(answer.folder / stem.path)
        assert (about.format, about.subtype) == ("FLAC", f"PCM_{answer.request.bit_depth}")
        assert about.samplerate == recording.samplerate == answer.result.sample_rate_hz
        assert about.frames / about.samplerate == pytest.approx(answer.result.duration, abs=SAMPLE)


@pytest.mark.role("diarize")
def test_exclusive_turns_never_overlap_each_other_or_the_overlap(answer: Answer) -> None:
    result = answer.result
    assert all(first.end <= second.start for first, second in pairwise(result.exclusive))
    assert all(first.end <= second.start for first, second in pairwise(result.overlap))
    assert not [
        (turn, shared)
        for turn in result.exclusive
        for shared in result.overlap
        if turn.start < shared.end - SAMPLE and turn.end > shared.start + SAMPLE
    ]


@pytest.mark.role("diarize")
def test_speakers_are_numbered_by_first_appearance_within_the_bounds_asked_for(answer: Answer) -> None:
    result = answer.result
    order = list(dict.fromkeys(turn.speaker for turn in result.turns))
    assert order == [f"SPEAKER_{index:02}" for index in range(len(order))]
    assert 1 <= len(order) <= answer.request.max_speakers
    assert {turn.speaker for turn in result.exclusive} <= set(order)


@pytest.mark.role("diarize")
def test_turns_are_sorted_and_lie_inside_the_recording(answer: Answer) -> None:
    result, seconds = answer.result, _duration(answer.folder / answer.request.vocals.path)
    for stretches in (result.turns, result.exclusive, result.overlap):
        assert list(stretches) == sorted(stretches)
        assert all(each.end <= seconds + SAMPLE for each in stretches)


@pytest.mark.role("diarize")
def test_the_rttm_says_the_same_as_the_turns(answer: Answer) -> None:
    lines = [line.split() for line in (answer.folder / answer.result.rttm.path).read_text("utf-8").splitlines()]
    said = [(float(start), float(length), speaker) for _, _, _, start, length, _, _, speaker, *_ in lines]
    turns = [(turn.start, turn.end - turn.start, turn.speaker) for turn in answer.result.turns]
    assert [speaker for *_, speaker in said] == [speaker for *_, speaker in turns]
    assert np.allclose([row[:2] for row in said], [row[:2] for row in turns], atol=0.0011)  # three decimals


@pytest.mark.role("embed")
def test_each_turn_has_one_unit_vector_of_the_model_the_file_names(answer: Answer) -> None:
    result = answer.result
    vectors = _vectors(answer.folder / result.vectors.path, result.model)
    assert result.turns == answer.request.turns
    assert vectors.shape == (len(result.turns), result.dimension)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)  # float32
    assert len(result.consistency) == len(result.turns)
    assert all(-1 <= each <= 1 for each in result.consistency)


@pytest.mark.role("cut")
def test_clips_lie_inside_turns_of_their_speaker_in_order_and_within_the_lengths_asked_for(answer: Answer) -> None:
    request, clips = answer.request, answer.result.clips
    assert clips, "two people speak for seconds"
    assert all(first.end <= second.start for first, second in pairwise(clips))
    for clip in clips:
        assert request.min_seconds - SAMPLE <= clip.end - clip.start <= request.max_seconds + SAMPLE
        assert any(
            turn.speaker == clip.speaker and turn.start - SAMPLE <= clip.start and clip.end <= turn.end + SAMPLE
            for turn in request.turns
        )


@pytest.mark.role("cut")
def test_a_clip_is_a_mono_file_as_long_as_it_says(answer: Answer) -> None:
    vocals = soundfile.info(answer.folder / answer.request.vocals.path)
    for clip in answer.result.clips:
        about = soundfile.info(answer.folder / clip.file.path)
        assert (about.format, about.channels, about.samplerate) == ("FLAC", 1, vocals.samplerate)
        assert about.frames / about.samplerate == pytest.approx(clip.end - clip.start, abs=SAMPLE)


@pytest.mark.role("cut")
def test_shares_and_probabilities_lie_between_0_and_1(answer: Answer) -> None:
    for clip in answer.result.clips:
        measured = clip.measurements
        for share in (measured.clipped_share, measured.voiced_share, measured.speech_probability):
            assert 0 <= share <= 1
        if measured.f0_median_hz is not None:
            assert measured.f0_low_hz <= measured.f0_median_hz <= measured.f0_high_hz


@pytest.mark.role("clean")
def test_a_cleaned_clip_is_mono_16_bit_wav_at_44100_hz_as_long_as_before(answer: Answer) -> None:
    assert len(answer.result.clips) == len(answer.request.clips)
    for before, after in zip(answer.request.clips, answer.result.clips, strict=True):
        about = soundfile.info(answer.folder / after.file.path)
        assert (about.format, about.subtype, about.channels, about.samplerate) == ("WAV", "PCM_16", 1, 44100)
        assert about.frames / about.samplerate == pytest.approx(after.duration, abs=SAMPLE)
        assert after.duration == pytest.approx(_duration(answer.folder / before.path), abs=2 * SAMPLE)


@pytest.mark.role("train")
def test_a_voice_has_files_named_by_its_character_and_says_what_it_was_made_of(answer: Answer) -> None:
    result = answer.result
    assert result.files
    assert all(Path(file.path).name.startswith(answer.request.character) for file in result.files)
    clips = sum(_duration(answer.folder / clip.path) for clip in answer.request.clips)
    assert 0 < result.seconds <= clips + SAMPLE
    assert result.format


@pytest.mark.role("convert")
def test_converted_speech_is_mono_16_bit_and_as_long_as_its_source(answer: Answer) -> None:
    result = answer.result
    about = soundfile.info(answer.folder / result.speech.path)
    assert (about.format, about.subtype, about.channels) == ("WAV", "PCM_16", 1)
    assert about.samplerate == result.sample_rate_hz
    assert about.frames / about.samplerate == pytest.approx(result.duration, abs=SAMPLE)
    assert result.duration == pytest.approx(_duration(answer.folder / answer.request.source.path), abs=2 * SAMPLE)


@pytest.mark.role("synthesize")
def test_synthesized_speech_is_mono_16_bit_with_its_reading(answer: Answer) -> None:
    result = answer.result
    about = soundfile.info(answer.folder / result.speech.path)
    assert (about.format, about.subtype, about.channels) == ("WAV", "PCM_16", 1)
    assert about.samplerate == result.sample_rate_hz
    assert about.frames / about.samplerate == pytest.approx(result.duration, abs=SAMPLE)
    assert result.duration > 0.1
    assert result.reading


@pytest.mark.role("preview")
def test_a_preview_has_an_mp3_and_a_png_of_each_excerpt(answer: Answer) -> None:
    assert len(answer.result.previews) == len(answer.request.excerpts)
    for preview in answer.result.previews:
        player = (answer.folder / preview.player.path).read_bytes()
        assert player.startswith(b"ID3") or (player[0] == 0xFF and player[1] & 0xE6 == 0xE2), "MPEG layer III"
        assert (answer.folder / preview.picture.path).read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


@pytest.mark.role("preview")
def test_the_lossless_excerpt_is_the_excerpt(answer: Answer) -> None:
    for excerpt, preview in zip(answer.request.excerpts, answer.result.previews, strict=True):
        path = answer.folder / excerpt.file.path
        end = excerpt.end or _duration(path)
        about = soundfile.info(answer.folder / preview.sound.path)
        assert about.format == "FLAC"
        assert about.duration == pytest.approx(end - excerpt.start, abs=2 * SAMPLE)


@pytest.mark.role("survey")
def test_a_survey_has_a_row_each_hop_with_powers_and_decibels_that_can_be(answer: Answer) -> None:
    result = answer.result
    levels = np.load(answer.folder / result.levels.path, allow_pickle=False)
    assert (levels.dtype, levels.shape) == (np.dtype("<f4"), (result.rows, len(SURVEYED)))
    assert result.rows * result.hop == pytest.approx(
        _duration(answer.folder / answer.request.background.path), abs=result.hop
    )
    assert np.isfinite(levels).all()
    assert (levels >= 0).all()


@pytest.mark.role("measure")
def test_a_copy_of_itself_is_as_long_and_follows_without_a_fault(answer: Answer) -> None:
    result = answer.result
    assert result.seconds == result.source_seconds
    assert result.seconds == pytest.approx(_duration(answer.folder / answer.request.speech.path), abs=SAMPLE)
    assert result.f0_median_hz == result.source_f0_median_hz
    assert (result.following.f0_error_cents, result.following.within_50_cents) == (0.0, 1.0)
    assert (result.following.octave_errors, result.following.voicing_errors) == (0.0, 0.0)


@pytest.mark.role("preview")
def test_a_preview_is_as_long_as_its_excerpt(answer: Answer) -> None:
    for excerpt, preview in zip(answer.request.excerpts, answer.result.previews, strict=True):
        end = excerpt.end or _duration(answer.folder / excerpt.file.path)
        assert preview.duration == pytest.approx(end - excerpt.start, abs=0.01)
        played = soundfile.info(io.BytesIO((answer.folder / preview.player.path).read_bytes()))
        assert played.duration == pytest.approx(preview.duration, abs=0.15)  # MP3 pads with frames of up to 50 ms


@pytest.mark.role("retime")
def test_a_line_is_brought_to_its_length_within_the_tempo_it_may_have(answer: Answer) -> None:
    result, request = answer.result, answer.request
    assert request.slowest <= result.tempo <= request.fastest
    assert result.duration == pytest.approx(max(request.seconds, result.natural / request.fastest), abs=0.05)
    about = soundfile.info(answer.folder / result.speech.path)
    assert (about.format, about.subtype, about.channels) == ("WAV", "PCM_16", 1)
    assert about.frames / about.samplerate == pytest.approx(result.duration, abs=SAMPLE)


@pytest.mark.role("mix")
def test_a_track_has_the_recordings_form_and_the_length_asked_for(answer: Answer) -> None:
    recording = soundfile.info(answer.folder / answer.request.recording.path)
    track = soundfile.info(answer.folder / answer.result.track.path)
    assert (track.format, track.subtype, track.samplerate) == ("FLAC", recording.subtype, recording.samplerate)
    assert track.channels == recording.channels == answer.result.channels
    assert track.frames / track.samplerate == pytest.approx(answer.request.seconds, abs=SAMPLE)
    assert answer.result.duration == pytest.approx(answer.request.seconds, abs=SAMPLE)
    (line,), (asked,) = answer.result.lines, answer.request.lines
    assert line.start == pytest.approx(asked.start, abs=SAMPLE)
    assert line.end - line.start == pytest.approx(_duration(answer.folder / asked.speech.path), abs=SAMPLE)


@pytest.mark.role("mux")
def test_a_copy_of_a_video_has_its_sound_tracks_and_the_new_one(answer: Answer) -> None:
    result = answer.result
    assert [track.index for track in result.tracks] == list(range(len(result.tracks)))
    assert result.track == len(result.tracks) - 1 >= 1
    assert (result.tracks[result.track].language or "").startswith("en")


@pytest.mark.role("watermark")
def test_marked_speech_has_the_length_form_and_level_of_the_speech(answer: Answer) -> None:
    path, marked = (answer.folder / each.speech.path for each in (answer.request, answer.result))
    before, after = soundfile.info(path), soundfile.info(marked)
    assert (after.format, after.subtype) == ("WAV", before.subtype)
    assert (after.samplerate, after.channels, after.frames) == (before.samplerate, before.channels, before.frames)
    speech = _integers(path).astype(np.float64)
    mark = _integers(marked) - speech
    assert mark.any()
    assert answer.result.mark_db < -12
    assert (mark**2).mean() < 10**-1.2 * (speech**2).mean()


@pytest.mark.role("detect_watermark")
def test_a_detector_is_so_sure_and_reads_a_message(answer: Answer) -> None:
    assert 0 <= answer.result.certainty <= 1
    assert 0 <= answer.result.message < 1 << MESSAGE_BITS


# ---------------------------------------------------------------- what an engine with ears hears


@pytest.mark.role("extract", ears=True)
def test_a_lossless_track_of_the_rate_asked_for_keeps_every_sample(answer: Answer, asker: Asker) -> None:
    np.testing.assert_array_equal(
        _integers(answer.folder / answer.result.recording.path), _integers(asker.material.recording)
    )


@pytest.mark.role("separate", ears=True)
def test_nothing_is_separated_from_silence(answers: Answers) -> None:
    answer = answers.other("separate", "silence")
    assert not _integers(answer.folder / answer.result.vocals.path).any()
    assert not _integers(answer.folder / answer.result.background.path).any()


@pytest.mark.role("diarize", ears=True)
def test_nobody_speaks_in_silence_and_a_problem_says_so(answers: Answers) -> None:
    result = answers.other("diarize", "silence").result
    assert (result.turns, result.exclusive, result.overlap) == ((), (), ())
    assert result.problems


@pytest.mark.role("diarize", ears=True)
def test_turns_cover_most_of_what_is_spoken_and_little_else(answer: Answer, asker: Asker) -> None:
    """Bounds are wide: they tell an engine that hears from one that does not, and no more."""
    spoken = _frames(asker.material.turns, answer.folder / answer.request.vocals.path)
    heard = _frames(answer.result.turns, answer.folder / answer.request.vocals.path)
    assert (spoken & heard).sum() / spoken.sum() > 0.7
    assert (heard & ~spoken).sum() / heard.sum() < 0.3


@pytest.mark.role("embed", ears=True)
def test_turns_of_one_voice_are_nearer_to_each_other_than_to_the_other_voice(answer: Answer) -> None:
    vectors = _vectors(answer.folder / answer.result.vectors.path, answer.result.model)
    first = np.array([turn.speaker == "SPEAKER_00" for turn in answer.result.turns])
    likeness = vectors @ vectors.T
    same = min(likeness[first][:, first].min(), likeness[~first][:, ~first].min())
    assert same > likeness[first][:, ~first].max()


@pytest.mark.role("cut", ears=True)
def test_the_deeper_voice_measures_deeper(answer: Answer) -> None:
    """The second voice is the first one played 1.25 times slower."""
    f0 = {
        speaker: np.median([clip.measurements.f0_median_hz for clip in answer.result.clips if clip.speaker == speaker])
        for speaker in ("SPEAKER_00", "SPEAKER_01")
    }
    assert 1.05 < f0["SPEAKER_00"] / f0["SPEAKER_01"] < 1.5, "sentences differ by some semitones"


@pytest.mark.role("cut", ears=True)
def test_a_telephones_band_is_seen(answers: Answers) -> None:
    clips = answers.other("cut", "telephone").result.clips
    assert clips
    assert all(clip.measurements.bandwidth_hz <= 4000 for clip in clips), "half of 8 kHz"


@pytest.mark.role("train", ears=True)
def test_nobodys_voice_is_learnt_from_silence(answers: Answers) -> None:
    answer = answers.other("train", "silence")
    assert not (answer.folder / "result.json").exists()
    assert answer.error["kind"] == "recording"


@pytest.mark.role("convert", ears=True)
def test_silence_stays_silence_in_any_voice(answers: Answers) -> None:
    """Quieter than 60 dB below full scale; to refuse it as a recording without speech is right as well."""
    answer = answers.other("convert", "silence")
    if not (answer.folder / "error.json").exists():
        assert np.abs(_integers(answer.folder / answer.result.speech.path)).max() <= 32


@pytest.mark.role("mix", ears=True)
def test_a_track_is_the_recording_where_nothing_is_replaced_and_the_background_where_nobody_speaks(
    answer: Answer,
) -> None:
    request, rate = answer.request, answer.result.sample_rate_hz
    track = _integers(answer.folder / answer.result.track.path)
    recording = _integers(answer.folder / request.recording.path)
    background = _integers(answer.folder / request.background.path)
    first, last = (round(each * rate) for each in (request.replaced[0].start, request.replaced[0].end))
    end, fade = round(answer.result.lines[0].end * rate) + rate // 100, round(0.03 * rate)
    np.testing.assert_array_equal(track[:first], recording[:first])
    np.testing.assert_array_equal(track[last : len(recording)], recording[last:])
    np.testing.assert_array_equal(track[end : last - fade], background[end : last - fade])
    assert not track[len(recording) :].any()


def _duration(path: Path) -> float:
    about = soundfile.info(path)
    return float(about.frames / about.samplerate)


def _integers(path: Path) -> NDArray[np.int64]:
    """Samples in steps of the file's own depth, which the recording and both stems share here."""
    assert soundfile.info(path).subtype == "PCM_16"
    return soundfile.read(path, dtype="int16", always_2d=True)[0].astype(np.int64)


def _vectors(path: Path, model: str) -> NDArray[np.float32]:
    data = json.loads(path.read_text("utf-8"))
    assert set(data) == {"model", "dimension", "vectors"}
    assert data["model"] == model
    return np.frombuffer(base64.b64decode(data["vectors"]), "<f4").reshape(-1, data["dimension"])


def _frames(turns: tuple[Turn, ...], sound: Path) -> NDArray[np.bool_]:
    """Whether somebody speaks, each hundredth of a second."""
    frames = np.zeros(round(100 * _duration(sound)), np.bool_)
    for turn in turns:
        frames[round(100 * turn.start) : round(100 * turn.end)] = True
    return frames
