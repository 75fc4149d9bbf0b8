"""Data sets: each clip is kept or not for one reason; a label alone does not make a clip the character's."""

from __future__ import annotations

import base64
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.clips.dataset import PRESETS, Row, judge, manifest, select
from tasks.domain import NOBODY, HeardEpisode, Reference, Segment, Speaker
from tasks.labelling.decisions import How, Labels, decide, derive
from tasks.speakers.embedding_models import ModelsDiffer
from tests.unit.voices import GOOD, heard, reference

REFERENCES = [reference("endou"), reference("gouenji")]


def labelled(labels: Mapping[str, str], how: How = "cli", rejected: Sequence[str] = ()) -> Labels:
    return derive([decide("mika", how, labels, rejected=rejected, now=datetime(2026, 1, 1, tzinfo=UTC))])


def speakers_of(episode: HeardEpisode) -> tuple[Speaker, ...]:
    """One speaker of the series for each local one: SPEAKER_00 is S000."""
    names = sorted({clip.speaker for clip in episode.clips})
    return tuple(
        Speaker(
            id=f"S0{name[-2:]}",
            clips=tuple(clip.id for clip in episode.clips if clip.speaker == name),
            episodes=(episode.episode,),
            seconds=10.0,
        )
        for name in names
    )


def judged(
    said: Sequence[tuple[str, str]],
    labels: Labels,
    references: Sequence[Reference] = REFERENCES,
    overlap: Sequence[Segment] = (),
    **measured: float | None,
) -> list[tuple[str, str, str]]:
    """(character, verdict, reason) of each row in order of time; `measured` holds for the first clip."""
    episode = heard("s01e01", said)
    first = replace(episode.clips[0], measurements=replace(GOOD, **measured))  # type: ignore[arg-type]
    episode = replace(episode, clips=(first, *episode.clips[1:]), overlap=tuple(overlap))
    rows = judge([episode], speakers_of(episode), labels, references)
    return [(row.character, row.verdict, row.reason) for row in sorted(rows, key=lambda row: (row.clip, row.character))]


ENDOU = labelled({"S000": "endou"})
GOOD_ROW = ("endou", "kept", "good")


def test_good_clips_of_a_labelled_speaker_are_kept() -> None:
    assert judged([("SPEAKER_00", "endou")] * 4, ENDOU) == [GOOD_ROW] * 4


def test_a_label_is_enough_where_there_are_no_references() -> None:
    assert judged([("SPEAKER_00", "endou")] * 4, ENDOU, references=[]) == [GOOD_ROW] * 4


def test_a_clip_is_in_doubt_where_hardly_anything_is_known_to_compare_it_with() -> None:
    """With itself and another one, either may be the wrong person's; a third, or references, decide."""
    doubt = ("endou", "doubt", "unsure")
    assert judged([("SPEAKER_00", "endou")], ENDOU, references=[]) == [doubt]
    assert judged([("SPEAKER_00", "endou")] * 2, ENDOU, references=[]) == [doubt] * 2
    assert judged([("SPEAKER_00", "endou")] * 3, ENDOU, references=[]) == [GOOD_ROW] * 3
    assert judged([("SPEAKER_00", "endou")], ENDOU, [reference("endou", stretches=2)]) == [GOOD_ROW]


@pytest.mark.parametrize(("clips", "verdict"), [(4, "doubt"), (9, "dropped")])
def test_a_second_voice_drops_a_clip_where_its_character_is_known_and_else_is_a_doubt(clips: int, verdict: str) -> None:
    rows = judged([("SPEAKER_00", "endou")] * clips, ENDOU, references=[], second_voice_probability=0.95)
    assert rows == [("endou", verdict, "overlap"), *[GOOD_ROW] * (clips - 1)]


