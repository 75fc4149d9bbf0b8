"""Whom a person should be asked about."""

from __future__ import annotations

import math

from tasks.domain import Suggestion
from tasks.labelling.decisions import Labels
from tasks.speakers.casting import Cast
from tasks.studio import Studio


def open_questions(studio: Studio, found: Cast, labels: Labels) -> tuple[Suggestion, ...]:
    """Speakers a person should be asked about, the longest first: in doubt, not labelled yet, and worth it.

    What is worth it, the series file says (`questions`). While a character has neither references nor a labelled
    speaker, strangers are asked about too; whoever came of clips that a person took out of another speaker is asked
    about in any case. What recurs (an opening's song, a recap) weighs nothing. Who is not asked about is in no data
    set, unless references are sure.
    """
    worth = studio.series.questions
    keeps_repeats = studio.series.quality.thresholds(studio.series.targets.clip_seconds).max_repeats == math.inf
    seconds = {each.id: each.seconds for each in found.speakers} if keeps_repeats else found.new_seconds()
    have: dict[str, float] = {}
    for speaker, label in labels.speakers.items():
        have[label.character] = have.get(label.character, 0.0) + seconds.get(speaker, 0.0)
    sought = any(not each.references and slug not in have for slug, each in studio.series.characters.items())

    def doubt(each: Suggestion) -> bool:
        if sought and each.band == "leave_out":
            return each.character is not None and seconds[each.speaker] >= worth.min_seconds
        chance = 1.0 if sought else each.chance
        least = max(worth.min_seconds, worth.min_share * have.get(each.character or "", 0.0))
        return each.band == "ask" and chance * seconds[each.speaker] >= least

    parted = {each.id for each in found.speakers if each.clips and each.moved.keys() >= set(each.clips)}
    open_ones = [each for each in found.suggestions if each.speaker not in labels.speakers]
    asked = sorted((each for each in open_ones if doubt(each)), key=lambda each: -seconds[each.speaker])
    first = [each for each in open_ones if each.speaker in parted and each not in asked]
    return (*first, *(asked[: worth.at_once] if sought else asked))
