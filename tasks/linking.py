"""Linking: the speakers of all episodes become speakers of the series.

Diarization names people within one episode (SPEAKER_00); here the same voice
in other episodes gets one identity (S001) that stays. Who that is in the
story is decided in `cast` and by a human, not here.

Method: a local speaker whose clips fall apart into voices is split; the parts
of all episodes are joined bottom-up, nearest pair first. Near is the mean
cosine between the clips of two parts, over the mean cosine within them: music
and short clips lower both alike, so one threshold serves quiet and loud
scenes. Parts of speakers who talk at the same time are never joined, and two
known identities never become one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage

from tasks.domain import EpisodeClip, HeardEpisode, Speaker, Vectors

MAX_OVERLAP = 1.0
"""Seconds that two local speakers may talk at once before they cannot be one person; boundaries are not exact."""


class ModelsDiffer(ValueError):
    """Vectors of two embedding models met; their cosines mean nothing."""

    def __init__(self, one: str, other: str) -> None:
        super().__init__(
            f"vectors of {one!r} cannot be compared with vectors of {other!r}; "
            "embed all episodes and references with one engine"
        )


def one_model(models: Iterable[str]) -> str | None:
    """The model that all of `models` are; None of none. Raises ModelsDiffer."""
    found = sorted(set(models))
    if len(found) > 1:
        raise ModelsDiffer(found[0], found[1])
    return found[0] if found else None


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


RULES = {
    "resemblyzer": LinkRule(join=0.92, split=0.62, within=0.7),
    "stub": LinkRule(join=0.9, split=0.5, within=0.9),
}
"""By the first word of the model's name. Resemblyzer's on seasons made of 242 LibriSpeech voices, half of the
clips with music, 6 % of them given to a wrong local speaker: weighted purity 0.99, completeness 0.95 (B-cubed)."""
OTHER = LinkRule(join=0.95, split=0.3, within=0.7)
"""A model nobody calibrated: two speakers of one person cost a question, one speaker of two people a data set."""


def link(
    episodes: Sequence[HeardEpisode], previous: Sequence[Speaker] = (), rule: LinkRule | None = None
) -> tuple[Speaker, ...]:
    """Speakers of the series, sorted by id; every clip of `episodes` belongs to exactly one.

    A clip that `previous` knows keeps its speaker; new clips join one or open the next id. An id is
    never given twice, so a speaker whose clips are all gone stays, empty. Without `rule`, the one of
    the episodes' model. Raises ModelsDiffer.
    """
    model = one_model(episode.model for episode in episodes if episode.clips)
    rule = rule or RULES.get((model or "").partition(" ")[0], OTHER)
    parts = _parts(episodes, {clip: speaker.id for speaker in previous for clip in speaker.clips}, rule)
    joined = _join(parts, _apart(parts, episodes), rule)
    owner = _settle(parts, joined, rule.min_seconds)
    return _speakers(parts, owner, previous)


# ---------------------------------------------------------------- parts


@dataclass(frozen=True, kw_only=True)
class _Part:
    """Clips of one local speaker that are one voice; or all known clips of an identity (`id`)."""

    clips: tuple[EpisodeClip, ...]
    total: NDArray[np.float64]
    id: str | None = None

    @property
    def seconds(self) -> float:
        return sum(clip.duration for clip in self.clips)


def _parts(episodes: Sequence[HeardEpisode], known: dict[str, str], rule: LinkRule) -> list[_Part]:
    anchors: dict[str, list[tuple[EpisodeClip, Vectors]]] = {}
    parts: list[_Part] = []
    for episode in sorted(episodes, key=lambda each: each.episode):
        local: dict[str, list[tuple[EpisodeClip, Vectors]]] = {}
        for clip, vector in zip(episode.clips, episode.vectors, strict=True):
            group = anchors.setdefault(known[clip.id], []) if clip.id in known else local.setdefault(clip.speaker, [])
            group.append((clip, vector))
        for members in local.values():
            parts.extend(_part(each) for each in _split(members, rule.split))
    fixed = [_part(members, name) for name, members in sorted(anchors.items())]
    return fixed + parts


def _part(members: Sequence[tuple[EpisodeClip, Vectors]], name: str | None = None) -> _Part:
    total = np.stack([vector for _, vector in members]).astype(np.float64).sum(axis=0)
    return _Part(clips=tuple(clip for clip, _ in members), total=total, id=name)


def _split(members: list[tuple[EpisodeClip, Vectors]], split: float) -> list[list[tuple[EpisodeClip, Vectors]]]:
    if len(members) < 2:
        return [members]
    vectors = np.stack([vector for _, vector in members]).astype(np.float64)
    distance = np.clip(1 - vectors @ vectors.T, 0, None)[np.triu_indices(len(members), 1)]
    groups = fcluster(linkage(distance, "average"), 1 - split, "distance")
    return [[each for each, group in zip(members, groups, strict=True) if group == name] for name in np.unique(groups)]


def _apart(parts: Sequence[_Part], episodes: Sequence[HeardEpisode]) -> NDArray[np.bool_]:
    """Pairs not to join: two known identities, local speakers who talk at once, a part and itself."""
    fixed = np.array([part.id is not None for part in parts], bool)
    apart: NDArray[np.bool_] = fixed[:, None] & fixed[None] | np.eye(len(parts), dtype=bool)
    speakers = [{(clip.episode, clip.speaker) for clip in part.clips} for part in parts]
    where: dict[tuple[str, str], list[int]] = {}
    for index, names in enumerate(speakers):
        for name in names:
            where.setdefault(name, []).append(index)
    for episode in episodes:
        for one, other in _together(episode):
            for i in where.get((episode.episode, one), ()):
                for j in where.get((episode.episode, other), ()):
                    if parts[i].id is None or parts[j].id is None:
                        apart[i, j] = apart[j, i] = True
    return apart


def _together(episode: HeardEpisode) -> list[tuple[str, str]]:
    """Pairs of local speakers who talk at the same time for longer than boundaries are inexact."""
    seconds: dict[tuple[str, str], float] = {}
    turns = sorted(episode.turns)
    for index, turn in enumerate(turns):
        for later in turns[index + 1 :]:
            if later.start >= turn.end:
                break
            if later.speaker != turn.speaker:
                pair = (min(turn.speaker, later.speaker), max(turn.speaker, later.speaker))
                seconds[pair] = seconds.get(pair, 0.0) + min(turn.end, later.end) - later.start
    return [pair for pair, both in seconds.items() if both > MAX_OVERLAP]


# ---------------------------------------------------------------- joining


class _Groups:
    """Sums of clip vectors, and how near the groups are to each other."""

    def __init__(self, parts: Sequence[_Part], rule: LinkRule) -> None:
        self._rule = rule
        self.totals = np.stack([part.total for part in parts])
        self.counts = np.array([len(part.clips) for part in parts], float)
        self.within = np.array([self._within(index) for index in range(len(parts))])

    def near(self, index: int) -> NDArray[np.float64]:
        """How near a group is to each group: float64 (groups,)."""
        between = self.totals @ self.totals[index] / (self.counts * self.counts[index])
        near: NDArray[np.float64] = between / np.sqrt(self.within * self.within[index])
        return near

    def merge(self, index: int, other: int) -> None:
        self.totals[index] += self.totals[other]
        self.counts[index] += self.counts[other]
        self.within[index] = self._within(index)

    def _within(self, index: int) -> float:
        """Mean cosine between different clips of a group, as if it had three more pairs of the usual one."""
        total, count = self.totals[index], self.counts[index]
        pairs = float(count * (count - 1))
        return max((float(total @ total) - float(count) + 3 * self._rule.within) / (pairs + 3), 0.1)


def _join(parts: Sequence[_Part], apart: NDArray[np.bool_], rule: LinkRule) -> list[list[int]]:
    """Groups of parts, nearest pair first. Each row's best is remembered, so a merge costs one row."""
    members = [[index] for index in range(len(parts))]
    if not parts:
        return members
    groups = _Groups(parts, rule)
    near = np.where(apart, -1.0, np.stack([groups.near(index) for index in range(len(parts))]))
    best = near.argmax(axis=1)
    value = near.max(axis=1)
    while value.max() >= rule.join:
        i = int(value.argmax())
        i, j = sorted((i, int(best[i])))
        members[i], members[j] = members[i] + members[j], []
        groups.merge(i, j)
        apart[i] |= apart[j]
        apart[:, i] = apart[i]
        apart[j] = apart[:, j] = True
        near[i] = near[:, i] = np.where(apart[i], -1.0, groups.near(i))
        near[j] = near[:, j] = -1.0
        stale = np.flatnonzero((best == i) | (best == j) | (near[:, i] > value))
        stale = np.union1d(stale, [i, j])
        best[stale] = near[stale].argmax(axis=1)
        value[stale] = near[stale].max(axis=1)
    return [group for group in members if group]


