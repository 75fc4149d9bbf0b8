"""What a person said on the label sheet, and how it becomes one decision."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from tasks.labelling.decisions import Decision, How, Label, Labels, decide, undone
from tasks.labelling.label_rules import check, seen
from tasks.labelling.labels import LabelsError, Overtaken, history, load, record, undo
from tasks.series import SLUG
from tasks.speakers.casting import Cast, recast
from tasks.studio import Studio

LONGEST_NAME = 80


@dataclass(frozen=True, kw_only=True)
class SheetAnswer:
    """A sheet, handed in. `id`: made by the page, so that an answer sent twice decides once.

    `labels`: only speakers the person decided about; `before`: the decision that counted for each of them
    when the person saw it; `rejected`: clips that are to be used for nobody; `split`: speaker -> clips that are
    somebody else's; `parts`: speaker -> the character those clips are of, where the person said so; `later`:
    speakers that were skipped. `series` and `version` say which sheet it was, and of which labels.
    """

    id: str
    who: str
    labels: dict[str, str] = field(default_factory=dict)
    before: dict[str, str | None] = field(default_factory=dict)
    rejected: tuple[str, ...] = ()
    split: dict[str, tuple[str, ...]] = field(default_factory=dict)
    parts: dict[str, str] = field(default_factory=dict)
    later: tuple[str, ...] = ()
    series: str = ""
    version: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[0-9a-f]{12}", self.id):
            raise ValueError(f"an answer's id is 12 hex digits, got {self.id!r}")
        if not 0 < len(self.name) <= LONGEST_NAME or not self.name.isprintable():
            raise ValueError(f"it needs the name of who decided, in at most {LONGEST_NAME} characters")
        if self.labels.keys() - self.before.keys():
            raise ValueError("it does not say what was seen of every speaker it labels")
        if self.parts.keys() - self.split.keys():
            raise ValueError("it names a character for clips that it does not split off")

    @property
    def name(self) -> str:
        """Who decided, on one line; the wide space between Japanese names becomes a plain one."""
        return " ".join(self.who.split())

    @property
    def says_nothing(self) -> bool:
        return not (self.labels or self.rejected or self.split)


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What came of an answer. `decisions`: their ids; `cast`: as it is now; `conflicts`: what was left out -> why."""

    labels: Labels
    cast: Cast
    decisions: tuple[str, ...] = ()
    conflicts: dict[str, str] = field(default_factory=dict)


def take_answer(studio: Studio, cast: Cast, answer: SheetAnswer, how: How = "sheet") -> Taken:
    """Record an answer, once however often it is given.

    Raises LabelsError for what cannot be, and Overtaken, recording nothing, if somebody else decided about one of
    the same speakers since this person saw it.
    """
    store, series = studio.store, studio.series.series
    if any(each.id == answer.id for each in history(store, series)):
        return _parted(studio, cast, answer, how)
    if answer.series not in ("", series):
        raise LabelsError(f"this is an answer to the sheet of {answer.series!r}, and not of {series!r}")
    new = sorted({*answer.labels.values(), *answer.parts.values()} - set(studio.series.characters))
    wrong = [each for each in new if not re.fullmatch(SLUG, each)]
    if wrong:
        raise LabelsError(f"{wrong[0]!r} cannot be a character's id; it may hold only a-z, 0-9, _ and -")
    known = [*studio.series.characters, *new]
    speakers = [each.id for each in cast.speakers]
    check(answer.labels, speakers, known)
    check(answer.parts, speakers, known)
    unknown = unknown_clips(cast, answer)
    if unknown:
        raise LabelsError(next(iter(unknown.values())))
    if answer.says_nothing:
        return Taken(labels=load(store, series), cast=cast)
    decision = decide(answer.name, how, answer.labels, rejected=answer.rejected, suggestions=cast.suggestions)
    record(store, series, replace(decision, id=answer.id, split=answer.split), seen=answer.before)
    return _parted(studio, cast, answer, how)


