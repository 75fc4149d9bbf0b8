"""Linking: the speakers of all episodes become speakers of the series.

Diarization names people within one episode (SPEAKER_00); here the same voice
in other episodes gets one identity (S001) that stays. Who that is in the
story is decided in `cast` and by a human, not here.

Method: local speakers are split into voices (`voice_parts`), the parts of all
episodes are joined bottom-up (`agglomeration`). Parts of speakers who talk at
the same time are never joined (`bans`), and two known identities never become one.
Where an episode was cut anew, its speakers keep their ids (`carrying`).
What people said holds: clips they marked as somebody else stay away
(`splits`), and one actor's two roles stay two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tasks.domain import EpisodeClip, HeardEpisode, Moved, Speaker
from tasks.speakers.agglomeration import agglomerate
from tasks.speakers.bans import Bans, bans_of
from tasks.speakers.carrying import SPLIT, carried
from tasks.speakers.embedding_models import one_model, rule_of
from tasks.speakers.settling import give_back, settle
from tasks.speakers.splits import Homes, homes_of
from tasks.speakers.voice_parts import Clips, LinkRule, Part, between_roles, by_voice, groups_of, known_parts, part


@dataclass(frozen=True, kw_only=True)
class Said:
    """What people said that linking has to honour: `characters`, speaker -> character or "nobody"; `split`,
    speaker -> clips that are somebody else."""

    characters: Mapping[str, str] = field(default_factory=dict)
    split: Mapping[str, Sequence[str]] = field(default_factory=dict)


def link(
    episodes: Sequence[HeardEpisode],
    previous: Sequence[Speaker] = (),
    rule: LinkRule | None = None,
    said: Said | None = None,
) -> tuple[Speaker, ...]:
    """Speakers of the series, sorted by id; every clip of `episodes` belongs to exactly one.

    A clip that `previous` knows keeps its speaker, unless a person said otherwise; new clips join one or open the
    next id. Where an episode was cut anew, its speakers keep their ids by the places of their clips. An id is
    never given twice, so a speaker whose clips are all gone stays, empty. Without `rule`, the one of the
    episodes' model. Raises ModelsDiffer.
    """
    model = one_model(episode.model for episode in episodes if episode.clips)
    heard, said = all_clips(episodes), said or Said()
    rule = rule or rule_of(heard, model or "")
    homes = homes_of(previous, said.split, heard, rule.split)
    parts = _parts(heard, homes, said.characters, rule)
    owner = _owners(heard, parts, bans_of(parts, episodes, homes, heard), rule)
    return _speakers(heard, parts, owner, previous, homes)


def all_clips(episodes: Sequence[HeardEpisode]) -> Clips:
    """All clips in order of their ids, whatever order the episodes came in."""
    clips = [clip for episode in episodes for clip in episode.clips]
    order = sorted(range(len(clips)), key=lambda row: clips[row].id)
    full = [episode.vectors for episode in episodes if episode.clips]
    vectors = np.concatenate(full)[order] if full else np.zeros((0, 1), np.float32)
    return Clips(clips=tuple(clips[row] for row in order), vectors=vectors)


def _parts(heard: Clips, homes: Homes, characters: Mapping[str, str], rule: LinkRule) -> list[Part]:
    """Known identities first, by id; then the new clips of each local speaker, by voice and role."""
    known: dict[str, list[int]] = {}
    local: dict[tuple[str, str], list[int]] = {}
    for row, clip in enumerate(heard.clips):
        if clip.id in homes.known:
            known.setdefault(homes.known[clip.id], []).append(row)
        elif clip.id in homes.moved:
            local.setdefault((SPLIT, homes.moved[clip.id].speaker), []).append(row)
        else:
            local.setdefault((clip.episode, clip.speaker), []).append(row)
    fixed = [each for id, rows in sorted(known.items()) for each in known_parts(heard, rows, id, rule)]
    new: list[Part] = []
    for home, rows in local.items():
        for voice in by_voice(heard, rows, rule.split):
            new += [part(heard, piece, home) for piece in between_roles(heard, voice, fixed, characters, rule)]
    return fixed + carried(heard, new, homes)


def _owners(heard: Clips, parts: Sequence[Part], bans: Bans, rule: LinkRule) -> Mapping[int, int]:
    """Row of a clip -> its group, by number."""
    if not parts:
        return {}
    rows = [index for index, each in enumerate(parts) if each.counts]
    found = agglomerate(
        groups_of([parts[index] for index in rows], rule),
        rule.join,
        [bans.nodes[index] for index in rows],
        [parts[index].id is not None for index in rows],
        sorted(bans.pairs),
    )
    groups = [[rows[index] for index in group] for group in found]
    owner = settle(parts, _numbered(parts, groups), bans, rule)
    return give_back(heard, parts, owner, bans, rule)


def _numbered(parts: Sequence[Part], groups: list[list[int]]) -> list[int]:
    """The group of each part, by number; parts of one identity have one."""
    number: dict[str, int] = {}
    owner = [-1] * len(parts)
    for count, group in enumerate(groups):
        id = next((parts[index].id for index in group if parts[index].id), None)
        for index in group:
            owner[index] = number.setdefault(id, count) if id else count
    return [number[each.id] if each.id else owner[index] for index, each in enumerate(parts)]


def _speakers(
    heard: Clips, parts: Sequence[Part], owner: Mapping[int, int], previous: Sequence[Speaker], homes: Homes
) -> tuple[Speaker, ...]:
    names = {owner[each.rows[0]]: each.id for each in parts if each.id is not None}
    members: dict[int, list[EpisodeClip]] = {}
    for row, group in owner.items():
        members.setdefault(group, []).append(heard.clips[row])
    last = max((int(speaker.id[1:]) for speaker in previous), default=0)
    new = sorted((min(clip.id for clip in clips), group) for group, clips in members.items() if group not in names)
    for number, (_, group) in enumerate(new, start=last + 1):
        names[group] = f"S{number:03d}"
    found = {str(names[group]): clips for group, clips in members.items()}
    absent: dict[str, list[str]] = {}
    here = {clip.episode for clip in heard.clips}
    for clip, id in homes.known.items():
        if clip.rpartition("/")[0] not in here:
            absent.setdefault(id, []).append(clip)
    everybody = {speaker.id for speaker in previous} | found.keys()
    return tuple(
        _speaker(name, found.get(name, []), absent.get(name, []), homes.moved)
        for name in sorted(everybody, key=lambda name: int(name[1:]))
    )


def _speaker(name: str, clips: Sequence[EpisodeClip], absent: Sequence[str], moved: Mapping[str, Moved]) -> Speaker:
    ids = sorted(clip.id for clip in clips)
    return Speaker(
        id=name,
        clips=tuple(ids),
        episodes=tuple(sorted({clip.episode for clip in clips})),
        seconds=round(sum(clip.duration for clip in clips), 3),
        absent=tuple(sorted(absent)),
        moved={clip: moved[clip] for clip in [*ids, *sorted(absent)] if clip in moved},
    )
