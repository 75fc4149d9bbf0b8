"""Which parts of a clip are pauses for certain, and which are speech."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .audio import Samples
from .pauses import Levels, levels_of, quiet, runs

_SHORTEST_PAUSE = 6  # hops of 10 ms


@dataclass(frozen=True, kw_only=True)
class Rest:
    """The clip's pauses and its speech, as hops; the edges of pauses belong to neither."""

    pauses: NDArray[np.bool_]
    speech: NDArray[np.bool_]


def rest(samples: Samples, rate_hz: int) -> Rest:
    """Which hops are pauses for certain, which are speech; the faded first and last are neither."""
    return rest_in(levels_of(samples, rate_hz))


def rest_in(levels: Levels) -> Rest:
    """The same from the clip's levels."""
    still = quiet(levels)
    pauses = np.zeros(len(levels), bool)
    for a, b in runs(still, _SHORTEST_PAUSE):
        pauses[(a + 1 if a == 0 else a + 2) : (b - 1 if b == len(levels) else b - 2)] = True
    return Rest(pauses=pauses, speech=~still)
