"""Resampling of a stream with the library's own filter (julius), block after block."""

from __future__ import annotations

import math

import julius
import torch
from torch import Tensor

_ZERO_CROSSINGS = 26
"""julius looks 24 zero crossings of its filter to either side, which is cut at 0.945 of the lower rate."""


class Resampler:
    """What `julius.resample_frac` makes of the whole, given piece by piece; (channels, samples) in and out.

    Each block is resampled with so much of its neighbours that its edges are like any other place. `full`: the
    last sample that the recording touches is kept (julius's word).
    """

    def __init__(self, from_hz: int, to_hz: int, *, full: bool = False) -> None:
        divisor = math.gcd(from_hz, to_hz)
        self._from, self._to = from_hz // divisor, to_hz // divisor
        self._full = full
        self._filter = julius.ResampleFrac(from_hz, to_hz)
        self._context = self._from * math.ceil(_ZERO_CROSSINGS / min(self._from, self._to))
        self._held: Tensor | None = None
        self._done = 0
        """Samples at the begin of `_held` that have been resampled and are context now."""

    def push(self, samples: Tensor) -> Tensor:
        """What is certain once these samples are known too."""
        if self._from == self._to:
            return samples
        self._held = samples if self._held is None else torch.cat((self._held, samples), dim=1)
        certain = self._held.shape[1] - self._context
        return self._resampled(self._held, max(certain // self._from * self._from, self._done))

    def finish(self) -> Tensor | None:
        """The rest, after the last sample; None if there is none."""
        if self._held is None or self._held.shape[1] == self._done:
            return None
        return self._resampled(self._held, None)

    def _resampled(self, held: Tensor, upto: int | None) -> Tensor:
        first = self._done // self._from * self._to
        if upto is None:
            return self._filter(held, full=self._full)[:, first:]
        if upto == self._done:
            return held[:, :0]
        found = self._filter(held[:, : upto + self._context])[:, first : upto // self._from * self._to]
        begin = max(upto - self._context, 0)
        self._held, self._done = held[:, begin:], upto - begin
        return found
