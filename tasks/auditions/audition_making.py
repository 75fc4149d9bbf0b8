"""Holding an audition: every line by every version, measured, and kept where the page finds it."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from containers.contract.codec import canonical, decode
from containers.contract.errors import StageError
from infra.engines import UnknownEngine, engine_for
from infra.store import find_json, write_json
from tasks.auditions.audition import REAL, Audition, Contestant, Line, Sample
from tasks.auditions.audition_lines import AT_ONCE, Recorded, own_lines, text_lines
from tasks.auditions.audition_samples import Take, measured, recorded, said, sample, with_errors
from tasks.speech import judging
from tasks.speech.judging import Measured, folder_of
from tasks.studio import Studio
from tasks.trust import audit
from tasks.trust.rights import NoVoice, check_rights
from tasks.trust.rights import recorded as in_words
from tasks.voices import Card, all_voices


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """`texts` to be said, in place of the usual ones; `own`: how many recordings of the character; `versions`: only
    these; none: all."""

    texts: tuple[str, ...] = ()
    own: int = 4
    versions: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Recogniser:
    """The engine that writes down what is said, or why there is none."""

    engine: str | None = None
    why_not: str | None = None


@dataclass(frozen=True, kw_only=True)
class Made:
    """Lines and samples, and who measured them."""

    lines: tuple[Line, ...]
    samples: tuple[Sample, ...]
    model: str | None
    recogniser: Recogniser


def hold(studio: Studio, character: str, wanted: Wanted) -> Audition:
    """Make an audition, or what is new of it; RightsError or NoVoice before anything is."""
    about = check_rights(studio, character, "speak")
    every = all_voices(studio, character)
    cards = chosen(every, character, wanted.versions)
    audit.rights_seen(studio.store, studio.series.series, character, in_words(about.rights))
    own = own_lines(studio, character, cards, wanted.own)
    made = _made(studio, character, cards, own, [*own, *text_lines(studio, wanted.texts)])
    players = sorted(each.player for each in made.samples)
    return _kept(studio, Audition(
        series=studio.series.series,
        title=studio.series.title or studio.series.series,
        character=character,
        name=about.name,
        language=studio.series.language,
        identity=hashlib.sha256(canonical(players).encode()).hexdigest()[:16],
        salt=_salt(studio, character),
        model=made.model,
        recogniser=made.recogniser.engine,
        no_recogniser=made.recogniser.why_not,
        lines=made.lines,
        contestants=contestants(about.name, own=bool(own), cards=cards, current=every[0].version),
        samples=made.samples,
    ))  # fmt: skip


def _made(
    studio: Studio, character: str, cards: Sequence[Card], own: Sequence[Recorded], lines: Sequence[Recorded]
) -> Made:
    """Every line by everybody: said, measured, written down, put into players; each step for all before the next."""
    of_line = {each.line.id: each.line for each in lines}
    jobs = [(card, each) for card in cards for each in lines]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        spoken = [*(recorded(character, each) for each in own), *pool.map(lambda job: said(studio, *job), jobs)]
        takes = [each for each in spoken if isinstance(each, Take)]
        found = list(pool.map(lambda each: measured(studio, each), takes))
        able = [(take, each) for take, each in zip(takes, found, strict=True) if isinstance(each, Measured)]
        recogniser, heard = transcripts(studio, pool, [take for take, _ in able])
        known = {take.line.id: each for take, each in able if take.contestant == REAL}
        played = [(take, each, text) for (take, each), text in zip(able, heard, strict=True)]
        samples = list(pool.map(lambda job: sample(studio, job[0], job[1], known, job[2]), played))
    samples += [each for each in (*spoken, *found) if isinstance(each, Sample)]
    return Made(
        lines=tuple(of_line.values()),
        samples=tuple(with_errors(samples, of_line)),
        model=next((each.model for each in known.values() if each.model), None),
        recogniser=recogniser,
    )


def chosen(cards: Sequence[Card], character: str, versions: Sequence[str]) -> tuple[Card, ...]:
    """The versions that are wanted; NoVoice where there is none, or none of that name."""
    if not cards:
        raise NoVoice(f"{character} has no trained voice yet; run: voicecast season (or voicecast train)")
    unknown = [each for each in versions if not any(card.version.startswith(each) for card in cards)]
    if unknown:
        known = ", ".join(each.version for each in cards)
        raise NoVoice(f"{character} has no voice {', '.join(unknown)}; its versions are: {known}")
    return tuple(each for each in cards if not versions or each.version.startswith(tuple(versions)))


def contestants(name: str, *, own: bool, cards: Sequence[Card], current: str) -> tuple[Contestant, ...]:
    real = [Contestant(id=REAL, name=f"{name}, recorded", engine="")] if own else []
    return (
        *real,
        *(
            Contestant(
                id=each.version,
                name=each.version,
                engine=each.engine,
                minutes=each.minutes,
                current=each.version == current,
            )
            for each in cards
        ),
    )


def transcripts(studio: Studio, pool: ThreadPoolExecutor, takes: Sequence[Take]) -> tuple[Recogniser, list[str | None]]:
    """What is heard of each take by the series' recogniser, if it has one that works."""
    name = studio.series.engines.get("transcribe")
    if name is None:
        return Recogniser(why_not="no speech recogniser is installed (`engines: {transcribe: ...}`)"), [None] * len(
            takes
        )
    try:
        engine_for(name, "transcribe")
        made = list(pool.map(lambda each: judging.transcribe(studio, each.character, each.file), takes))
    except (StageError, UnknownEngine) as error:
        return Recogniser(why_not=str(error)), [None] * len(takes)
    return Recogniser(engine=made[0].engine if made else name), [each.result.text for each in made]


def load(studio: Studio, character: str) -> Audition | None:
    """The audition as it was last made."""
    key = f"{folder_of(studio, character)}/audition.json"
    found = find_json(studio.store, key)
    return None if found is None else decode(Audition, found, key)


def _kept(studio: Studio, audition: Audition) -> Audition:
    write_json(studio.store, f"{folder_of(studio, audition.character)}/audition.json", audition)
    return audition


def _salt(studio: Studio, character: str) -> str:
    """The salt of the audition before, so that trials keep their names: votes and links stay valid."""
    before = load(studio, character)
    return before.salt if before else secrets.token_hex(8)
