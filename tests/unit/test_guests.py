"""Guests: who is accepted by references and far from the character's main speaker is a question."""

from __future__ import annotations

from dataclasses import replace

from tasks.domain import HeardEpisode, Speaker, Suggestion
from tasks.labelling.decisions import decide, derive
from tasks.labelling.label_form import doubts
from tasks.speakers.embedding_models import rule_of
from tasks.speakers.guests import without_guests
from tasks.speakers.linking import all_clips
from tasks.speakers.parting import who_is_who
from tests.unit.voices import heard, reference

REFERENCES = [reference(each) for each in ("endou", "gouenji", "kazemaru")]
MAIN = heard("s01e01", [("SPEAKER_00", "endou")] * 8)
AGAIN = heard("s01e02", [("SPEAKER_03", "endou")] * 3)
GUEST = heard("s01e03", [("SPEAKER_07", "a guest~endou")] * 6, likeness=0.95)
EPISODES = (MAIN, AGAIN, GUEST)


def speaker(id: str, episode: HeardEpisode) -> Speaker:
    clips = tuple(sorted(each.id for each in episode.clips))
    return Speaker(
        id=id, clips=clips, episodes=(episode.episode,), seconds=sum(each.duration for each in episode.clips)
    )


SPEAKERS = [speaker("S001", MAIN), speaker("S002", AGAIN), speaker("S003", GUEST)]


def suggested(labels: dict[str, str] | None = None) -> dict[str, Suggestion]:
    said = derive([decide("mika", "sheet", labels)] if labels else [])
    return {each.speaker: each for each in who_is_who(SPEAKERS, SPEAKERS, EPISODES, said, REFERENCES)[1]}


def test_whom_references_accept_and_who_is_far_from_the_main_speaker_is_asked_about_beside_it() -> None:
    found = suggested()
    assert {name: each.band for name, each in found.items()} == {"S001": "accept", "S002": "accept", "S003": "ask"}
    assert (found["S003"].character, found["S003"].beside) == ("endou", "S001")
    assert "not much like S001" in doubts(SPEAKERS[2], found["S003"])[0]


def test_whom_a_person_called_the_character_is_main_and_what_was_said_is_not_in_doubt() -> None:
    assert suggested({"S002": "endou"})["S003"].beside == "S002"
    assert suggested({"S003": "endou"})["S003"].beside is None


def test_nobody_is_in_doubt_whom_subtitles_name_or_by_a_model_that_was_not_measured() -> None:
    clips = all_clips(EPISODES)
    accepted = [
        Suggestion(speaker=each.id, character="endou", score=0.9, margin=0.2, band="accept") for each in SPEAKERS
    ]
    rule = rule_of(clips, "resemblyzer 0.1.4")
    named = [replace(each, named="endou") for each in accepted]
    far = without_guests(SPEAKERS, accepted, {}, clips, "resemblyzer 0.1.4", rule)
    assert [each.band for each in far] == ["accept", "accept", "ask"]
    assert without_guests(SPEAKERS, named, {}, clips, "resemblyzer 0.1.4", rule) == tuple(named)
    assert without_guests(SPEAKERS, accepted, {}, clips, "pyannote 4", rule) == tuple(accepted)