def test_a_second_voice_is_heard_over_pauses_that_hum_but_not_told_by_sound_over_a_loud_background() -> None:
    """What a separation leaves of a loud background may sound like two; a hum in the pauses does not."""
    hum, loud = {"pause_tonality": 0.6, "snr_db": 20.0}, {"background_db": 10.0}
    said = [("SPEAKER_00", "endou")] * 9
    over_hum = judged(said, ENDOU, references=[], second_voice_probability=0.95, **hum)
    over_music = judged(said, ENDOU, references=[], second_voice_probability=0.95, **loud)
    assert (over_hum[0], over_music[0]) == (("endou", "dropped", "overlap"), GOOD_ROW)


def test_another_characters_clip_is_dropped_whatever_its_label() -> None:
    rows = judged([("SPEAKER_00", "endou")] * 4 + [("SPEAKER_00", "gouenji")], ENDOU)
    assert rows[:4] == [GOOD_ROW] * 4
    assert ("endou", "dropped", "other_voice") in rows[4:]


def test_a_known_strangers_clip_is_dropped_too() -> None:
    said = [("SPEAKER_00", "endou"), ("SPEAKER_01", "a walk-on")] * 4 + [("SPEAKER_00", "a walk-on")]
    rows = judged(said, labelled({"S000": "endou", "S001": NOBODY}))
    assert rows == [GOOD_ROW] * 4 + [("endou", "dropped", "other_voice")]


def test_a_clip_like_a_speaker_nobody_labelled_is_in_doubt() -> None:
    said = [("SPEAKER_00", "endou"), ("SPEAKER_01", "a walk-on")] * 4 + [("SPEAKER_00", "a walk-on")]
    assert judged(said, ENDOU)[-1][1] != "kept"


def test_a_clip_like_nobody_is_in_doubt() -> None:
    assert judged([("SPEAKER_00", "endou")] * 4 + [("SPEAKER_00", "a shout")], ENDOU)[-1][1] != "kept"


def test_a_clip_that_the_machine_put_to_another_character_is_kept_for_its_own() -> None:
    said = [("SPEAKER_00", "endou"), ("SPEAKER_01", "gouenji")] * 4 + [("SPEAKER_00", "gouenji")]
    rows = judged(said, labelled({"S000": "endou", "S001": "gouenji"}, how="auto"))
    assert rows[-2:] == [("endou", "dropped", "other_voice"), ("gouenji", "kept", "identified")]


def test_a_clip_that_a_human_put_to_another_character_is_never_moved_but_listed() -> None:
    said = [("SPEAKER_00", "endou"), ("SPEAKER_01", "gouenji")] * 4 + [("SPEAKER_00", "gouenji")]
    rows = judged(said, labelled({"S000": "endou", "S001": "gouenji"}))
    assert rows[-2:] == [("endou", "dropped", "other_voice"), ("gouenji", "doubt", "identified")]


def test_a_clip_of_a_speaker_nobody_labelled_is_kept_if_it_is_clearly_a_characters() -> None:
    said = [("SPEAKER_00", "endou")] * 4 + [("SPEAKER_01", "a walk-on")] * 3 + [("SPEAKER_01", "endou")]
    assert judged(said, ENDOU) == [GOOD_ROW] * 4 + [("endou", "kept", "identified")]


def test_a_speaker_whom_nobody_accepted_gives_no_clips_to_the_character_he_sounds_like() -> None:
    """He may be the character, or a stranger with that voice."""
    said = [("SPEAKER_00", "endou")] * 4 + [("SPEAKER_01", "endou")] * 3
    assert judged(said, ENDOU) == [GOOD_ROW] * 4 + [("endou", "doubt", "identified")] * 3


@pytest.mark.parametrize("double", ["SPEAKER_01", "SPEAKER_02"])
def test_no_clip_is_taken_from_a_stranger_who_sounds_like_a_character(double: str) -> None:
    """The stranger is the clip's own speaker, or another whom nobody labelled either."""
    said = [("SPEAKER_00", "endou")] * 4 + [(double, "endou+endou+endou+double")] * 6
    said += [("SPEAKER_01", "a walk-on")] * 3 + [("SPEAKER_01", "endou+endou+endou+double")]
    assert not [row for row in judged(said, ENDOU) if row == ("endou", "kept", "identified")]


