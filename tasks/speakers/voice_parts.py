"""Parts: what linking joins. Clips of one local speaker that are one voice, or one way of speaking of a known identity.

A known identity is no single mean: who shouts and whispers has a part for each, and a few wrong turns
have none. A local speaker whose clips fall apart into voices is several parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage

from tasks.domain import EpisodeClip, Vectors
from tasks.speakers.agglomeration import SLACK, Figures, Groups, agglomerate

MODE_SHARE = 0.1
"""Of an identity's speech, what a way of speaking must have to count; less may be wrong turns."""
MIN_LEAD = 0.02
"""How much nearer to its own role each piece of a local speaker must be, for it to be split between roles."""
ENOUGH_CLIPS, ENOUGH_SPEAKERS = 4, 4
"""Clips of a local speaker, and such speakers, that tell how alike one voice's clips are by a model."""


@dataclass(frozen=True, kw_only=True)
class LinkRule:
    """When groups of clips are one voice.

    `join`: cosine between two groups over cosine within them, from which they are one speaker.
    `split`: a local speaker's clips fall apart into groups whose mean cosine is below this.
    `within`: mean cosine between clips of one voice, assumed of a group with too few to say.
    `min_seconds`: a part with less speech stays where diarization put it, unless it joins a speaker elsewhere.
    """

    join: float
    split: float
    within: float
    min_seconds: float = 4.0


@dataclass(frozen=True, kw_only=True)
class Clips:
    """Clips in order of their ids, with their vectors: float32 (clips, dimension)."""

    clips: tuple[EpisodeClip, ...]
    vectors: Vectors

    def rows(self, wanted: Callable[[EpisodeClip], bool]) -> list[int]:
        return [row for row, clip in enumerate(self.clips) if wanted(clip)]


@dataclass(frozen=True, kw_only=True)
class Part:
    """Clips (`rows`) that are one voice. `home`: the local speaker they are of. `id`: the identity they are known
    as; `counts` False: of a known identity, but no example of it."""

    rows: tuple[int, ...]
    total: Figures = field(repr=False)
    seconds: float
    home: tuple[str, str]
    id: str | None = None
    counts: bool = True


def learnt_rule(heard: Clips, rule: LinkRule) -> LinkRule:
    """The rule with `within` as this model has it: the median over local speakers, most of which are one voice."""
    homes: dict[tuple[str, str], list[int]] = {}
    for row, clip in enumerate(heard.clips):
        homes.setdefault((clip.episode, clip.speaker), []).append(row)
    alike = []
    for rows in homes.values():
        if (count := len(rows)) >= ENOUGH_CLIPS:
            total = heard.vectors[rows].astype(np.float64).sum(axis=0)
            alike.append((float(total @ total) - count) / (count * (count - 1)))
    if len(alike) < ENOUGH_SPEAKERS:
        return rule
    return replace(rule, within=round(min(max(float(np.median(alike)), rule.split), 0.95), 3))


def part(heard: Clips, rows: Iterable[int], home: tuple[str, str], id: str | None = None, counts: bool = True) -> Part:
    members = tuple(sorted(rows))
    return Part(
        rows=members,
        total=heard.vectors[list(members)].astype(np.float64).sum(axis=0),
        seconds=sum(heard.clips[row].duration for row in members),
        home=home,
        id=id,
        counts=counts,
    )


def by_voice(heard: Clips, rows: Sequence[int], split: float) -> list[list[int]]:
    """Rows of one local speaker, in groups whose mean cosine is `split` at least (average linkage)."""
    if len(rows) < 2:
        return [list(rows)]
    vectors = heard.vectors[list(rows)].astype(np.float64)
    distance = np.clip(1 - vectors @ vectors.T, 0, None)[np.triu_indices(len(rows), 1)]
    groups = fcluster(linkage(distance, "average"), 1 - split, "distance")
    return [[row for row, group in zip(rows, groups, strict=True) if group == name] for name in np.unique(groups)]


def known_parts(heard: Clips, rows: Sequence[int], id: str, rule: LinkRule) -> list[Part]:
    """A known identity as its ways of speaking, and what is too little to be one."""
    homes: dict[tuple[str, str], list[int]] = {}
    for row in rows:
        homes.setdefault((heard.clips[row].episode, heard.clips[row].speaker), []).append(row)
    examples = [part(heard, members, home, id) for home, members in sorted(homes.items())]
    groups = agglomerate(
        groups_of(examples, rule), rule.join - SLACK / 2, range(len(examples)), [False] * len(examples)
    )
    modes = [[row for index in group for row in examples[index].rows] for group in groups]
    made = [part(heard, mode, (id, id), id) for mode in modes]
    least = MODE_SHARE * sum(each.seconds for each in made)
    largest = max(made, key=lambda each: each.seconds)
    return [
        each if each.seconds >= least or each is largest else part(heard, each.rows, (id, id), id, counts=False)
        for each in made
    ]


def groups_of(parts: Sequence[Part], rule: LinkRule) -> Groups:
    totals = np.stack([each.total for each in parts])
    return Groups(totals, np.array([len(each.rows) for each in parts], np.float64), rule.within)


def between_roles(
    heard: Clips, rows: list[int], known: Sequence[Part], roles: Mapping[str, str], rule: LinkRule
) -> list[list[int]]:
    """The clips of a new part, each with the nearest of the roles it could be; one group where it is one.

    `roles`: identity -> character, as people labelled them. One actor's two roles are near to each other: only
    what people said tells them apart, so a part that has both is split only where both are near.
    """
    examples = [each for each in known if each.id in roles and each.counts]
    if len({roles[str(each.id)] for each in examples}) < 2 or len(rows) < 2:
        return [rows]
    means = np.stack([each.total / len(each.rows) for each in examples])
    whole = Groups(np.stack([*[each.total for each in examples], heard.vectors[rows].sum(axis=0, dtype=np.float64)]),
                   np.array([*[len(each.rows) for each in examples], len(rows)], np.float64), rule.within)  # fmt: skip
    near = whole.near(len(examples), np.arange(len(examples))) >= rule.join - SLACK
    characters = np.array([roles[str(each.id)] for each in examples], object)
    if len(set(characters[near])) < 2:
        return [rows]
    scores = np.where(near, heard.vectors[rows].astype(np.float64) @ means.T, -1.0)
    nearest = characters[scores.argmax(axis=1)]
    pieces = {name: [row for row, whose in zip(rows, nearest, strict=True) if whose == name] for name in set(nearest)}
    if len(pieces) < 2 or not all(
        _lead(heard.vectors[piece], means[near], characters[near], name) > MIN_LEAD for name, piece in pieces.items()
    ):
        return [rows]
    return [pieces[name] for name in sorted(pieces)]


def _lead(vectors: Vectors, means: Figures, characters: NDArray[np.object_], name: str) -> float:
    scores = vectors.mean(axis=0, dtype=np.float64) @ means.T
    return float(scores[characters == name].max() - scores[characters != name].max())
