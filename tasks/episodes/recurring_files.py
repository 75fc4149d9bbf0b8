"""Recurring segments in the store: fingerprints of all episodes in, `recurring.json` out.

The deciding is in `recurrence` and `recurring`; here it meets files. A new
episode is compared with what is known and leaves that as it is; when a known
episode changed or is gone, all are compared anew.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from containers.contract.codec import decode, encode
from containers.contract.stages import FingerprintResult
from infra.identity import hash_of_code
from infra.store import read_json, write_json
from tasks import orders
from tasks.domain import Episode, HeardEpisode
from tasks.episodes import recurrence, recurring, separating
from tasks.episodes.recurrence import Group, Search, Words
from tasks.episodes.recurring import Heard, RecurringGroup
from tasks.studio import Made, Studio


@dataclass(frozen=True, kw_only=True)
class Fingerprints:
    """What the fingerprint stage made of an episode's recording and of its vocals."""

    episode: str
    recording: Made[FingerprintResult]
    vocals: Made[FingerprintResult]

    @property
    def identity(self) -> str:
        return hashlib.sha256(f"{self.recording.identity} {self.vocals.identity}".encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Compared:
    """An episode that is in the comparison, and what its fingerprints were made of."""

    episode: str
    identity: str


@dataclass(frozen=True, kw_only=True)
class Recurring:
    """What recurs in a series; `episodes` in order of arrival, `rules` the code that decided."""

    rules: str
    episodes: tuple[Compared, ...]
    groups: tuple[RecurringGroup, ...]


def fingerprints_of(studio: Studio, episodes: Sequence[Episode]) -> tuple[Fingerprints, ...]:
    """The fingerprints of prepared episodes, as their stages left them."""
    return tuple(found for episode in episodes if (found := _fingerprints(studio, episode)))


def _fingerprints(studio: Studio, episode: Episode) -> Fingerprints | None:
    extracted = studio.known(orders.extract(studio, episode))
    if extracted is None:
        return None
    separated = separating.find_stems(studio, episode, extracted)
    if separated is None:
        return None
    recording = studio.find(orders.fingerprint(studio, episode, extracted))
    vocals = studio.find(orders.fingerprint_vocals(studio, episode, separated))
    return Fingerprints(episode=episode.key, recording=recording, vocals=vocals) if recording and vocals else None


def load_recurring(studio: Studio) -> Recurring | None:
    """What recurs, as it stands in the store."""
    key = _key(studio)
    return decode(Recurring, read_json(studio.store, key), key) if studio.store.size(key) is not None else None


def find_recurring(studio: Studio, every: Sequence[Fingerprints]) -> Recurring:
    """What recurs in just these episodes; only what is new is compared."""
    with studio.store.locked(_key(studio)):
        known, rules = load_recurring(studio), hash_of_code(recurrence, recurring)
        wanted = {each.episode: each.identity for each in every}
        if known and (known.rules != rules or any(wanted.get(e.episode) != e.identity for e in known.episodes)):
            known = None
        before = [each.episode for each in known.episodes] if known else []
        if known and len(before) == len(wanted):
            return known
        order = before + sorted(wanted.keys() - set(before))
        by_episode = {each.episode: each for each in every}
        heard = [_heard(studio, by_episode[key]) for key in order]
        groups = _compare(heard, len(before), known.groups if known else ())
        made = Recurring(
            rules=rules,
            episodes=tuple(Compared(episode=key, identity=wanted[key]) for key in order),
            groups=recurring.describe(groups, heard),
        )
        write_json(studio.store, _key(studio), encode(made))
        return made


def clips_left_out(known: Recurring | None, episodes: Sequence[HeardEpisode]) -> dict[str, str]:
    """Clip -> why it is no new speech, for the clips that lie in what recurs."""
    left_out = recurring.left_out_by_episode(known.groups) if known else {}
    return {
        clip.id: why
        for episode in episodes
        for clip in episode.clips
        if (why := recurring.why_recurring(clip.start, clip.end, left_out.get(episode.episode, ())))
    }


def _compare(heard: Sequence[Heard], first: int, known: Sequence[RecurringGroup]) -> list[Group]:
    if not heard:
        return []
    numbers = {each.key: number for number, each in enumerate(heard)}
    groups = [Group(places=recurring.places_of(each, numbers, heard[0].hop)) for each in known]
    search = Search([each.recording for each in heard], groups)
    for number in range(first, len(heard)):
        search.add(number)
    return search.groups


def _heard(studio: Studio, each: Fingerprints) -> Heard:
    made = each.recording.result
    return Heard(
        key=each.episode,
        recording=_words(studio, each.recording),
        vocals=_words(studio, each.vocals),
        hop=made.hop,
    )


def _words(studio: Studio, made: Made[FingerprintResult]) -> Words:
    words: Words = np.load(io.BytesIO(studio.store.read(made.stored(made.result.fingerprint).key)), allow_pickle=False)
    return words


def _key(studio: Studio) -> str:
    return f"{studio.home}/recurring.json"