def test_a_character_of_whom_little_is_known_claims_no_clips() -> None:
    said = [("SPEAKER_00", "endou")] * 4 + [("SPEAKER_01", "a walk-on")] * 3 + [("SPEAKER_01", "endou")]
    few = [reference("endou", stretches=2)]
    assert judged(said, labelled({}), few) == [("endou", "doubt", "identified")] * 5


def test_a_walk_on_has_no_row() -> None:
    assert judged([("SPEAKER_00", "a walk-on")] * 4, labelled({"S000": NOBODY})) == []
    assert judged([("SPEAKER_00", "a walk-on")] * 4, labelled({})) == []


@pytest.mark.parametrize(
    ("measured", "reason"),
    [
        ({"snr_db": 3.0}, "noisy"),
        ({"background_db": -4.0}, "music"),
        ({"clipped_share": 0.05}, "clipped"),
        ({"speech_probability": 0.1}, "not_speech"),
        ({"voiced_share": 0.01, "speech_probability": 0.5}, "unvoiced"),
    ],
)
def test_a_clip_of_no_use_is_dropped_for_one_reason(measured: dict[str, float], reason: str) -> None:
    assert judged([("SPEAKER_00", "endou")] * 3, ENDOU, **measured)[0] == ("endou", "dropped", reason)


def test_a_figure_that_could_not_be_measured_drops_no_clip() -> None:
    assert judged([("SPEAKER_00", "endou")] * 3, ENDOU, snr_db=None, background_db=None)[0] == GOOD_ROW


def test_a_rough_voice_without_pitch_is_kept_when_it_surely_speaks() -> None:
    assert judged([("SPEAKER_00", "endou")] * 3, ENDOU, voiced_share=0.0, speech_probability=0.8)[0] == GOOD_ROW


def test_a_clip_under_which_somebody_else_speaks_is_dropped() -> None:
    rows = judged([("SPEAKER_00", "endou")] * 3, ENDOU, overlap=[Segment(start=0.5, end=2.0)])
    assert rows == [("endou", "dropped", "overlap"), GOOD_ROW, GOOD_ROW]


def test_a_change_of_speakers_that_a_clip_reaches_into_is_the_cutters_to_judge() -> None:
    """The cutter goes into so short an overlap only up to where the voices rest."""
    said = [("SPEAKER_00", "endou")] * 3
    assert judged(said, ENDOU, overlap=[Segment(start=1.5, end=2.1)]) == [GOOD_ROW] * 3


def test_a_clip_that_a_person_rejected_is_kept_for_nobody() -> None:
    assert judged([("SPEAKER_00", "endou")] * 3, labelled({"S000": "endou"}, rejected=["s01e01/00004000"]))[1] == (
        "endou", "dropped", "rejected",
    )  # fmt: skip


def test_a_clip_in_which_two_people_share_is_dropped() -> None:
    episode = heard("s01e01", [("SPEAKER_00", "endou")] * 3)
    episode = replace(episode, clips=(replace(episode.clips[0], consistency=0.3), *episode.clips[1:]))
    row = judge([episode], speakers_of(episode), ENDOU, REFERENCES)[0]
    assert (row.verdict, row.reason, row.detail) == ("dropped", "mixed", "parts of it differ in voice (0.30)")


@pytest.mark.parametrize(("seconds", "reason"), [(0.8, "short"), (16.0, "long")])
def test_a_clip_of_the_wrong_length_is_dropped(seconds: float, reason: str) -> None:
    episode = heard("s01e01", [("SPEAKER_00", "endou")] * 3, seconds=seconds)
    assert {row.reason for row in judge([episode], speakers_of(episode), ENDOU, REFERENCES)} == {reason}


