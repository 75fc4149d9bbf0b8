"""The episodes before one, in the order of the series: what of theirs is at hand, and what may be waited for.

One of these goes through a run, so that fingerprints are read once, and an episode that cannot be used is tried once.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from threading import Lock
from typing import TypeVar

import numpy as np

from containers.contract.errors import StageError
from containers.contract.stages import ExtractResult, FingerprintResult
from tasks import orders
from tasks.domain import Episode
from tasks.episodes.recurrence import Words
from tasks.studio import Made, Studio

R = TypeVar("R")


class Earlier:
    """Episodes in the order of the series; the `outstanding` ones are on their way, and waited for."""

    def __init__(self, episodes: Sequence[Episode], outstanding: Iterable[str] = ()) -> None:
        self._episodes = {each.key: each for each in episodes}
        self._outstanding = frozenset(outstanding)
        self._words: dict[str, Words | None] = {}
        self._failed: dict[str, StageError] = {}
        self._locks = {key: Lock() for key in self._episodes}

    def __getitem__(self, key: str) -> Episode:
        return self._episodes[key]

    def __contains__(self, key: str) -> bool:
        return key in self._episodes

    def is_outstanding(self, key: str) -> bool:
        return key in self._outstanding

    def extracted(self, studio: Studio, key: str) -> Made[ExtractResult] | None:
        """The recording of an episode, which may be gone; None if it never was and is nobody's task now. Raises the
        StageError of an engine."""
        order = orders.extract(studio, self[key])
        return studio.known(order) or (studio.make(order) if key in self._outstanding else None)

    def words_before(self, studio: Studio, key: str) -> dict[str, Words]:
        """The fingerprints of the episodes before one, as far as there are any; waits for those under way."""
        keys = list(self._episodes)
        before = keys[: keys.index(key)] if key in self._episodes else []
        found = {each: self._words_of(studio, each) for each in before}
        return {each: words for each, words in found.items() if words is not None}

    def once(self, key: str, make: Callable[[], Made[R]]) -> Made[R]:
        """What is made of an episode; where it failed before, raises that StageError again and tries nothing."""
        with self._locks[key]:
            if key in self._failed:
                raise self._failed[key]
            try:
                return make()
            except StageError as error:
                self._failed[key] = error
                raise

    def _words_of(self, studio: Studio, key: str) -> Words | None:
        if key not in self._words:
            with self._locks[key]:
                if key not in self._words:
                    self._words[key] = self._read(studio, key)
        return self._words[key]

    def _read(self, studio: Studio, key: str) -> Words | None:
        try:
            extracted = self.extracted(studio, key)
            if extracted is None:
                return None
            order = orders.fingerprint(studio, self[key], extracted)
            may_be_made = key in self._outstanding and not extracted.gone
            made = studio.find(order) or (studio.make(order) if may_be_made else None)
        except StageError:  # what is wrong with it, its own preparation says
            return None
        return words_of(studio, made) if made else None


def words_of(studio: Studio, made: Made[FingerprintResult]) -> Words:
    words: Words = np.load(io.BytesIO(studio.store.read(made.stored(made.result.fingerprint).key)), allow_pickle=False)
    return words
