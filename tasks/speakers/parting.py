"""Setting apart: a part of an accepted speaker that is one voice by itself, and not the rest's.

Linking compares parts with each other, and a walk-on in one scene can be as like a character's scenes as those are to
each other. What tells it is that its own clips are far more alike than they are like the rest. Nobody is asked about
an accepted speaker, so such a part becomes a speaker of its own: out of the data sets, and a question where it is
worth one, until a person says who it is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from tasks.domain import EpisodeClip, HeardEpisode, Reference, Speaker, Suggestion
from tasks.labelling.decisions import Labels
from tasks.speakers.agglomeration import agglomerate
from tasks.speakers.cast import Rule, rule_for, suggest
from tasks.speakers.embedding_models import rule_of
from tasks.speakers.guests import without_guests
from tasks.speakers.hearsay import Hint
from tasks.speakers.learnt import by_people, calibrated, learnt_references
from tasks.speakers.linking import all_clips
from tasks.speakers.voice_parts import Clips, LinkRule, groups_of, part

APART = {"resemblyzer": 0.15}
"""By how much more alike the clips of a part must be than they are like the rest of the speaker (mean cosines), by the
first word of the model's name: of 522 parts of characters, real and made, none was. No other model was measured."""
Hints = Callable[[Sequence[Speaker]], Mapping[str, Hint]]


@dataclass(frozen=True, kw_only=True)
class Judge:
    """Who speakers may be, by all that is known; `hints`: by speaker, what subtitles and cast lists say."""

    heard: Sequence[HeardEpisode]
    references: Sequence[Reference]
    rule: Rule
    hints: Hints | None = None

    @cached_property
    def clips(self) -> Clips:
        return all_clips(self.heard)

    @cached_property
    def rows(self) -> dict[str, int]:
        return {clip.id: row for row, clip in enumerate(self.clips.clips)}

    @property
    def model(self) -> str:
        return next((each.model for each in self.heard if each.clips), "")

    @cached_property
    def link_rule(self) -> LinkRule:
        return rule_of(self.clips, self.model)

    def suggest(self, speakers: Sequence[Speaker]) -> tuple[Suggestion, ...]:
        return suggest(speakers, self.heard, self.references, self.rule, self.hints(speakers) if self.hints else None)

    def apart(self, part: Sequence[str], rest: Sequence[str]) -> bool:
        """Whether clips are one voice by themselves, and far from the rest; a single clip says nothing."""
        least = APART.get(self.model.partition(" ")[0])
        if least is None or len(part) < 2 or not rest:
            return False
        own, others = (self.clips.vectors[[self.rows[clip] for clip in each]].astype(np.float64).sum(axis=0)
                       for each in (part, rest))  # fmt: skip
        within = (float(own @ own) - len(part)) / (len(part) * (len(part) - 1))
        return within - float(own @ others) / (len(part) * len(rest)) >= least


@dataclass(frozen=True, kw_only=True, eq=False)
class _Piece:
    """A speaker's clips of one local speaker, as a speaker; `new`: of an episode that no speaker was known in."""

    speaker: str
    as_speaker: Speaker
    new: bool


def who_is_who(
    linked: Sequence[Speaker],
    previous: Sequence[Speaker],
    heard: Sequence[HeardEpisode],
    labels: Labels,
    references: Sequence[Reference],
    hints: Hints | None = None,
    min_seconds: float = 5.0,
) -> tuple[tuple[Speaker, ...], tuple[Suggestion, ...]]:
    """Speakers, with what is in doubt set apart, and who each may be: by references, by what people approved of
    `previous` and, for the suggestions, of all.

    What is new of a speaker is no example of it before it is judged itself.
    """

    def judge(speakers: Sequence[Speaker]) -> Judge:
        known = (*references, *learnt_references(heard, speakers, labels, references))
        model = next((each.model for each in heard if each.clips), "")
        rule = calibrated(rule_for(model), heard, speakers, labels, known)
        return Judge(heard=heard, references=known, rule=rule, hints=hints)

    here = {clip for each in previous for clip in each.clips}
    before = [replace(each, clips=tuple(clip for clip in each.clips if clip in here)) for each in linked]
    said = {name: each.character for name, each in by_people(labels).speakers.items()}
    speakers = set_apart(linked, judge(before), previous=previous, said=said, min_seconds=min_seconds)
    now = judge(speakers)
    suggestions = _asked(speakers, now.suggest(speakers))
    return speakers, without_guests(speakers, suggestions, said, now.clips, now.model, now.link_rule)


def _asked(speakers: Sequence[Speaker], suggestions: Sequence[Suggestion]) -> tuple[Suggestion, ...]:
    """Suggestions; whom linking found and references accept is a question all the same where it was set apart."""
    apart = {each.id for each in speakers if each.apart}
    return tuple(
        replace(each, band="ask") if each.speaker in apart and each.band == "accept" else each for each in suggestions
    )