def test_strict_keeps_no_clip_that_balanced_drops_and_all_keeps_every_one_of_the_voice() -> None:
    episode = heard("s01e01", [("SPEAKER_00", "endou")] * 12 + [("SPEAKER_00", "gouenji")])
    noisy = tuple(
        replace(clip, measurements=replace(GOOD, snr_db=float(3 * number))) for number, clip in enumerate(episode.clips)
    )
    quiet = replace(episode, clips=noisy)
    kept = {}
    for preset, least in PRESETS.items():
        rows = judge([quiet], speakers_of(quiet), ENDOU, REFERENCES, least)
        kept[preset] = {row.clip for row in rows if row.verdict == "kept" and row.character == "endou"}
    assert kept["strict"] < kept["balanced"] < kept["all"]
    assert kept["all"] == {clip.id for clip in episode.clips[:12]}


def test_vectors_of_two_models_never_meet() -> None:
    episode = heard("s01e01", [("SPEAKER_00", "endou")], model="pyannote 4")
    with pytest.raises(ModelsDiffer):
        judge([episode], speakers_of(episode), ENDOU, REFERENCES)


def test_nothing_heard_gives_no_rows() -> None:
    assert judge([], [], ENDOU, REFERENCES) == ()


@settings(max_examples=30, deadline=None)
@given(
    said=st.lists(st.tuples(st.sampled_from(["SPEAKER_00", "SPEAKER_01"]), st.sampled_from(["endou", "gouenji", "x"]))),
    labels=st.dictionaries(st.sampled_from(["S000", "S001"]), st.sampled_from(["endou", "gouenji", NOBODY])),
    how=st.sampled_from(["cli", "auto"]),
)
def test_no_clip_is_kept_for_two_characters(said: list[tuple[str, str]], labels: dict[str, str], how: How) -> None:
    episode = heard("s01e01", said)
    rows = judge([episode], speakers_of(episode), labelled(labels, how), REFERENCES)
    kept = [row.clip for row in rows if row.verdict == "kept"]
    assert len(kept) == len(set(kept))
    assert len({(row.clip, row.character) for row in rows}) == len(rows)


# ---------------------------------------------------------------- selection and manifest


def row(clip: str, snr_db: float = 30.0, f0: float | None = 220.0, seconds: float = 30.0, **more: object) -> Row:
    episode = clip.split("/", maxsplit=1)[0]
    made = Row(
        clip=clip, episode=episode, start=0.0, end=seconds, speaker="S000", character="endou", verdict="kept",
        reason="good", detail="", purity=0.2, consistency=0.9,
        measurements=replace(GOOD, snr_db=snr_db, f0_median_hz=f0),
    )  # fmt: skip
    return replace(made, **more)  # type: ignore[arg-type]


def kept(rows: Sequence[Row]) -> list[str]:
    return [each.clip for each in rows if each.verdict == "kept"]


def test_nothing_is_left_out_while_there_is_less_than_wanted() -> None:
    rows = [row(f"e1/{number}") for number in range(4)]
    assert select(rows, target_minutes=25) == tuple(rows)


def test_the_cleanest_minutes_are_selected() -> None:
    rows = [row("e1/0", snr_db=12), row("e1/1", snr_db=38), row("e1/2", snr_db=8), row("e1/3", snr_db=36)]
    chosen = select(rows, target_minutes=1)
    assert kept(chosen) == ["e1/1", "e1/3"]
    assert chosen[0].reason == "enough"
    assert [each.clip for each in chosen] == [each.clip for each in rows]


def test_minutes_come_from_many_episodes_and_pitches_when_quality_is_alike() -> None:
    rows = [row(f"e1/{number:02d}", snr_db=30.5) for number in range(20)]
    rows += [row("e2/00", snr_db=30), row("e3/00", snr_db=30), row("e1/90", snr_db=30, f0=400.0)]
    assert {"e2/00", "e3/00", "e1/90"} <= set(kept(select(rows, target_minutes=3)))


