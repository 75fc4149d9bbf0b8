"""Who else may be heard in a clip: only somebody who is there."""

from __future__ import annotations

import numpy as np

from tasks.purity import compare

ANNA, BORIS = np.eye(3, dtype=np.float32)[:2]
BOTH = np.asarray(0.8 * ANNA + 0.6 * BORIS, np.float32)


def mixture(episode_of_boris: str) -> float:
    """How much a clip of both in episode one, labelled as Anna's, gains from being taken for a mixture."""
    vectors = np.stack([ANNA, ANNA, ANNA, BORIS, BORIS, BOTH])
    persons = ["anna", "anna", "anna", "boris", "boris", "anna"]
    episodes = ["e001"] * 3 + [episode_of_boris] * 2 + ["e001"]
    return float(compare(vectors, persons, {}, ["anna", "boris"], episodes=episodes, sure=0.0).mixture[-1])


def test_a_second_voice_is_found_where_its_person_is_heard_in_the_episode() -> None:
    assert mixture("e001") > 0.1


def test_nobody_of_another_episode_is_taken_for_a_second_voice() -> None:
    assert np.isnan(mixture("e002"))