def set_apart(
    speakers: Sequence[Speaker],
    judge: Judge,
    *,
    previous: Sequence[Speaker] = (),
    said: Mapping[str, str] | None = None,
    min_seconds: float = 5.0,
) -> tuple[Speaker, ...]:
    """The speakers, with what is in doubt within accepted ones as speakers of their own, under the next ids.

    `said`: speaker -> character, by people: of theirs only new episodes are looked at, since a person's word holds for
    what it was said of. A part is what one local speaker of an episode said, of `min_seconds` at least; of less,
    linking is believed, and verdicts tell clip by clip. In doubt is never the part that references support most, nor
    one whom subtitles name. Alike parts of one speaker become one. Nothing comes back by itself.
    """
    said, before = said or {}, {each.id: each.apart for each in previous}
    speakers = [replace(each, apart=before.get(each.id)) for each in speakers]
    whom = {each.speaker: said.get(each.speaker) or _accepted(each) for each in judge.suggest(speakers)}
    known = {clip.rpartition("/")[0] for each in previous for clip in (*each.clips, *each.absent)}
    clips = {clip.id: clip for clip in judge.clips.clips}
    whole = {each.id: each.clips for each in speakers}
    pieces = [piece for each in speakers if whom[each.id] for piece in _pieces(each, clips, known)]
    found = dict(zip(pieces, judge.suggest([piece.as_speaker for piece in pieces]), strict=True))
    most: dict[str, float] = {}
    for piece, each in found.items():
        if each.character == whom[piece.speaker]:
            most[piece.speaker] = max(most.get(piece.speaker, 0.0), each.score)
    doubtful = [
        piece
        for piece, each in found.items()
        if (piece.new or piece.speaker not in said)
        and piece.as_speaker.seconds >= min_seconds
        and each.score < most.get(piece.speaker, 0.0)
        and each.named != whom[piece.speaker]
        and judge.apart(piece.as_speaker.clips, _rest(whole[piece.speaker], piece, clips))
    ]
    return _with(speakers, [*_joined(doubtful, judge)], clips) if doubtful else tuple(speakers)


def _accepted(suggestion: Suggestion) -> str | None:
    return suggestion.character if suggestion.band == "accept" else None


def _rest(whole: Sequence[str], piece: _Piece, clips: Collection[str]) -> list[str]:
    own = {*piece.as_speaker.clips}
    return [clip for clip in whole if clip in clips and clip not in own]


def _pieces(speaker: Speaker, clips: Mapping[str, EpisodeClip], known: Collection[str]) -> Iterator[_Piece]:
    homes: dict[tuple[str, str], list[EpisodeClip]] = {}
    for clip in (clips[each] for each in speaker.clips if each in clips):
        homes.setdefault((clip.episode, clip.speaker), []).append(clip)
    for (episode, local), own in homes.items() if len(homes) > 1 else ():
        yield _Piece(
            speaker=speaker.id,
            as_speaker=_of(f"{speaker.id} {episode} {local}", [clip.id for clip in own], clips, speaker.id),
            new=episode not in known,
        )


def _of(name: str, own: Sequence[str], clips: Mapping[str, EpisodeClip], apart: str | None) -> Speaker:
    there = [clips[each] for each in own if each in clips]
    return Speaker(
        id=name,
        clips=tuple(sorted(own)),
        episodes=tuple(sorted({each.episode for each in there})),
        seconds=round(sum(each.duration for each in there), 3),
        apart=apart,
    )


def _joined(doubtful: Sequence[_Piece], judge: Judge) -> Iterator[tuple[str, list[str]]]:
    """The clips that leave a speaker, in groups that are one voice: the speaker, and the clips' ids."""
    rule = judge.link_rule
    of_speaker: dict[str, list[_Piece]] = {}
    for piece in doubtful:
        of_speaker.setdefault(piece.speaker, []).append(piece)
    for speaker, own in of_speaker.items():
        parts = [
            part(judge.clips, [judge.rows[clip] for clip in each.as_speaker.clips], (each.as_speaker.id, ""))
            for each in own
        ]
        groups = agglomerate(groups_of(parts, rule), rule.join, range(len(parts)), [False] * len(parts))
        for group in groups:
            yield speaker, [clip for index in group for clip in own[index].as_speaker.clips]


def _with(
    speakers: Sequence[Speaker], leaving: Sequence[tuple[str, list[str]]], clips: Mapping[str, EpisodeClip]
) -> tuple[Speaker, ...]:
    last = max(int(each.id[1:]) for each in speakers)
    gone = {clip for _, own in leaving for clip in own}
    moved = {clip: why for each in speakers for clip, why in each.moved.items()}
    new = [
        replace(
            _of(f"S{number:03d}", own, clips, speaker),
            moved={clip: moved[clip] for clip in sorted(own) if clip in moved},
        )
        for number, (speaker, own) in enumerate(sorted(leaving, key=lambda each: min(each[1])), start=last + 1)
    ]
    staying = [
        replace(
            _of(each.id, [clip for clip in each.clips if clip not in gone], clips, each.apart),
            absent=each.absent,
            moved={clip: why for clip, why in each.moved.items() if clip not in gone},
        )
        if gone.intersection(each.clips)
        else each
        for each in speakers
    ]
    return (*staying, *new)
