"""Who speaks when, over a whole series: an episode's turns with the names that linking gave."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence

from containers.contract.stages import Turn
from tasks.domain import EpisodeClip, Speaker


def turns_of_speakers(
    turns: Sequence[Turn], clips: Sequence[EpisodeClip], speakers: Sequence[Speaker]
) -> tuple[Turn, ...]:
    """An episode's turns with the series' speakers (S001) in place of the episode's (SPEAKER_00).

    A turn takes the speaker of the clip that covers most of it; one without a clip, whoever its
    episode's speaker mostly is; one that nothing is known of keeps its name.
    """
    speaker_of = {clip: each.id for each in speakers for clip in each.clips}
    known = sorted((clip for clip in clips if clip.id in speaker_of), key=lambda clip: clip.start)
    mostly = _mostly(known, speaker_of)
    ends = [clip.end for clip in known]
    named = []
    for turn in turns:
        best, longest = mostly.get(turn.speaker, turn.speaker), 0.0
        for clip in known[bisect_right(ends, turn.start) :]:
            if clip.start >= turn.end:
                break
            shared = min(clip.end, turn.end) - max(clip.start, turn.start)
            if clip.speaker == turn.speaker and shared > longest:
                best, longest = speaker_of[clip.id], shared
        named.append(Turn(start=turn.start, end=turn.end, speaker=best))
    return tuple(named)


def _mostly(clips: Iterable[EpisodeClip], speaker_of: Mapping[str, str]) -> dict[str, str]:
    """Episode's speaker -> the speaker of the series with most seconds of its clips."""
    seconds: dict[str, dict[str, float]] = {}
    for clip in clips:
        shares = seconds.setdefault(clip.speaker, {})
        shares[speaker_of[clip.id]] = shares.get(speaker_of[clip.id], 0.0) + clip.duration
    return {local: max(sorted(shares), key=shares.__getitem__) for local, shares in seconds.items()}
