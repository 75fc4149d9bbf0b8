"""Identities carried over to an episode that was cut anew, by the places of its clips."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from tasks.domain import EpisodeClip
from tasks.speakers.splits import Homes
from tasks.speakers.voice_parts import Clips, Part

CARRIED = 0.6
"""Of the known clips at a part's place, the share that must be one speaker's for the part to be that speaker."""
SPLIT = "split"
"""In place of an episode: the home of clips that a person took out of a speaker."""


def carried(heard: Clips, parts: Sequence[Part], homes: Homes) -> list[Part]:
    """New parts that lie where known clips lay before their episode was cut anew, under those clips' identity."""
    places = _places(homes.known, heard)
    if not places:
        return list(parts)
    found = []
    for each in parts:
        votes = Counter(id for row in each.rows for id in _known_in(heard.clips[row], places))
        id, count = votes.most_common(1)[0] if votes else ("", 0)
        sure = each.home[0] != SPLIT and 2 * votes.total() >= len(each.rows) and count >= CARRIED * votes.total()
        found.append(replace(each, id=id) if id and sure else each)
    return found


def _places(known: Mapping[str, str], heard: Clips) -> dict[str, list[tuple[float, str]]]:
    """For each episode that was cut anew: where known clips began (seconds), and whose they were."""
    here, episodes = {clip.id for clip in heard.clips}, {clip.episode for clip in heard.clips}
    places: dict[str, list[tuple[float, str]]] = {}
    for clip, id in known.items():
        said = re.fullmatch(r"(.+)/(\d{8})", clip)
        if said and clip not in here and said[1] in episodes:
            places.setdefault(said[1], []).append((int(said[2]) / 1000, id))
    return {episode: sorted(each) for episode, each in places.items()}


def _known_in(clip: EpisodeClip, places: Mapping[str, list[tuple[float, str]]]) -> list[str]:
    begun = places.get(clip.episode, [])
    first, last = (bisect_left(begun, (time, "")) for time in (clip.start - 0.1, clip.end))
    return [id for _, id in begun[first:last]]
