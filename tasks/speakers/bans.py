"""Bans: who may not be joined, because they talk at once or because a person took one out of the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.domain import HeardEpisode
from tasks.speakers.splits import Homes
from tasks.speakers.voice_parts import Clips, Part

MAX_OVERLAP = 1.0
"""Seconds that two local speakers may talk at once before they cannot be one person; boundaries are not exact."""


@dataclass(frozen=True, kw_only=True)
class Bans:
    """Who may not be joined: `nodes` says who each part surely is, `pairs` which nodes are two people."""

    nodes: Sequence[int]
    pairs: frozenset[tuple[int, int]]

    def forbid(self, index: int, members: Sequence[int]) -> bool:
        """Whether a part may not be in a group of these parts."""
        node = self.nodes[index]
        return any(
            (node, other) in self.pairs or (other, node) in self.pairs for other in {self.nodes[i] for i in members}
        )


def bans_of(parts: Sequence[Part], episodes: Sequence[HeardEpisode], homes: Homes, heard: Clips) -> Bans:
    """Who may not be joined: local speakers who talk at once; clips that left a speaker, and that speaker."""
    names: dict[str | int, int] = {}
    nodes = [names.setdefault(each.id or index, len(names)) for index, each in enumerate(parts)]
    where: dict[tuple[str, str], set[int]] = {}
    pairs: set[tuple[int, int]] = set()
    for node, each in zip(nodes, parts, strict=True):
        for row in each.rows:
            clip = heard.clips[row]
            if each.counts:
                where.setdefault((clip.episode, clip.speaker), set()).add(node)
            if clip.id in homes.moved and homes.moved[clip.id].speaker in names:
                pairs.add((node, names[homes.moved[clip.id].speaker]))
    for episode in episodes:
        for one, other in _together(episode):
            pairs |= {
                (i, j)
                for i in where.get((episode.episode, one), ())
                for j in where.get((episode.episode, other), ())
                if i != j
            }
    return Bans(nodes=nodes, pairs=frozenset(pairs))


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
