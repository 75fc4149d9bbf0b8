"""Splits: a person marked clips of a speaker as somebody else; linking honours it for ever.

Marked clips leave, and so do the speaker's other clips that sound like them. Taking the decision back brings all
of them home. Where they go, the voice says: to another speaker, or to a new one; never back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tasks.domain import Moved, Speaker
from tasks.speakers.voice_parts import Clips, by_voice

LEAD = 0.08
"""Mean cosine by which a clip must be nearer to one marked clip than to the rest, to leave with it; to several, less
by the root of their number, as chance is."""


@dataclass(frozen=True, kw_only=True)
class Homes:
    """Where known clips are: clip -> speaker. `moved`: clips that left a speaker, and why; those of them that are
    in no home have to be joined to somebody."""

    known: dict[str, str]
    moved: dict[str, Moved]


def homes_of(previous: Sequence[Speaker], marked: Mapping[str, Sequence[str]], heard: Clips, split: float) -> Homes:
    """Where clips are after people's splits (`marked`: speaker -> clips that are somebody else)."""
    known = {clip: each.id for each in previous for clip in (*each.clips, *each.absent)}
    standing = {speaker: set(clips) for speaker, clips in marked.items()}
    moved: dict[str, Moved] = {}
    for clip, why in [pair for each in previous for pair in each.moved.items()]:
        if why.like in standing.get(why.speaker, ()):
            moved[clip] = why
        else:
            known[clip] = why.speaker
    for speaker, clips in sorted(standing.items()):
        leaving = _leaving(speaker, [clip for clip in sorted(clips) if known.get(clip) == speaker], known, heard, split)
        moved |= leaving
        for clip in leaving:
            del known[clip]
    return Homes(known=known, moved=moved)


def _leaving(
    speaker: str, marks: Sequence[str], known: Mapping[str, str], heard: Clips, split: float
) -> dict[str, Moved]:
    """The marked clips, and the others of the speaker that are nearer to those than to the rest."""
    at = {clip.id: row for row, clip in enumerate(heard.clips) if known.get(clip.id) == speaker}
    gone = {clip: Moved(speaker=speaker, like=clip) for clip in marks}
    marked, rest = [at[clip] for clip in marks if clip in at], [at[clip] for clip in at if clip not in gone]
    if not marked or len(rest) < 2:
        return gone
    voices = by_voice(heard, marked, split)
    vectors = heard.vectors[rest].astype(np.float64)
    lead = LEAD / np.sqrt([len(voice) for voice in voices])
    near = np.stack([vectors @ heard.vectors[voice].mean(axis=0, dtype=np.float64) for voice in voices], axis=1) - lead
    follow = np.zeros(len(rest), bool)
    for _ in range(3):
        staying = vectors[~follow].sum(axis=0)
        others = np.maximum((~follow).sum() - (~follow), 1)
        stay = (vectors @ staying - np.where(follow, 0.0, 1.0)) / others
        follow = near.max(axis=1) > stay
        if follow.all():
            return gone
    for row, leaves, voice in zip(rest, follow, near.argmax(axis=1), strict=True):
        if leaves:
            gone[heard.clips[row].id] = Moved(speaker=speaker, like=heard.clips[voices[voice][0]].id)
    return gone