def test_words_with_new_sounds_come_before_words_that_were_heard() -> None:
    rows = [row("e1/0", snr_db=30.2), row("e1/1", snr_db=30.1), row("e1/2", snr_db=30.0)]
    texts = {"e1/0": "サッカーやろうぜ", "e1/1": "サッカーやろう", "e1/2": "ゴッドハンド"}
    assert kept(select(rows, target_minutes=1, texts=texts)) == ["e1/0", "e1/2"]
    assert kept(select(rows, target_minutes=1)) == ["e1/0", "e1/1"]


def test_each_character_has_its_own_target() -> None:
    rows = [row("e1/0"), row("e1/1"), row("e1/2", character="gouenji")]
    assert kept(select(rows, target_minutes=0.5)) == ["e1/0", "e1/2"]


def test_selecting_does_not_bring_back_what_was_dropped() -> None:
    rows = [row("e1/0", verdict="dropped", reason="noisy"), row("e1/1"), row("e1/2", verdict="doubt", reason="unsure")]
    assert select(rows, target_minutes=25) == tuple(rows)


@given(st.lists(st.tuples(st.floats(1, 15), st.floats(0, 50)), max_size=20), st.floats(0.1, 3))
def test_selection_reaches_its_target_and_stops(clips: list[tuple[float, float]], minutes: float) -> None:
    rows = [row(f"e{number % 3}/{number}", seconds=s, snr_db=snr) for number, (s, snr) in enumerate(clips)]
    seconds = sum(each.duration for each in select(rows, minutes) if each.verdict == "kept")
    assert min(minutes * 60, sum(s for s, _ in clips)) - 1e-6 <= seconds <= minutes * 60 + 15


def test_the_manifest_says_figures_reason_text_engines_and_who_gave_the_label() -> None:
    labels = labelled({"S001": "endou"})
    known, unlabelled = manifest(
        [row("e1/0", speaker="S001"), row("e1/1", speaker="S002")],
        {"separate": "light 1.0"},
        labels,
        {"e1/0": "サッカーやろうぜ"},
    )
    line = known
    assert (line["label"]["character"], line["label"]["decision"]) == ("endou", labels.speakers["S001"].decision)
    assert {"who", "how", "when"} <= set(line["label"])
    assert (unlabelled["label"], unlabelled["text"]) == (None, None)
    assert line["text"] == "サッカーやろうぜ"
    assert line["engines"] == {"separate": "light 1.0"}
    wanted = {"clip", "episode", "start", "end", "speaker", "character", "verdict", "reason", "snr_db", "loudness_lufs"}
    assert wanted | {"purity", "text", "engines"} <= set(line)


def test_ten_thousand_clips_are_judged_and_selected_in_seconds() -> None:
    random = np.random.default_rng(0)
    words = random.integers(0, 2**16, (10_000, 48), np.uint16)
    voices = [f"v{number}" for number in range(20)]
    base = heard("e1", [(f"SPEAKER_{i:02d}", voice) for i, voice in enumerate(voices)])
    vectors = base.vectors[np.arange(10_000) % 20] + random.normal(0, 0.02, (10_000, 256))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    seen = [replace(GOOD, fingerprint=base64.b64encode(each.tobytes()).decode()) for each in words]
    clips = tuple(
        replace(base.clips[i % 20], id=f"e1/{i:08d}", start=i * 4.0, end=i * 4.0 + 3, measurements=seen[i])
        for i in range(10_000)
    )
    episode = replace(base, clips=clips, vectors=vectors)
    labels = labelled({f"S0{i:02d}": voice for i, voice in enumerate(voices)})
    began = time.process_time()
    rows = select(judge([episode], speakers_of(episode), labels, [reference("v0")]))
    assert time.process_time() - began < 10, "5 s are the aim on an idle machine"
    assert len(rows) == 10_000
    assert not math.isnan(sum(each.purity or 0.0 for each in rows))
