"""Where a series stands: what is finished, what waits, what to do next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from infra.store import find_json
from infra.underway import Underway, underway
from tasks.clips.data_sets import load_data_set
from tasks.domain import NOBODY
from tasks.episodes.episodes import list_episodes
from tasks.episodes.prepared import STAGES, Prepared, find_all_prepared, find_left_out, was_prepared
from tasks.labelling.labels import load
from tasks.speakers import casting
from tasks.speakers.questions import open_questions
from tasks.studio import Studio
from tasks.voices import current_voice


@dataclass(frozen=True, kw_only=True)
class CharacterStatus:
    """How far a character is; `minutes` None before there is a data set; `trainable`: as far as is known now."""

    slug: str
    rights: bool
    speakers: int
    minutes: float | None
    target: float
    voice: str | None
    trainable: bool


@dataclass(frozen=True, kw_only=True)
class Status:
    series: str
    episodes: int
    prepared: int
    outstanding: tuple[str, ...]
    left_out: dict[str, str]
    problems: dict[str, tuple[str, ...]]
    """What is wrong with prepared episodes, such as a file that is cut off: each text, with its episodes."""
    again: int
    """How many of the outstanding were prepared before, with an engine, an option or a file that is another now."""
    unknown: dict[str, int]
    """Names that labels give and the series file does not have, with how many speakers each has."""
    waiting: int
    characters: tuple[CharacterStatus, ...]
    underway: tuple[Underway, ...]
    seconds_left: float | None

    def next_step(self, at: str = "") -> str:
        """The command that brings the series further; `at`: the options that lead it to this series."""
        if self.outstanding:
            return f"Next: voicecast season{at} (or voicecast prepare{at})"
        if self.waiting:
            return f"Next: voicecast label{at} ({waiting_said(self.waiting)})"
        if any(each.trainable and each.voice is None for each in self.characters):
            return f"Next: voicecast season{at}"
        if not any(each.rights for each in self.characters):
            return f"Next: record the `rights:` of a character in the series file, then voicecast season{at}"
        if not any(each.voice for each in self.characters):
            return "Next: more episodes or references; no character has enough clean speech (targets: min_minutes)"
        return f"Next: voicecast speak{at} --character ... --text ... --output line.wav"


def waiting_said(count: int) -> str:
    return f"{count} speaker{' waits' if count == 1 else 's wait'} for a label"


def status_of(studio: Studio) -> Status:
    """Looks into the store; starts nothing."""
    episodes = list_episodes(studio.series, studio.store)
    finished = find_all_prepared(studio, episodes)
    unfinished = [each for each in episodes if each.key not in finished]
    left_out = {each.key: why for each in unfinished if (why := find_left_out(studio, each))}
    outstanding = tuple(each.key for each in unfinished if each.key not in left_out)
    asked = studio.series.labels == "ask"
    cast, labels = casting.load_cast(studio), load(studio.store, studio.series.series)
    speakers = Counter(each.character for each in labels.speakers.values())
    known = studio.series.characters
    working = underway(studio.store.work)
    return Status(
        underway=working,
        seconds_left=_seconds_left(studio, list(finished), len(outstanding), working),
        series=studio.series.title or studio.series.series,
        episodes=len(episodes),
        prepared=len(episodes) - len(unfinished),
        left_out=left_out,
        problems=_problems(finished),
        outstanding=outstanding,
        again=sum(was_prepared(studio, each) for each in unfinished if each.key in outstanding),
        unknown={name: count for name, count in speakers.items() if not name.startswith(NOBODY) and name not in known},
        waiting=len(open_questions(studio, cast, labels)) if cast and asked else 0,
        characters=tuple(_character(studio, slug, speakers[slug]) for slug in studio.series.characters),
    )


def _problems(finished: Mapping[str, Prepared]) -> dict[str, tuple[str, ...]]:
    said = [(problem.text, key) for key, each in finished.items() for problem in each.problems]
    return {text: tuple(key for also, key in said if also == text) for text, _ in said}


def _seconds_left(studio: Studio, finished: list[str], outstanding: int, working: tuple[Underway, ...]) -> float | None:
    """Till the outstanding episodes are prepared, at the pace of those that were finished since the work began."""
    if not working or not outstanding:
        return None
    began = working[0].began
    ended = [each for each in (_ended(studio, key) for key in finished) if each >= began]
    return (max(ended) - began) / len(ended) * outstanding if ended else None


def _ended(studio: Studio, key: str) -> float:
    """When the last stage of an episode ended, in seconds since 1970; 0 where nobody wrote it down."""
    run = find_json(studio.store, f"{studio.home}/episodes/{key}/stages/{STAGES[-1]}.run.json") or {}
    try:
        return datetime.fromisoformat(run["finished"]).timestamp()
    except (KeyError, ValueError):
        return 0.0


def _character(studio: Studio, slug: str, speakers: int) -> CharacterStatus:
    data, voice = load_data_set(studio, slug), current_voice(studio, slug)
    rights = studio.series.characters[slug].rights is not None
    return CharacterStatus(
        slug=slug,
        rights=rights,
        speakers=speakers,
        minutes=data.minutes if data else None,
        target=studio.series.targets.minutes,
        voice=f"{voice.version} by {voice.engine}" if voice else None,
        trainable=rights and (data is None or data.minutes >= studio.series.min_minutes),
    )
