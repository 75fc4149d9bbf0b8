"""Linking: one voice is one speaker over all episodes, by an id that stays."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.domain import HeardEpisode, Speaker, Turn
from tasks.speakers.embedding_models import RULES, ModelsDiffer
from tasks.speakers.linking import Said, link
from tests.unit.voices import heard

FIRST = heard("s01e01", [("SPEAKER_00", "endou"), ("SPEAKER_01", "gouenji")] * 4)
SECOND = heard("s01e02", [("SPEAKER_00", "gouenji"), ("SPEAKER_01", "kazemaru"), ("SPEAKER_02", "endou")] * 4)


def voices(speakers: tuple[Speaker, ...], *truth: tuple[HeardEpisode, list[str]]) -> dict[str, set[str]]:
    """Speaker -> the true voices among its clips; `truth`: the voices of an episode's clips in turn."""
    whose = {
        clip.id: names[number % len(names)] for episode, names in truth for number, clip in enumerate(episode.clips)
    }
    return {speaker.id: {whose[clip] for clip in speaker.clips} for speaker in speakers}


def test_one_voice_in_two_episodes_is_one_speaker() -> None:
    speakers = link([FIRST, SECOND])
    found = voices(speakers, (FIRST, ["endou", "gouenji"]), (SECOND, ["gouenji", "kazemaru", "endou"]))
    assert found == {"S001": {"endou"}, "S002": {"gouenji"}, "S003": {"kazemaru"}}
    assert speakers[0].episodes == ("s01e01", "s01e02")
    assert speakers[0].seconds == 24.0


def test_a_person_whom_diarization_found_twice_is_one_speaker() -> None:
    episode = heard("s01e01", [("SPEAKER_00", "endou"), ("SPEAKER_01", "endou"), ("SPEAKER_02", "gouenji")] * 3)
    assert list(voices(link([episode]), (episode, ["endou", "endou", "gouenji"])).values()) == [{"endou"}, {"gouenji"}]


def test_a_local_speaker_that_mixes_two_people_is_split() -> None:
    episode = heard("s01e01", [("SPEAKER_00", "endou"), ("SPEAKER_00", "gouenji")] * 4)
    assert list(voices(link([episode]), (episode, ["endou", "gouenji"])).values()) == [{"endou"}, {"gouenji"}]


def test_a_single_wrong_clip_finds_its_way_to_its_voice() -> None:
    episode = heard("s01e01", [("SPEAKER_00", "endou"), ("SPEAKER_01", "gouenji")] * 4 + [("SPEAKER_00", "gouenji")])
    found = link([episode])
    assert len(found) == 2
    assert episode.clips[-1].id in found[1].clips


def test_a_single_strange_clip_opens_no_speaker_but_stays_where_diarization_put_it() -> None:
    episode = heard("s01e01", [("SPEAKER_00", "endou")] * 4 + [("SPEAKER_00", "a shout")])
    (speaker,) = link([episode])
    assert episode.clips[-1].id in speaker.clips


def test_two_who_talk_at_the_same_time_are_two_however_alike() -> None:
    said = [("SPEAKER_00", "twin"), ("SPEAKER_01", "twin")] * 3
    together = [Turn(start=0.0, end=30.0, speaker="SPEAKER_00"), Turn(start=10.0, end=14.0, speaker="SPEAKER_01")]
    assert len(link([heard("s01e01", said)])) == 1
    assert len(link([heard("s01e01", said, turns=together)])) == 2


def test_a_shared_moment_as_long_as_boundaries_are_inexact_says_nothing() -> None:
    touching = [Turn(start=0.0, end=10.0, speaker="SPEAKER_00"), Turn(start=9.5, end=14.0, speaker="SPEAKER_01")]
    assert len(link([heard("s01e01", [("SPEAKER_00", "endou"), ("SPEAKER_01", "endou")] * 3, turns=touching)])) == 1


