"""What a person has to hear of a speaker, and whom the speaker could be taken for.

Vectors in, choices out. Few clips have to stand for all: one from each kind
of speech, and the one least like the rest, since a second person hides there.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage

from tasks.domain import EpisodeClip, HeardEpisode, Speaker, Vectors
from tasks.speakers.cast import core

CLIPS = 5
FURTHER = 15
"""Clips that a person may ask for beyond them."""
COMPARED = 400
"""Clips of a speaker that are compared with each other; of more, every n-th."""
ODD = 0.1
"""By how much less than a typical clip (cosine to the speaker's core) one is that is shown as least like the rest."""


@dataclass(frozen=True, kw_only=True)
class Near:
    """Somebody a speaker sounds like (a character or another speaker), by cosine."""

    who: str
    score: float


@dataclass(frozen=True, kw_only=True)
class Voice:
    """A speaker as far as it was heard: clips, the vector of each, and their core."""

    clips: tuple[EpisodeClip, ...]
    vectors: Vectors
    core: Vectors


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """A clip to be heard; `odd`: it is the one least like the rest."""

    clip: EpisodeClip
    odd: bool = False


def voices_of(speakers: Sequence[Speaker], episodes: Sequence[HeardEpisode]) -> dict[str, Voice]:
    """The voice of each speaker of whom a clip was heard."""
    heard = {
        clip.id: (clip, vector)
        for episode in episodes
        for clip, vector in zip(episode.clips, episode.vectors, strict=True)
    }
    voices = {}
    for speaker in speakers:
        own = [heard[clip] for clip in speaker.clips if clip in heard]
        if own:
            vectors = np.stack([vector for _, vector in own])
            seconds = np.array([clip.duration for clip, _ in own])
            voices[speaker.id] = Voice(
                clips=tuple(clip for clip, _ in own), vectors=vectors, core=core(vectors, seconds)
            )
    return voices


def nearest(voices: Mapping[str, Voice], others: Mapping[str, Vectors], count: int) -> dict[str, tuple[Near, ...]]:
    """For each voice the `count` most alike of `others` (name -> vectors), best first; itself is none of them."""
    if not others or not voices:
        return dict.fromkeys(voices, ())
    names = sorted(others)
    scores = np.stack([each.core for each in voices.values()]) @ np.stack([_unit(others[name]) for name in names]).T
    found = {}
    for name, row in zip(voices, scores, strict=True):
        best = [int(each) for each in np.argsort(-row, kind="stable") if names[each] != name][:count]
        found[name] = tuple(Near(who=names[each], score=round(float(row[each]), 4)) for each in best)
    return found


def _unit(vectors: Vectors) -> Vectors:
    mean = np.atleast_2d(vectors).mean(axis=0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-9), np.float32)


def representative(voice: Voice, count: int = CLIPS) -> tuple[Chosen, ...]:
    """At most `count` clips, those of the most common kinds of speech first, the one least like the rest last."""
    places = list(range(0, len(voice.clips), 1 + (len(voice.clips) - 1) // COMPARED))
    worth = {place: _worth(voice.clips[place]) for place in places}
    if len(places) <= count:
        return tuple(Chosen(clip=voice.clips[each]) for each in sorted(places, key=lambda each: -worth[each]))
    near = {place: float(voice.vectors[place] @ voice.core) for place in places}
    last = min(places, key=lambda each: near[each])
    odd = near[last] < float(np.median(list(near.values()))) - ODD
    rest = [each for each in places if each != last] if odd else places
    chosen = [Chosen(clip=voice.clips[each]) for each in _of_each_kind(voice, rest, worth, count - odd)]
    return (*chosen, Chosen(clip=voice.clips[last], odd=True)) if odd else tuple(chosen)


def further(voice: Voice, shown: Collection[str], count: int = FURTHER) -> tuple[EpisodeClip, ...]:
    """More clips of a voice than `shown` (ids), those first that are least like the rest: a second person's."""
    near = voice.vectors @ voice.core
    order = [voice.clips[int(each)] for each in np.argsort(near, kind="stable")]
    return tuple([clip for clip in order if clip.id not in shown][:count])


def _of_each_kind(voice: Voice, places: Sequence[int], worth: Mapping[int, float], count: int) -> list[int]:
    """The clip nearest to the middle of each of `count` groups, a clear and long one before others; largest first."""
    vectors = voice.vectors[list(places)].astype(np.float64)
    kinds = fcluster(linkage(vectors, "ward"), count, "maxclust")
    chosen = []
    for kind in sorted(np.unique(kinds), key=lambda each: (-int((kinds == each).sum()), int(each))):
        inside = np.flatnonzero(kinds == kind)
        middle = vectors[inside] @ vectors[inside].mean(axis=0)
        good = middle + 0.3 * np.array([worth[places[each]] for each in inside])
        chosen.append(places[inside[int(good.argmax())]])
    return chosen


def _worth(clip: EpisodeClip) -> float:
    """How much a listener gets from a clip, 0 to 1: speech all through, and two to eight seconds of it."""
    length = min(clip.duration / 2, 1.0) * min(8 / clip.duration, 1.0)
    return length * clip.measurements.speech_probability
