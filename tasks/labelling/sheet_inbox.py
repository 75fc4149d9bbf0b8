"""Answers that come by a link: from people who have a sheet in a folder, and no access to the service or the store.

A link is for one answer and for a while. The service gives links of its own,
which the store knows by their hash; a bucket signs them itself. Either way an
answer lies in the store before it is read, so that no crash loses one.
"""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from containers.contract.codec import canonical, decode
from containers.contract.errors import RequestError
from infra.review_doors import LARGEST_ANSWER
from infra.store import read_json, write_json
from tasks.labelling.decisions import Labels
from tasks.labelling.labels import LabelsError
from tasks.labelling.sheet_answer import SheetAnswer, take_what_stands
from tasks.speakers.casting import Cast
from tasks.studio import Studio

log = logging.getLogger("voicecast.sheet")


class LinkIsOver(LabelsError):
    """The link was used, is too old, or was never given out."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of an answer by a link. `conflicts`: what was not recorded -> why; `against`: speaker -> the
    decision that stood against it; `wrong`: why nothing of it can be used."""

    time: str
    answer: SheetAnswer | None = None
    conflicts: dict[str, str] = field(default_factory=dict)
    against: dict[str, str] = field(default_factory=dict)
    wrong: str | None = None


def open_link(studio: Studio, until: timedelta, now: datetime | None = None) -> str:
    """A new secret that opens the inbox once; the store keeps its hash only."""
    secret = secrets.token_urlsafe(32)
    over = ((now or datetime.now(UTC)) + until).astimezone(UTC).isoformat(timespec="seconds")
    write_json(studio.store, _link(studio, name_of(secret)), {"until": over})
    return secret


def upload_key(studio: Studio, name: str) -> str:
    """Where an answer is put, be it by the service or by a link that a bucket signed."""
    return f"{studio.home}/cast/answers/uploaded/{name}.json"


def new_name() -> str:
    """A name nobody guesses, for an answer that is put by a link of the store's own."""
    return secrets.token_hex(16)


def name_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()[:32]


def hand_in(studio: Studio, cast: Cast, secret: str, answer: SheetAnswer, now: datetime | None = None) -> Outcome:
    """Take in the answer of a link of the service; the same one sent twice is one.

    Raises LinkIsOver, and LabelsError for an answer that cannot be used; the link is not used up by that.
    """
    name = name_of(secret)
    with studio.store.locked(f"{studio.home}/cast/answers"):
        before = _outcome(studio, name)
        if before is not None and before.answer is not None and before.answer.id == answer.id:
            return before
        _check_open(studio, name, now or datetime.now(UTC), used=before is not None)
        studio.store.write(upload_key(studio, name), canonical(answer).encode())
        try:
            outcome = _take(studio, cast, answer)
        except LabelsError:
            studio.store.delete(upload_key(studio, name))
            raise
        _keep(studio, name, outcome)
        studio.store.delete(_link(studio, name))
    return outcome


def take_in(studio: Studio, cast: Cast) -> tuple[Outcome, ...]:
    """Take in all answers that lie in the store and were not taken in yet; tells of what could not be, in the log."""
    if not list(studio.store.keys(f"{studio.home}/cast/answers/uploaded")):
        return ()
    with studio.store.locked(f"{studio.home}/cast/answers"):
        keys = list(studio.store.keys(f"{studio.home}/cast/answers/uploaded"))
        return tuple(filter(None, (_take_key(studio, cast, key) for key in keys)))


def outcomes(studio: Studio) -> tuple[Outcome, ...]:
    """What came of all answers by links."""
    keys = studio.store.keys(f"{studio.home}/cast/answers/taken")
    return tuple(decode(Outcome, read_json(studio.store, key), key) for key in keys)


def overruled(studio: Studio, labels: Labels) -> dict[str, str]:
    """Speakers whose answer by a link met a decision that still counts -> what a person should know of it."""
    return {
        speaker: f"{each.answer.name} handed in by a link: {each.conflicts[speaker]}. It was not recorded."
        for each in outcomes(studio)
        if each.answer is not None
        for speaker, decision in each.against.items()
        if speaker in labels.speakers and labels.speakers[speaker].decision == decision
    }


def _take_key(studio: Studio, cast: Cast, key: str) -> Outcome | None:
    name = key.rpartition("/")[2].removesuffix(".json")
    if _outcome(studio, name) is not None:
        log.warning("%s was uploaded again by a link that was used; it is not read", key)
        studio.store.delete(key)
        return None
    try:
        if (studio.store.size(key) or 0) > LARGEST_ANSWER:
            raise LabelsError(f"an answer has at most {LARGEST_ANSWER} bytes")
        outcome = _take(studio, cast, decode(SheetAnswer, json.loads(studio.store.read(key)), "answer"))
    except (LabelsError, RequestError, ValueError, RecursionError) as error:
        outcome = Outcome(time=_now(), wrong=str(error))
        log.warning("%s cannot be used: %s", key, error)
    _keep(studio, name, outcome)
    return outcome


def _take(studio: Studio, cast: Cast, answer: SheetAnswer) -> Outcome:
    taken = take_what_stands(studio, cast, answer)
    for what, why in taken.conflicts.items():
        log.warning("of the answer of %s, %s was not recorded: %s", answer.name, what, why)
    against = {each: taken.labels.speakers[each].decision for each in taken.conflicts if each in taken.labels.speakers}
    return Outcome(time=_now(), answer=answer, conflicts=taken.conflicts, against=against)


def _keep(studio: Studio, name: str, outcome: Outcome) -> None:
    """The outcome, with the whole answer in it; what was uploaded goes, unless it cannot be read."""
    write_json(studio.store, f"{studio.home}/cast/answers/taken/{name}.json", outcome)
    if outcome.wrong is not None:
        unusable = studio.store.read(upload_key(studio, name))[:LARGEST_ANSWER]
        studio.store.write(f"{studio.home}/cast/answers/unusable/{name}.json", unusable)
    studio.store.delete(upload_key(studio, name))


def _check_open(studio: Studio, name: str, now: datetime, used: bool) -> None:
    key = _link(studio, name)
    ask = "ask for a new one, or save the answers as a file"
    if used:
        raise LinkIsOver(f"an answer came by this link already; {ask}")
    if studio.store.size(key) is None:
        raise LinkIsOver(f"this link was never given out, or taken back; {ask}")
    if datetime.fromisoformat(read_json(studio.store, key)["until"]) < now:
        raise LinkIsOver(f"this link is too old; {ask}")


def _outcome(studio: Studio, name: str) -> Outcome | None:
    key = f"{studio.home}/cast/answers/taken/{name}.json"
    return decode(Outcome, read_json(studio.store, key), key) if studio.store.size(key) is not None else None


def _link(studio: Studio, name: str) -> str:
    return f"{studio.home}/cast/answers/links/{name}.json"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
