"""What the detector of a second voice looks at: two periods at once, and gaps that are filled.

No other knowledge of the second person is asked for: it may be somebody who is heard nowhere else.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .audio import Samples
from .modulation import modulation_features
from .pauses import runs
from .periods import Periods

_BINS_ONE = np.array([0, 0.03, 0.06, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 3])
_BINS_RATIO = np.array([-9, -2.2, -1.6, -1.2, -0.8, -0.4, 0, 9])
_GLIDE = 0.04
"""Natural logarithm by which a period changes in 10 ms at most: 70 cents."""
_SURER = ((0.08, 0.4), (0.08, 0.6), (0.15, 0.4), (0.15, 0.6))
_MULTIPLES = np.array([4 / 3, 1.5, 2, 3, 4])
_GOES_ON = 4


def second_voice_features(samples: Samples, rate_hz: int, found: Periods) -> NDArray[np.float64]:
    """How hops spread over (left by one period, ratio two to one), sums, how often two periods go on side by side, and
    how the bands rise and fall."""
    one, two = found.after_one[found.loud], found.after_two[found.loud]
    ratio = np.log(np.maximum(two, 0.005) / np.maximum(one, 0.01))
    spread = np.histogram2d(one, ratio, [_BINS_ONE, _BINS_RATIO])[0] / len(one)
    both = (one > 0.12) & (two < 0.1) & (two < 0.4 * one)
    steady = np.convolve(both, np.ones(5) / 5, "same") >= 0.8
    quarter, half = np.percentile(one, (25, 50))
    sums = [both.mean(), steady.mean(), quarter, half, np.median(two)]
    return np.concatenate([np.sqrt(spread.ravel()), sums, _side_by_side(found), modulation_features(samples, rate_hz)])


def _side_by_side(found: Periods) -> NDArray[np.float64]:
    """Shares of the loud hops in which two periods explain much more than one and each glides on from the hop before:
    by how much, and whether one is no simple multiple of the other, and for how long."""
    periods = np.log(found.pairs)
    glides = (np.abs(np.diff(periods, axis=0, prepend=periods[:1])) < _GLIDE).all(axis=1)
    unrelated = np.abs((periods[:, 1] - periods[:, 0])[:, None] - np.log(_MULTIPLES)).min(axis=1) > _GLIDE
    shares = []
    for left, less in _SURER:
        more = found.loud & (found.after_one > left) & (found.after_two < less * found.after_one) & glides
        for hops in (more, more & unrelated):
            shares += [hops.sum(), sum(b - a for a, b in runs(hops, _GOES_ON))]
    return np.array(shares) / found.loud.sum()
