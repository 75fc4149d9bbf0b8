"""Voices of a long recording: found in parts, as they would be found at once (containers/light/long_clustering.py)."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from containers.light import clustering, long_clustering
from containers.light.voiceprint import Vectors, unit

ALIKE = 0.66


def voices(count: int, people: int) -> tuple[Vectors, np.ndarray]:
    """Vectors of people, and whose each is: mean cosine 0.77 within a voice and 0.43 between two."""
    random = np.random.default_rng(0)
    means = unit(random.normal(size=256)) * 0.9 + unit(random.normal(size=(people, 256))) * 0.8
    whose = random.integers(people, size=count)
    return unit(unit(means)[whose] + random.normal(size=(count, 256)) * 0.034).astype(np.float32), whose


def pairs(one: np.ndarray, other: np.ndarray) -> int:
    return len(set(zip(one.tolist(), other.tolist(), strict=True)))


@pytest.mark.parametrize("count", [None, 4, 9, 14])
def test_parts_give_the_clusters_of_the_whole(monkeypatch: pytest.MonkeyPatch, count: int | None) -> None:
    vectors, _ = voices(900, 9)
    seconds = np.ones(len(vectors))
    whole = clustering.cluster(vectors, seconds, alike=ALIKE, count=count)
    monkeypatch.setattr(long_clustering, "MOST", 300)
    monkeypatch.setattr(long_clustering, "PART", 250)
    parted = clustering.cluster(vectors, seconds, alike=ALIKE, count=count)
    assert parted.max() + 1 == whole.max() + 1 == (count or 9)
    if count in (None, 9):
        assert pairs(parted, whole) == 9


def test_two_thirds_of_an_hour_of_speech_take_no_table_of_all_pairs() -> None:
    """Three hours of an episode would take 2 GB."""
    vectors, whose = voices(6000, 12)
    tracemalloc.start()
    labels = clustering.cluster(vectors, np.ones(len(vectors)), alike=ALIKE)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert pairs(labels, whose) == 12
    assert peak < 80e6  # all pairs: 144 MB, and a copy
