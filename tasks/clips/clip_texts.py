"""Which words belong to which clip: subtitles are shown about when a line is spoken, and cut elsewhere than clips.

A wrong text is worse than none to whoever learns from it, so a clip that holds
only a part of a line, or speech that no line tells, has no text.
"""

from __future__ import annotations

from collections.abc import Sequence

from tasks.domain import EpisodeClip
from tasks.episodes.subtitles import Cue

_MAINLY = 0.8
"""Share of a line's time in clips that must be in one clip for the line to be that clip's."""
_TOUCHED = 0.1
"""Share of a line's time in clips under which another clip only meets its edge."""
_TOLD = 0.5
"""Share of a clip that its lines must cover."""


def texts_of(clips: Sequence[EpisodeClip], cues: Sequence[Cue]) -> dict[str, str]:
    """Clip -> its text, for the clips of one episode; clips without a text that is certain are left out."""
    ordered = sorted(clips, key=lambda clip: clip.start)
    whole: dict[str, list[Cue]] = {}
    parted: set[str] = set()
    for cue in sorted((each for each in cues if each.kind == "dialogue"), key=lambda each: (each.start, each.end)):
        shared = {clip.id: _shared(clip, cue) for clip in ordered if clip.start < cue.end and clip.end > cue.start}
        total = sum(shared.values())
        for clip, seconds in shared.items():
            if seconds >= _MAINLY * total:
                whole.setdefault(clip, []).append(cue)
            elif seconds >= _TOUCHED * total:
                parted.add(clip)
    return {
        clip.id: " ".join(cue.text for cue in whole[clip.id])
        for clip in ordered
        if clip.id in whole and clip.id not in parted and _told(clip, whole[clip.id])
    }


def _shared(clip: EpisodeClip, cue: Cue) -> float:
    return min(clip.end, cue.end) - max(clip.start, cue.start)


def _told(clip: EpisodeClip, cues: Sequence[Cue]) -> bool:
    """Whether lines are shown during most of the clip, and none of them mostly outside of it."""
    since, covered = clip.start, 0.0
    for cue in cues:
        covered += max(0.0, min(clip.end, cue.end) - max(since, cue.start))
        since = max(since, cue.end)
    return covered >= _TOLD * clip.duration