def _settle(parts: Sequence[_Part], groups: list[list[int]], min_seconds: float) -> list[int]:
    """The group of each part; a group with too little speech goes back to its local speaker's largest part."""
    owner = [0] * len(parts)
    for number, group in enumerate(groups):
        for index in group:
            owner[index] = number
    home: dict[tuple[str, str], int] = {}
    for index, part in enumerate(parts):
        if part.id is None:
            name = (part.clips[0].episode, part.clips[0].speaker)
            if name not in home or parts[home[name]].seconds < part.seconds:
                home[name] = index
    settled = list(owner)
    for group in groups:
        known = any(parts[index].id is not None for index in group)
        if not known and sum(parts[index].seconds for index in group) < min_seconds:
            for index in group:
                settled[index] = owner[home[(parts[index].clips[0].episode, parts[index].clips[0].speaker)]]
    return settled


def _speakers(parts: Sequence[_Part], owner: Sequence[int], previous: Sequence[Speaker]) -> tuple[Speaker, ...]:
    names = {owner[index]: part.id for index, part in enumerate(parts) if part.id is not None}
    members: dict[int, list[EpisodeClip]] = {}
    for part, group in zip(parts, owner, strict=True):
        members.setdefault(group, []).extend(part.clips)
    last = max((int(speaker.id[1:]) for speaker in previous), default=0)
    new = sorted((min(clip.id for clip in clips), group) for group, clips in members.items() if group not in names)
    for number, (_, group) in enumerate(new, start=last + 1):
        names[group] = f"S{number:03d}"
    heard = {names[group]: clips for group, clips in members.items()}
    everybody = {speaker.id for speaker in previous} | {name for name in heard if name}
    return tuple(_speaker(name, heard.get(name, [])) for name in sorted(everybody, key=lambda name: int(name[1:])))


def _speaker(name: str, clips: Sequence[EpisodeClip]) -> Speaker:
    return Speaker(
        id=name,
        clips=tuple(sorted(clip.id for clip in clips)),
        episodes=tuple(sorted({clip.episode for clip in clips})),
        seconds=round(sum(clip.duration for clip in clips), 3),
    )
