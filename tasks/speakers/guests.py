"""Guests: speakers whom references accept as a character although the series holds a voice that is more surely it.

References are few, and of one place; the character's own speech in the series is much, and of many. What references
accept and linking keeps apart from that speech is either the character in another way of speaking or somebody alike,
and how near it is to that speech tells the two better than how near it is to references. Who is far is a question.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from tasks.domain import Speaker, Suggestion
from tasks.speakers.voice_parts import Clips, LinkRule, groups_of, part

FAR = {"resemblyzer": 0.88}
"""Below which nearness, as linking measures it, what references accept is in doubt beside the character's main speaker;
by the first word of the model's name. No other model was measured, and nobody is in doubt by one."""


def without_guests(
    speakers: Sequence[Speaker],
    suggestions: Sequence[Suggestion],
    said: Mapping[str, str],
    heard: Clips,
    model: str,
    rule: LinkRule,
) -> tuple[Suggestion, ...]:
    """The suggestions; who is accepted and far from the character's main speaker is asked about, `beside` that one.

    Main are the speakers that people say are the character (`said`: speaker -> character); without any, the accepted
    one with most speech. The one whom subtitles name the character is never in doubt.
    """
    far = FAR.get(model.partition(" ")[0])
    if far is None:
        return tuple(suggestions)
    seconds = {each.id: each.seconds for each in speakers}
    accepted: dict[str, list[str]] = {}
    for each in suggestions:
        if each.band == "accept" and each.character and each.speaker not in said:
            accepted.setdefault(each.character, []).append(each.speaker)
    called: dict[str, list[str]] = {}
    for id, whose in said.items():
        if seconds.get(id):
            called.setdefault(whose, []).append(id)
    main = {whose: called.get(whose) or [max(own, key=lambda id: seconds[id])] for whose, own in accepted.items()}
    sure = {each.speaker for each in suggestions if each.named == each.character}
    beside = {}
    for character, own in accepted.items():
        for id in own:
            if id not in main[character] and id not in sure:
                nearest, near = _nearest(id, main[character], speakers, heard, rule)
                if near < far:
                    beside[id] = nearest
    return tuple(
        replace(each, band="ask", beside=beside[each.speaker]) if each.speaker in beside else each
        for each in suggestions
    )


def _nearest(
    id: str, others: Sequence[str], speakers: Sequence[Speaker], heard: Clips, rule: LinkRule
) -> tuple[str, float]:
    """The nearest of some speakers, and how near it is: cosine between over cosine within."""
    rows = {clip.id: row for row, clip in enumerate(heard.clips)}
    clips = {each.id: [rows[clip] for clip in each.clips if clip in rows] for each in speakers}
    known = [other for other in others if clips[other]]
    if not known or not clips[id]:
        return id, 1.0
    groups = groups_of([part(heard, clips[each], (each, each)) for each in (id, *known)], rule)
    near = groups.near(0, np.arange(1, len(known) + 1))
    return known[int(near.argmax())], float(near.max())
