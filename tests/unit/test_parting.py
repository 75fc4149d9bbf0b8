"""Setting apart: a walk-on within an accepted speaker is asked about; the character's own scenes are not."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.domain import HeardEpisode, Speaker, Suggestion
from tasks.labelling.decisions import decide, derive
from tasks.speakers.linking import Said, link
from tasks.speakers.parting import who_is_who
from tests.unit.voices import heard, reference

REFERENCES = [reference(each) for each in ("endou", "gouenji", "kazemaru")]
FIRST = heard("s01e01", [("SPEAKER_00", "endou")] * 5)
SECOND = heard("s01e02", [("SPEAKER_00", "endou")] * 4)


def walk_on(episode: str, clips: int = 4, voice: str = "a walk-on~endou") -> HeardEpisode:
    """One scene of somebody who sounds like endou: alike within, as a scene is."""
    return heard(episode, [("SPEAKER_07", voice)] * clips, likeness=0.95)


THIRD = walk_on("s01e03")
EPISODES = (FIRST, SECOND, THIRD)


def ids(episode: HeardEpisode) -> tuple[str, ...]:
    return tuple(clip.id for clip in episode.clips)


def as_one(*episodes: HeardEpisode) -> Speaker:
    """Everything that was heard, as linking that took it for one voice leaves it."""
    clips = [clip for each in episodes for clip in each.clips]
    return Speaker(
        id="S001",
        clips=tuple(sorted(each.id for each in clips)),
        episodes=tuple(each.episode for each in episodes),
        seconds=sum(each.duration for each in clips),
    )


def apart(
    *episodes: HeardEpisode, previous: Sequence[Speaker] = (), said: str | None = None
) -> tuple[dict[str, tuple[str, ...]], dict[str, Suggestion]]:
    """Speaker -> clips, and what is suggested of each; `said`: who a person said that S001 is."""
    labels = derive([decide("mika", "sheet", {"S001": said})] if said else [])
    speakers, found = who_is_who([as_one(*episodes)], previous, episodes, labels, REFERENCES)
    return {each.id: each.clips for each in speakers}, {each.speaker: each for each in found}


def test_a_walk_on_within_an_accepted_speaker_is_asked_about_with_the_character_suggested() -> None:
    clips, found = apart(*EPISODES)
    assert clips == {"S001": (*ids(FIRST), *ids(SECOND)), "S002": ids(THIRD)}
    assert (found["S001"].character, found["S001"].band) == ("endou", "accept")
    assert (found["S002"].character, found["S002"].band) == ("endou", "ask")


def test_the_characters_own_scenes_and_what_is_too_little_for_a_question_stay() -> None:
    own = walk_on("s01e04", voice="endou")
    little = walk_on("s01e05", clips=1)
    assert set(apart(FIRST, SECOND, own, little)[0]) == {"S001"}


def test_the_part_that_references_support_most_is_never_in_doubt() -> None:
    """One tight scene of the character, and noisier ones of somebody else: not the character leaves."""
    tight = walk_on("s01e04", voice="endou")
    rough = heard("s01e05", [("SPEAKER_01", "a walk-on~endou")] * 2, likeness=0.62)
    assert apart(tight, rough)[0]["S001"][: len(tight.clips)] == ids(tight)


def test_two_scenes_of_one_walk_on_are_one_question() -> None:
    again = walk_on("s01e04")
    clips, _ = apart(FIRST, SECOND, heard("s01e06", [("SPEAKER_00", "endou")] * 16), THIRD, again)
    assert clips["S002"] == (*ids(THIRD), *ids(again))


def test_what_a_person_said_holds_for_what_it_was_said_of_and_new_episodes_are_looked_at() -> None:
    known, new = as_one(*EPISODES), walk_on("s01e07", voice="another~endou")
    clips, _ = apart(*EPISODES, new, previous=[known], said="endou")
    assert clips["S002"] == ids(new)


def test_what_was_set_apart_stays_apart_and_says_from_whom_until_a_person_says_who_it_is() -> None:
    nothing = derive([])
    first, _ = who_is_who([as_one(*EPISODES)], (), EPISODES, nothing, REFERENCES)
    second, found = who_is_who(link(EPISODES, first, said=Said()), first, EPISODES, nothing, REFERENCES)
    assert [each.apart for each in first] == [None, "S001"]
    assert second == first
    assert [each.band for each in found] == ["accept", "ask"]
