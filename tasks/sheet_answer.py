"""What a person said on the label sheet, and how it becomes one decision."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from tasks.casting import Cast
from tasks.label_rules import check
from tasks.labels import Labels, LabelsError, decide, history, load, record
from tasks.series import SLUG
from tasks.studio import Studio

LONGEST_NAME = 80


@dataclass(frozen=True, kw_only=True)
class SheetAnswer:
    """A sheet, handed in. `id`: made by the page, so that an answer sent twice decides once.

    `labels`: only speakers the person decided about; `before`: the decision that counted for each of them
    when the person saw it; `rejected`: clips that are to be used for nobody; `later`: speakers that were skipped.
    """

    id: str
    who: str
    labels: dict[str, str] = field(default_factory=dict)
    before: dict[str, str | None] = field(default_factory=dict)
    rejected: tuple[str, ...] = ()
    later: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[0-9a-f]{12}", self.id):
            raise ValueError(f"an answer's id is 12 hex digits, got {self.id!r}")
        if not 0 < len(self.name) <= LONGEST_NAME or not self.name.isprintable():
            raise ValueError(f"it needs the name of who decided, in at most {LONGEST_NAME} characters")
        if self.labels.keys() - self.before.keys():
            raise ValueError("it does not say what was seen of every speaker it labels")

    @property
    def name(self) -> str:
        """Who decided, on one line; the wide space between Japanese names becomes a plain one."""
        return " ".join(self.who.split())


def take_answer(studio: Studio, cast: Cast, answer: SheetAnswer) -> Labels:
    """Record an answer; gives the labels that count then.

    Raises LabelsError for what cannot be, and Overtaken, recording nothing, if somebody else decided about one of
    the same speakers since this person saw it.
    """
    store, series = studio.store, studio.series.series
    if any(each.id == answer.id for each in history(store, series)):
        return load(store, series)
    new = sorted(set(answer.labels.values()) - set(studio.series.characters))
    wrong = [each for each in new if not re.fullmatch(SLUG, each)]
    if wrong:
        raise LabelsError(f"{wrong[0]!r} cannot be a character's id; it may hold only a-z, 0-9, _ and -")
    check(answer.labels, [each.id for each in cast.speakers], [*studio.series.characters, *new])
    _check_clips(cast, answer.rejected)
    if not answer.labels and not answer.rejected:
        return load(store, series)
    decision = decide(answer.name, "sheet", answer.labels, rejected=answer.rejected, suggestions=cast.suggestions)
    return record(store, series, replace(decision, id=answer.id), seen=answer.before)


def _check_clips(cast: Cast, clips: Sequence[str]) -> None:
    unknown = set(clips) - {clip for speaker in cast.speakers for clip in speaker.clips}
    if unknown:
        raise LabelsError(f"no speaker of this series has the clip {min(unknown)!r}")
