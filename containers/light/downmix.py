"""Surround to stereo with the centre kept, where the dialogue is.

The law is ITU-R BS.775-3 (annex 4, downward mixing to 2/0): left and right as
they are, centre and surrounds to both or their own side at -3 dB, no LFE. So
dialogue keeps the level that it has in a stereo mix, also where a broadcast
goes from one to the other. Sums above full scale are turned down by a limiter
that looks ahead; nothing clips.
"""

from __future__ import annotations

import functools
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

_MINUS_3_DB = 0.5**0.5

_WEIGHTS: dict[str, tuple[float, float]] = {
    "FL": (1.0, 0.0), "FR": (0.0, 1.0), "FC": (_MINUS_3_DB, _MINUS_3_DB), "LFE": (0.0, 0.0), "LFE2": (0.0, 0.0),
    "BL": (_MINUS_3_DB, 0.0), "BR": (0.0, _MINUS_3_DB), "SL": (_MINUS_3_DB, 0.0), "SR": (0.0, _MINUS_3_DB),
    "BC": (0.5, 0.5), "TC": (0.5, 0.5), "TFC": (0.5, 0.5), "TBC": (0.5, 0.5), "BFC": (0.5, 0.5),
    "FLC": (1.0, 0.0), "FRC": (0.0, 1.0), "WL": (1.0, 0.0), "WR": (0.0, 1.0), "DL": (1.0, 0.0), "DR": (0.0, 1.0),
    "SDL": (_MINUS_3_DB, 0.0), "SDR": (0.0, _MINUS_3_DB), "TFL": (_MINUS_3_DB, 0.0), "TFR": (0.0, _MINUS_3_DB),
    "TBL": (_MINUS_3_DB, 0.0), "TBR": (0.0, _MINUS_3_DB), "TSL": (_MINUS_3_DB, 0.0), "TSR": (0.0, _MINUS_3_DB),
    "BFL": (_MINUS_3_DB, 0.0), "BFR": (0.0, _MINUS_3_DB),
}  # fmt: skip
"""Weights to left and right by FFmpeg's channel names; a back centre is a surround shared by both sides."""

_BY_COUNT = {
    3: ("FL", "FR", "FC"), 4: ("FL", "FR", "FC", "BC"), 5: ("FL", "FR", "FC", "SL", "SR"),
    6: ("FL", "FR", "FC", "LFE", "SL", "SR"), 7: ("FL", "FR", "FC", "LFE", "BC", "SL", "SR"),
    8: ("FL", "FR", "FC", "LFE", "BL", "BR", "SL", "SR"),
}  # fmt: skip
"""What a track without a layout most likely means by its number of channels (FFmpeg's own defaults)."""


_CEILING = 10 ** (-0.1 / 20)
_STEPS_PER_SECOND = 100
_RELEASE = 10 ** (20.0 / 20 / _STEPS_PER_SECOND)
"""Gain comes back at 20 dB a second."""

Stereo = NDArray[np.float32]


@functools.cache
def weights(channels: tuple[str, ...]) -> NDArray[np.float32]:
    """The matrix (2, channels) from a layout to stereo; a single channel goes to both sides.

    >>> weights(("FL", "FR", "FC", "LFE", "SL", "SR")).round(3).tolist()[0]
    [1.0, 0.0, 0.7070000171661377, 0.0, 0.7070000171661377, 0.0]
    """
    names = channels
    if len(names) == 1:
        return np.ones((2, 1), np.float32)
    if not set(names) <= set(_WEIGHTS):
        names = ("FL", "FR") if len(names) == 2 else _BY_COUNT.get(len(names), ("TC",) * len(names))
    return np.array([_WEIGHTS[name] for name in names], np.float32).T


class Downmix:
    """Turns blocks of any layout into stereo, holding back the last 10 to 20 ms of surround to look ahead.

    Stereo passes as it is, to the bit; mono goes to both sides.
    """

    def __init__(self) -> None:
        self._held = np.zeros((2, 0), np.float32)
        self._rate = 0
        self._gain: float | None = None

    def mix(self, samples: NDArray[np.float32], channels: tuple[str, ...], rate_hz: int) -> list[tuple[Stereo, int]]:
        """Stereo (2, n) with its rate, in order; `channels` by FFmpeg's names, samples (channels, n)."""
        if len(channels) <= 2:
            return [*self.finish(), (samples if len(channels) == 2 else weights(channels) @ samples, rate_hz)]
        done = self.finish() if rate_hz != self._rate else []
        self._rate = rate_hz
        stereo = np.concatenate([self._held, weights(channels) @ samples], axis=1)
        step = max(1, rate_hz // _STEPS_PER_SECOND)
        ready = max(0, stereo.shape[1] // step - 1) * step
        self._held = stereo[:, ready:]
        return [*done, (self._limited(stereo[:, : ready + step], step)[:, :ready], rate_hz)]

    def finish(self) -> list[tuple[Stereo, int]]:
        """What is held back."""
        held, rate_hz, step = self._held, self._rate, max(1, self._rate // _STEPS_PER_SECOND)
        if not held.shape[1]:
            return []
        padded = np.pad(held, ((0, 0), (0, -held.shape[1] % step + step)))
        limited = self._limited(padded, step)[:, : held.shape[1]]
        self._held, self._rate, self._gain = np.zeros((2, 0), np.float32), 0, None
        return [(limited, rate_hz)]

    def _limited(self, stereo: Stereo, step: int) -> Stereo:
        """All but the last step, turned down where needed; a gain belongs to each border between steps and is
        no higher than both neighbours allow, so a straight line between borders never lets a peak through."""
        count = stereo.shape[1] // step
        if count < 2:
            return stereo[:, :0]
        peaks = np.abs(stereo[:, : count * step]).reshape(2, count, step).max(axis=(0, 2))
        allowed = np.minimum(1.0, _CEILING / np.maximum(peaks, 1e-9))
        borders = [min(allowed[0], 1.0 if self._gain is None else self._gain)]
        for before, after in pairwise(allowed):
            borders.append(min(before, after, borders[-1] * _RELEASE))
        self._gain = borders[-1]
        if min(borders) == 1.0:
            return stereo[:, : (count - 1) * step]
        places = np.arange((count - 1) * step) / step
        gains = np.interp(places, np.arange(count), borders).astype(np.float32)
        return stereo[:, : (count - 1) * step] * gains