def test_a_new_episode_moves_no_known_clip() -> None:
    before = link([FIRST])
    after = link([FIRST, SECOND], before)
    for speaker in before:
        (same,) = [each for each in after if each.id == speaker.id]
        assert set(speaker.clips) <= set(same.clips)
    assert [each.id for each in after] == ["S001", "S002", "S003"]
    assert link([FIRST, SECOND], after) == after


def test_two_known_identities_never_become_one() -> None:
    said = tuple(clip.id for clip in FIRST.clips)
    apart = (
        Speaker(id="S001", clips=said[::4], episodes=("s01e01",), seconds=6.0),
        Speaker(id="S002", clips=said[2::4], episodes=("s01e01",), seconds=6.0),
    )
    assert [set(each.clips) for each in link([FIRST], apart)][:2] == [set(said[::4]), set(said[2::4])]


def test_an_id_is_never_given_twice() -> None:
    gone = Speaker(id="S007", clips=("s01e09/00000000",), episodes=("s01e09",), seconds=3.0)
    found = link([FIRST], [gone])
    assert [each.id for each in found] == ["S007", "S008", "S009"]
    assert found[0] == Speaker(id="S007", clips=(), episodes=(), seconds=0.0, absent=gone.clips)


def test_vectors_of_two_models_never_meet() -> None:
    with pytest.raises(ModelsDiffer, match=r"'pyannote 4'.*'resemblyzer 0.1.4'"):
        link([FIRST, replace(SECOND, model="pyannote 4")])


def test_a_season_in_which_nobody_speaks_has_no_speakers() -> None:
    assert link([]) == ()
    assert link([heard("s01e01", [])]) == ()


@settings(max_examples=25, deadline=None)
@given(
    said=st.lists(
        st.tuples(st.sampled_from(["SPEAKER_00", "SPEAKER_01", "SPEAKER_02"]), st.sampled_from("abcd")), max_size=14
    ),
    likeness=st.floats(0.6, 0.9),
)
def test_every_clip_belongs_to_exactly_one_speaker_whatever_is_heard(
    said: list[tuple[str, str]], likeness: float
) -> None:
    episodes = [heard("s01e01", said, likeness=likeness), heard("s01e02", said[::-1], likeness=likeness)]
    speakers = link(episodes)
    assert sorted(clip for each in speakers for clip in each.clips) == sorted(c.id for e in episodes for c in e.clips)
    assert link(episodes[::-1]) == speakers


def test_a_long_series_is_linked_in_seconds() -> None:
    random = np.random.default_rng(0)
    episodes = []
    for number in range(40):
        cast = random.choice(30, 20, replace=False)
        episodes.append(heard(f"e{number:02d}", [(f"SPEAKER_{i % 20:02d}", f"v{cast[i % 20]}") for i in range(60)]))
    began = time.process_time()
    assert len(link(episodes)) == 30
    assert time.process_time() - began < 10


# ---------------------------------------------------------------- what people said


def of(speakers: tuple[Speaker, ...], clip: str) -> str:
    (owner,) = [each.id for each in speakers if clip in each.clips]
    return owner


TWINS = heard("s01e01", [("SPEAKER_00", "ichirou"), ("SPEAKER_00", "jirou~ichirou")] * 4)
"""One actor's two roles, so near that nothing but a person tells them apart."""


def test_marked_clips_leave_their_speaker_for_ever_and_take_along_what_sounds_like_them() -> None:
    before = link([TWINS])
    assert len(before) == 1
    jirou = [clip.id for clip in TWINS.clips[1::2]]
    said = Said(split={"S001": jirou[:2]})
    after = link([TWINS], before, said=said)
    assert [set(each.clips) for each in after] == [{clip.id for clip in TWINS.clips[::2]}, set(jirou)]
    assert after[1].moved[jirou[3]].speaker == "S001"
    assert link([TWINS], after, said=said) == after