def _parted(studio: Studio, cast: Cast, answer: SheetAnswer, how: How) -> Taken:
    """What follows a recorded answer: clips that were taken out have another speaker, who may have been named."""
    store, series = studio.store, studio.series.series
    if not answer.split:
        return Taken(labels=load(store, series), cast=cast, decisions=(answer.id,))
    cast, labels = recast(studio), load(store, series)
    owner = {clip: speaker.id for speaker in cast.speakers for clip in speaker.clips}
    said, conflicts = dict[str, str](), dict[str, str]()
    for whole, character in answer.parts.items():
        for speaker in {owner[clip] for clip in answer.split[whole] if clip in owner} - {whole}:
            label = labels.speakers.get(speaker)
            if label is None or label.how == "auto":
                said[speaker] = character
            elif label.character != character:
                conflicts[speaker] = f"clips of {whole} are its now, and {label.who} said it is {label.character}"
    id = second_id(answer.id)
    if not said or any(each.id == id for each in history(store, series)):
        return Taken(labels=labels, cast=cast, decisions=(answer.id,), conflicts=conflicts)
    decision = replace(decide(answer.name, how, said, suggestions=cast.suggestions), id=id)
    labels = record(store, series, decision, seen=seen(labels, said))
    return Taken(labels=labels, cast=cast, decisions=(answer.id, id), conflicts=conflicts)


def second_id(answer: str) -> str:
    """The id of the decision that names speakers who came of an answer's split."""
    return hashlib.sha256(f"{answer} parts".encode()).hexdigest()[:12]


def take_back(studio: Studio, decision: str, who: str, how: How = "sheet") -> Labels:
    """Take an answer back, and all that followed it; clips that were taken out are their first speaker's again."""
    store, series = studio.store, studio.series.series
    known = {each.id: each for each in history(store, series)}
    gone = undone(known.values())
    labels = undo(store, series, decision, who, how)
    second = second_id(decision)
    if second in known and second not in gone:
        labels = undo(store, series, second, who, how)
    if _moves(known, decision):
        recast(studio)
    return labels


def _moves(known: Mapping[str, Decision], decision: str | None) -> bool:
    """Whether a decision, or the one that it takes back, takes clips out of a speaker."""
    while decision is not None and decision in known:
        if known[decision].split:
            return True
        decision = known[decision].undoes
    return False


def take_what_stands(studio: Studio, cast: Cast, answer: SheetAnswer) -> Taken:
    """Record an answer of somebody who cannot be asked again: all of it but what was overtaken since they saw it.

    Raises LabelsError for what cannot be.
    """
    taken_before = any(each.id == answer.id for each in history(studio.store, studio.series.series))
    conflicts = {} if taken_before else dict(unknown_clips(cast, answer))
    rest = _without_clips(answer, conflicts)
    while True:
        try:
            taken = take_answer(studio, cast, rest)
            return replace(taken, conflicts=conflicts | taken.conflicts)
        except Overtaken as error:
            conflicts |= _told(rest.labels, error.news)
            kept = {speaker: each for speaker, each in rest.labels.items() if speaker not in error.news}
            rest = replace(rest, labels=kept)


def _told(said: Mapping[str, str], news: Mapping[str, Label]) -> dict[str, str]:
    return {
        speaker: f"this says {said[speaker]}, but {label.who} said {label.character} on {label.when[:10]}"
        for speaker, label in news.items()
        if label.character != said[speaker]
    }


def unknown_clips(cast: Cast, answer: SheetAnswer) -> dict[str, str]:
    """Clips an answer names that the cast does not have, or has elsewhere -> what is wrong with them."""
    owner = {clip: speaker.id for speaker in cast.speakers for clip in speaker.clips}
    wrong = {clip: f"no speaker of this series has the clip {clip!r}" for clip in answer.rejected if clip not in owner}
    for speaker, clips in answer.split.items():
        for clip in clips:
            if owner.get(clip) != speaker:
                wrong[clip] = f"the clip {clip!r} is no clip of {speaker} (it is of {owner.get(clip, 'nobody')})"
    return wrong


def _without_clips(answer: SheetAnswer, clips: Collection[str]) -> SheetAnswer:
    split = {speaker: tuple(each for each in own if each not in clips) for speaker, own in answer.split.items()}
    split = {speaker: own for speaker, own in split.items() if own}
    return replace(
        answer,
        rejected=tuple(each for each in answer.rejected if each not in clips),
        split=split,
        parts={speaker: each for speaker, each in answer.parts.items() if speaker in split},
    )
