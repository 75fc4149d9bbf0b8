"""Hearsay: what subtitles and cast lists say about who a speaker is. Evidence beside the voice, never instead of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tasks.domain import HeardEpisode, Speaker
from tasks.episodes.subtitles import Cue
from tasks.speakers.names import whose

NAMED_SECONDS = 3.0
"""Speech under a name, at least, for the name to say anything."""
NAMED_SHARE = 0.7
"""Of a speaker's speech under any name, what one name must have."""

ON_LISTS = 0.8
"""Of the cast lists of a speaker's episodes, those that a character must be on; a list may lack a name."""


@dataclass(frozen=True, kw_only=True)
class Hint:
    """What is said about one speaker. `named`: character ("" for anybody else) -> seconds of speech under the name.
    `possible`: the characters on most cast lists of the speaker's episodes; None where an episode has no list."""

    named: Mapping[str, float] = field(default_factory=dict)
    possible: frozenset[str] | None = None

    @property
    def name(self) -> str | None:
        """Whom most of the names mean; None where they do not agree, or hardly name anybody."""
        total = sum(self.named.values())
        best = max(self.named, key=lambda each: self.named[each], default=None)
        return best if best is not None and self.named[best] >= max(NAMED_SECONDS, NAMED_SHARE * total) else None


def hints_of(
    speakers: Sequence[Speaker],
    episodes: Sequence[HeardEpisode],
    cues: Mapping[str, Sequence[Cue]],
    casts: Mapping[str, frozenset[str]],
    names: Mapping[str, str],
) -> dict[str, Hint]:
    """Speaker -> what is said; `cues` and `casts` by episode, `names` as `character_names` gives them."""
    owner = {clip: speaker.id for speaker in speakers for clip in speaker.clips}
    named: dict[str, dict[str, float]] = {}
    for episode in episodes:
        said = sorted(
            (cue.start, cue.end, whose(cue.speaker_name, names) or "")
            for cue in cues.get(episode.episode, ())
            if cue.speaker_name and cue.kind == "dialogue"
        )
        for clip in episode.clips:
            for start, end, name in said:
                if start >= clip.end:
                    break
                shared = min(clip.end, end) - max(clip.start, start)
                if shared > 0 and clip.id in owner:
                    found = named.setdefault(owner[clip.id], {})
                    found[name] = found.get(name, 0.0) + shared
    return {
        speaker.id: Hint(named=named.get(speaker.id, {}), possible=_possible(speaker, casts))
        for speaker in speakers
        if speaker.clips
    }


def _possible(speaker: Speaker, casts: Mapping[str, frozenset[str]]) -> frozenset[str] | None:
    lists = [casts[episode] for episode in speaker.episodes if episode in casts]
    if not lists or len(lists) < len(speaker.episodes):
        return None
    counts = Counter(character for each in lists for character in each)
    return frozenset(character for character, count in counts.items() if count >= ON_LISTS * len(lists))
