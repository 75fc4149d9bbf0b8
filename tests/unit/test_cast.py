"""Cast: references suggest who a speaker is; a stranger becomes no character."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.domain import Reference, Speaker, Suggestion
from tasks.speakers.cast import examples_of, galleries_of, match, rule_for, suggest
from tasks.speakers.embedding_models import ModelsDiffer
from tests.unit.voices import MODEL, heard, reference, vector

CAST = ["endou", "gouenji", "kazemaru", "kidou", "someoka"]
REFERENCES = [reference(each) for each in CAST]


def suggested(
    *voices: str, references: Sequence[Reference] = REFERENCES, model: str = MODEL, likeness: float = 0.8
) -> Suggestion:
    """What is suggested for one speaker whose clips are of these voices."""
    episode = heard("s01e01", [("SPEAKER_00", voice) for voice in voices], model=model, likeness=likeness)
    speaker = Speaker(id="S001", clips=tuple(c.id for c in episode.clips), episodes=("s01e01",), seconds=9.0)
    (found,) = suggest([speaker], [episode], references)
    return found


def test_a_character_with_references_needs_no_question() -> None:
    found = suggested(*["endou"] * 6)
    assert (found.character, found.band) == ("endou", "accept")
    assert found.score > 0.85
    assert found.margin > 0.15


def test_a_stranger_is_no_character() -> None:
    assert suggested(*["somebody in the crowd"] * 6).band != "accept"


def test_a_voice_between_two_characters_is_asked_about() -> None:
    assert suggested(*["endou+gouenji"] * 6, likeness=0.85).band == "ask"


def test_a_speaker_that_mixes_two_people_is_asked_about() -> None:
    assert suggested(*["endou"] * 4, *["gouenji"] * 4).band == "ask"


def test_a_few_wrong_clips_do_no_harm() -> None:
    found = suggested(*["endou"] * 9, "gouenji", "somebody")
    assert (found.character, found.band) == ("endou", "accept")


def test_the_only_character_of_a_cast_must_still_be_recognised() -> None:
    only = [reference("endou")]
    assert suggested(*["endou"] * 6, references=only).band == "accept"
    assert suggested(*["somebody"] * 6, references=only).band != "accept"


def test_without_references_everybody_is_asked_about() -> None:
    found = suggested(*["endou"] * 6, references=[])
    assert (found.character, found.band) == (None, "ask")


def test_a_model_that_nobody_calibrated_asks_about_everybody() -> None:
    mine = [reference(each, model="mine 1") for each in CAST]
    found = suggested(*["endou"] * 6, references=mine, model="mine 1")
    assert (found.character, found.band) == ("endou", "ask")
    assert suggested(*["somebody"] * 6, references=mine, model="mine 1").band == "ask"


def test_a_speaker_whose_clips_are_gone_is_left_out() -> None:
    (found,) = suggest([Speaker(id="S001", clips=(), episodes=(), seconds=0.0)], [], REFERENCES)
    assert (found.character, found.band) == (None, "leave_out")


def test_vectors_of_two_models_never_meet() -> None:
    with pytest.raises(ModelsDiffer, match="cannot be compared"):
        suggested("endou", model="pyannote 4")
    with pytest.raises(ModelsDiffer):
        galleries_of([reference("endou"), reference("gouenji", model="pyannote 4")])


def test_each_clip_finds_its_own_character() -> None:
    voices = ["endou", "kidou", "somebody", "endou"]
    vectors = np.stack([vector(voice, str(number), 0.9) for number, voice in enumerate(voices)])
    rule, examples = rule_for(MODEL), examples_of(galleries_of(REFERENCES), rule_for(MODEL))
    found = [match(examples.characters, row, 3.0, rule) for row in examples.scores(vectors)]
    assert [each.character for each in found if each.band == "accept"] == ["endou", "kidou", "endou"]
    assert found[2].band != "accept"


def test_references_of_one_character_in_many_files_are_one_gallery() -> None:
    galleries = galleries_of([reference("endou", stretches=2), reference("gouenji"), reference("endou", stretches=3)])
    assert {character: len(rows) for character, rows in galleries.items()} == {"endou": 5, "gouenji": 4}


@settings(max_examples=40, deadline=None)
@given(stranger=st.text("abcdefgh", min_size=4, max_size=12), clips=st.integers(2, 8), likeness=st.floats(0.6, 0.9))
def test_no_stranger_passes_however_little_or_noisy_their_speech(stranger: str, clips: int, likeness: float) -> None:
    assert suggested(*[f"stranger {stranger}"] * clips, likeness=likeness).band != "accept"
