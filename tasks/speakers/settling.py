"""Settling: after groups of voices are found, what is too little for a speaker, and clips that diarization gave away.

A few seconds open no speaker: they go to the voice they are clearly like, else where diarization put them. A clip
that is clearly nearer to another voice of its episode goes there. "Clearly" is a lead, so that noise moves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tasks.speakers.agglomeration import SLACK, Figures, Groups
from tasks.speakers.bans import Bans
from tasks.speakers.voice_parts import Clips, LinkRule, Part

CLEAR = 0.1
"""How much nearer another voice must be, in cosine over cosine within, for clips to be given to it."""
LEAST_CLIPS = 3
"""Clips that a voice must have for a clip to be given to it alone."""


def settle(parts: Sequence[Part], owner: Sequence[int], bans: Bans, rule: LinkRule) -> list[int]:
    """The group of each part, where groups with too little speech opened no speaker."""
    members = members_of(owner)
    small = {
        group
        for group, inside in members.items()
        if not any(parts[index].id for index in inside)
        and sum(parts[index].seconds for index in inside) < rule.min_seconds
    }
    largest: dict[tuple[str, str], int] = {}
    for index, each in enumerate(parts):
        if each.home not in largest or parts[largest[each.home]].seconds < each.seconds:
            largest[each.home] = index
    lost = [index for index, group in enumerate(owner) if group in small]
    settled = list(owner)
    for index in lost:
        settled[index] = owner[largest[parts[index].home]]
    large = sorted(members.keys() - small)
    if not large or not lost:
        return settled
    for index, row in zip(lost, _near(parts, lost, [members[group] for group in large], rule), strict=True):
        best = large[int(row.argmax())]
        at_home = row[large.index(settled[index])] if settled[index] not in small else 0.0
        clear = row.max() >= rule.join - SLACK and row.max() - at_home > CLEAR
        if clear and not bans.forbid(index, members[best]):
            settled[index] = best
    return settled


def members_of(owner: Sequence[int]) -> dict[int, list[int]]:
    members: dict[int, list[int]] = {}
    for index, group in enumerate(owner):
        members.setdefault(group, []).append(index)
    return members


def _near(parts: Sequence[Part], lost: Sequence[int], groups: Sequence[Sequence[int]], rule: LinkRule) -> Figures:
    """How near each of some parts is to each group: float64 (lost, groups)."""
    totals = [parts[index].total for index in lost] + [sum(parts[i].total for i in group) for group in groups]
    counts = [len(parts[index].rows) for index in lost] + [sum(len(parts[i].rows) for i in group) for group in groups]
    both = Groups(np.stack(totals), np.array(counts, np.float64), rule.within)
    return np.stack([both.near(row, np.arange(len(lost), len(totals))) for row in range(len(lost))])


def give_back(
    heard: Clips, parts: Sequence[Part], owner: Sequence[int], bans: Bans, rule: LinkRule
) -> Mapping[int, int]:
    """Row of a clip -> its group, for all clips: most as their part, some to another voice of their episode."""
    groups = sorted(set(owner))
    position = {group: number for number, group in enumerate(groups)}
    members = members_of(owner)
    totals = np.stack([sum(parts[i].total for i in members[group]) for group in groups])
    counts = np.array([sum(len(parts[i].rows) for i in members[group]) for group in groups], np.float64)
    scale = 1 / np.sqrt(Groups(totals, counts, rule.within).within * rule.within)
    whose = {row: group for each, group in zip(parts, owner, strict=True) for row in each.rows}
    part_of = {row: index for index, each in enumerate(parts) for row in each.rows}
    of_episode: dict[str, list[int]] = {}
    for row in sorted(whose):
        of_episode.setdefault(heard.clips[row].episode, []).append(row)
    for rows in of_episode.values():
        new = [row for row in rows if parts[part_of[row]].id is None]
        here = np.array(sorted({position[whose[row]] for row in rows}), int)
        here = here[counts[here] >= LEAST_CLIPS]
        if not new or len(here) < 2:
            continue
        vectors = heard.vectors[new].astype(np.float64)
        own = np.array([position[whose[row]] for row in new])
        near = vectors @ (totals[here] / counts[here][:, None]).T * scale[here]
        alone = np.einsum("ij,ij->i", vectors, totals[own]) - 1
        at_home = np.where(counts[own] > 1, alone / np.maximum(counts[own] - 1, 1) * scale[own], rule.join)
        near[here[None] == own[:, None]] = -1.0
        clear = (near.max(axis=1) - at_home > CLEAR) & (near.max(axis=1) >= rule.join - SLACK)
        for number in np.flatnonzero(clear):
            best = groups[here[near[number].argmax()]]
            if not bans.forbid(part_of[new[number]], members[best]):
                whose[new[number]] = best
    return whose
