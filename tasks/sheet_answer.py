"""What a person said on the label sheet, and how it becomes one decision."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from tasks.casting import Cast
from tasks.label_rules import check
from tasks.labels import Label, Labels, LabelsError, Overtaken, decide, history, load, record
from tasks.series import SLUG
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
    """What came of an answer. `conflicts`: what was not recorded -> why."""

    labels: Labels
    conflicts: dict[str, str] = field(default_factory=dict)


def take_answer(studio: Studio, cast: Cast, answer: SheetAnswer) -> Labels:
    """Record an answer; gives the labels that count then.

    Raises LabelsError for what cannot be, and Overtaken, recording nothing, if somebody else decided about one of
    the same speakers since this person saw it.
    """
    store, series = studio.store, studio.series.series
    if any(each.id == answer.id for each in history(store, series)):
        return load(store, series)
    if answer.series not in ("", series):
        raise LabelsError(f"this is an answer to the sheet of {answer.series!r}, and not of {series!r}")
    new = sorted({*answer.labels.values(), *answer.parts.values()} - set(studio.series.characters))
    wrong = [each for each in new if not re.fullmatch(SLUG, each)]
    if wrong:
        raise LabelsError(f"{wrong[0]!r} cannot be a character's id; it may hold only a-z, 0-9, _ and -")
    known = [*studio.series.characters, *new]
    check({**answer.labels, **answer.parts}, [each.id for each in cast.speakers], known)
    unknown = unknown_clips(cast, answer)
    if unknown:
        raise LabelsError(next(iter(unknown.values())))
    if answer.says_nothing:
        return load(store, series)
    decision = decide(answer.name, "sheet", answer.labels, rejected=answer.rejected, suggestions=cast.suggestions)
    return record(store, series, replace(decision, id=answer.id), seen=answer.before)


def take_what_stands(studio: Studio, cast: Cast, answer: SheetAnswer) -> Taken:
    """Record an answer of somebody who cannot be asked again: all of it but what was overtaken since they saw it.

    Raises LabelsError for what cannot be.
    """
    conflicts = dict(unknown_clips(cast, answer))
    rest = _without_clips(answer, conflicts)
    while True:
        try:
            return Taken(labels=take_answer(studio, cast, rest), conflicts=conflicts)
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
