"""Votes of an audition: which of two was nearer to the character, said without knowing whose they are.

A vote is one immutable object, like a label decision; what they come to is derived. Of somebody who judges the same
two on the same line again, the newest vote counts.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import combinations
from typing import Any, Literal

from containers.contract.codec import canonical, decode
from containers.contract.errors import RequestError
from infra.store import document, parsed, read_many
from tasks.auditions.audition import Audition, trials_of
from tasks.labelling.labels import LabelsError
from tasks.speech.judging import folder_of, interval
from tasks.studio import Studio

SAME = "same"
LONGEST_NAME = 80


class VoteError(LabelsError):
    """A vote that cannot be taken; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Vote:
    """Somebody's vote; `a` and `b` are the contestants of the trial, `nearer` one of them or "same".

    `audition`: identity of what was heard. `time`: UTC, ISO 8601.
    """

    id: str
    time: str
    who: str
    audition: str
    line: str
    a: str
    b: str
    nearer: str

    def __post_init__(self) -> None:
        if self.nearer not in (self.a, self.b, SAME) or self.a == self.b:
            raise ValueError(f"a vote is for one of {self.a} and {self.b}, or for neither, not {self.nearer!r}")


@dataclass(frozen=True, kw_only=True)
class Ballot:
    """What a page sends: the trial's id, and a, b or same. `blind` False: whose they are was shown before."""

    trial: str
    choice: Literal["a", "b", "same"]
    who: str
    blind: bool = True

    def __post_init__(self) -> None:
        if not 0 < len(self.who.strip()) <= LONGEST_NAME or not self.who.isprintable():
            raise ValueError(f"a vote needs the name of who listens, in at most {LONGEST_NAME} characters")


@dataclass(frozen=True, kw_only=True)
class Result:
    """Two contestants: how often the first was nearer, the second, and neither; the first's win rate, a draw being
    half, with its 95 % interval. Votes of one person are taken as independent, which they are not wholly."""

    first: str
    second: str
    won: int
    lost: int
    same: int
    rate: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Taken:
    """How many votes of a file were new, and how many known."""

    new: int
    known: int


def cast_vote(studio: Studio, audition: Audition, ballot: Ballot, id: str = "", now: datetime | None = None) -> Vote:
    """Keep a vote; VoteError for a trial that is not of this audition, and one that was not blind."""
    trial = next((each for each in trials_of(audition) if each.id == ballot.trial), None)
    if trial is None:
        raise VoteError("this audition has no such trial; it was made anew meanwhile, so load the page again")
    if not ballot.blind:
        raise VoteError("whose voices they are was shown already, so this vote does not count; load the page again")
    vote = Vote(
        id=id or uuid.uuid4().hex[:12],
        time=(now or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="microseconds"),
        who=ballot.who.strip(),
        audition=audition.identity,
        line=trial.line,
        a=trial.a,
        b=trial.b,
        nearer={"a": trial.a, "b": trial.b, "same": SAME}[ballot.choice],
    )
    stamp = datetime.fromisoformat(vote.time).strftime("%Y%m%dT%H%M%S.%fZ")
    studio.store.create(f"{folder_of(studio, audition.character)}/votes/{stamp}-{vote.id}.json", document(vote))
    return vote


def cast_votes(studio: Studio, audition: Audition, said: Any, place: str) -> Taken:
    """Keep the votes that a page from disk saved; the same file taken in twice counts once. VoteError: nothing is kept.

    `said`: {"series", "character", "audition", "ballots": [...]}; `place`: how errors name it.
    """
    if not isinstance(said, Mapping) or set(said) != {"series", "character", "audition", "ballots"}:
        raise VoteError(f"{place} holds no votes that an audition's page saved")
    of = (said["series"], said["character"])
    if of != (audition.series, audition.character):
        raise VoteError(f"{place} holds votes on {of[1]} of {of[0]}, not on {audition.character} of {audition.series}")
    try:
        ballots = decode(tuple[Ballot, ...], said["ballots"], "ballots")
    except RequestError as error:
        raise VoteError(f"{place}: {error}") from error
    known = {each.id for each in votes_of(studio, audition.character)}
    trials = {each.id for each in trials_of(audition)}
    ids = [hashlib.sha256(canonical([said["audition"], each]).encode()).hexdigest()[:12] for each in ballots]
    if unusable := [each.trial for each in ballots if each.trial not in trials or not each.blind]:
        raise VoteError(
            f"{place}: trials {', '.join(unusable)} are not of this audition, which was made anew meanwhile"
        )
    fresh = [(id, each) for id, each in zip(ids, ballots, strict=True) if id not in known]
    for id, each in fresh:
        cast_vote(studio, audition, each, id)
    return Taken(new=len(fresh), known=len(ballots) - len(fresh))


def votes_of(studio: Studio, character: str) -> tuple[Vote, ...]:
    """All votes, oldest first."""
    keys = list(studio.store.keys(f"{folder_of(studio, character)}/votes"))
    return tuple(
        decode(Vote, parsed(data, key), key) for key, data in zip(keys, read_many(studio.store, keys), strict=True)
    )


def results(votes: Iterable[Vote], contestants: Sequence[str]) -> tuple[Result, ...]:
    """What the votes come to, for each two contestants that were compared; the nearer one first."""
    newest: dict[tuple[str, str, frozenset[str]], Vote] = {}
    for each in sorted(votes, key=lambda each: (each.time, each.id)):
        newest[each.who, each.line, frozenset((each.a, each.b))] = each
    found = []
    for pair in combinations(contestants, 2):
        of_pair = [each for each in newest.values() if {each.a, each.b} == set(pair)]
        if of_pair:
            found.append(_result(pair, [each.nearer for each in of_pair]))
    return tuple(found)


def _result(pair: tuple[str, str], nearer: Sequence[str]) -> Result:
    first, second = pair if nearer.count(pair[0]) >= nearer.count(pair[1]) else pair[::-1]
    won, lost, same = (nearer.count(each) for each in (first, second, SAME))
    rate = (won + same / 2) / len(nearer)
    low, high = interval(won + same / 2, len(nearer))
    return Result(
        first=first,
        second=second,
        won=won,
        lost=lost,
        same=same,
        rate=round(rate, 3),
        low=round(low, 3),
        high=round(high, 3),
    )


def listeners(votes: Iterable[Vote]) -> int:
    return len({each.who for each in votes})