def test_a_split_taken_back_brings_all_its_clips_home() -> None:
    before = link([TWINS])
    after = link([TWINS], before, said=Said(split={"S001": [TWINS.clips[1].id, TWINS.clips[3].id]}))
    assert len(after[1].clips) == 4
    back = link([TWINS], after)
    assert back[0].clips == before[0].clips
    assert back[1].clips == ()


def test_a_marked_clip_that_is_a_known_voice_joins_it() -> None:
    before = link([FIRST])
    wrong = tuple(sorted([*before[0].clips, before[1].clips[0]]))
    mistaken = (replace(before[0], clips=wrong), replace(before[1], clips=before[1].clips[1:]))
    after = link([FIRST], mistaken, said=Said(split={"S001": [before[1].clips[0]]}))
    assert [each.clips for each in after] == [each.clips for each in before]


def test_new_clips_join_the_nearer_of_two_roles_that_a_person_told_apart() -> None:
    said = Said(
        split={"S001": [clip.id for clip in TWINS.clips[1::2]]}, characters={"S001": "ichirou", "S002": "jirou"}
    )
    known = link([TWINS], link([TWINS]), said=said)
    later = heard("s01e02", [("SPEAKER_00", "ichirou"), ("SPEAKER_00", "jirou~ichirou")] * 4)
    after = link([TWINS, later], known, said=said)
    assert [of(after, clip.id) for clip in later.clips] == ["S001", "S002"] * 4


def test_what_people_labelled_as_two_never_becomes_one() -> None:
    known = link([TWINS], link([TWINS]), said=Said(split={"S001": [clip.id for clip in TWINS.clips[1::2]]}))
    said = Said(split={"S001": known[1].clips}, characters={"S001": "ichirou", "S002": "jirou"})
    for _ in range(3):
        known = link([TWINS], known, said=said)
    assert [len(each.clips) for each in known] == [4, 4]


# ---------------------------------------------------------------- ids that stay


def test_an_episode_that_is_away_for_a_while_finds_its_speakers_again() -> None:
    both = link([FIRST, SECOND])
    without = link([SECOND], both)
    assert without[0].absent == tuple(clip for clip in both[0].clips if clip.startswith("s01e01"))
    assert link([FIRST, SECOND], without) == both


def test_an_episode_cut_anew_keeps_the_ids_of_its_speakers() -> None:
    known = link([SECOND])
    anew = replace(
        SECOND,
        model="another 1",
        clips=tuple(
            replace(clip, id=f"s01e02/{round(clip.start * 1000) + 50:08d}", start=clip.start + 0.05)
            for clip in SECOND.clips
        ),
    )
    names = dict(zip([clip.id for clip in SECOND.clips], [clip.id for clip in anew.clips], strict=True))
    after = link([anew], known, RULES["resemblyzer"])
    assert [each.clips for each in after] == [tuple(names[clip] for clip in each.clips) for each in known]


def test_a_late_first_episode_moves_nobody_and_finds_the_same_people() -> None:
    at_once, late = link([FIRST, SECOND]), link([FIRST, SECOND], link([SECOND]))
    assert {each.clips for each in late} == {each.clips for each in at_once}
    assert [each.episodes[0] for each in link([SECOND])] == ["s01e02"] * 3


def test_who_shouts_and_whispers_is_recognised_in_both() -> None:
    calm = tuple(clip.id for clip in FIRST.clips[::2])
    loud = heard("s01e05", [("SPEAKER_00", "endou shouting")] * 4)
    known = (Speaker(id="S001", clips=(*calm, *(clip.id for clip in loud.clips)), episodes=("s01e01",), seconds=24.0),)
    later = heard("s01e06", [("SPEAKER_00", "endou shouting"), ("SPEAKER_01", "endou")] * 3)
    after = link([FIRST, loud, later], known)
    assert {of(after, clip.id) for clip in later.clips} == {"S001"}
