"""Clips in batches: pieces of up to 4 s of about one length together, all of it on the device from the start.

Which pieces an epoch's steps take, and every random number of a step, follow from the seed and the step's number
alone: a training that goes on from a checkpoint draws what an unbroken one would have drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from .clips import Clip
from .content import doubled
from .generator import Draws
from .shape import FRAMES_PER_SECOND, Shape

_LONGEST = 4 * FRAMES_PER_SECOND
_ALIKE = FRAMES_PER_SECOND // 2
"""Frames of length that count as one length when batches are put together."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """content (batch, frames, 768), f0 (batch, frames), samples (batch, frames x hop), lengths (batch,) in frames."""

    content: Tensor
    f0: Tensor
    samples: Tensor
    lengths: Tensor

    @property
    def seconds(self) -> float:
        return float(self.lengths.sum()) / FRAMES_PER_SECOND


class Lessons:
    """All pieces of all clips, as tensors on the device."""

    def __init__(self, clips: list[Clip], shape: Shape, batch_size: int, seed: int, device: torch.device) -> None:
        self._shape, self._batch_size, self._seed, self._device = shape, batch_size, seed, device
        self._pieces = _pieces([clip.frames for clip in clips], shape.segment_frames)
        self.steps_per_epoch = -(-len(self._pieces) // batch_size)
        self._f0 = self._joined([clip.f0 for clip in clips])
        self._samples = self._joined([clip.samples for clip in clips])
        self._content = self._joined([doubled(clip.content, clip.frames) for clip in clips])

    def _joined(self, parts: list[np.ndarray]) -> Tensor:
        return torch.from_numpy(np.concatenate(parts)).to(self._device)

    def __len__(self) -> int:
        return len(self._pieces)

    def batch(self, step: int, draw: int = 0) -> tuple[Batch, Draws]:
        """What the step of this number hears, and what is random in it; `draw` tells processes of one step apart."""
        chosen = self._order(step // self.steps_per_epoch)[step % self.steps_per_epoch]
        lengths = torch.tensor([self._pieces[each][1] for each in chosen])
        frames, hop = int(lengths.max()), self._shape.hop
        at = torch.tensor([self._pieces[each][0] for each in chosen])[:, None] + torch.arange(frames)
        real = torch.arange(frames) < lengths[:, None]
        at = torch.where(real, at, 0).to(self._device)
        real = real.to(self._device)
        within = at[..., None] * hop + torch.arange(hop, device=self._device)
        batch = Batch(
            content=self._content[at].float() * real[..., None],
            f0=self._f0[at] * real,
            samples=(self._samples[within] * real[..., None]).flatten(1),
            lengths=lengths,
        )
        return batch, self._draws(step, draw, lengths)

    def _draws(self, step: int, draw: int, lengths: Tensor) -> Draws:
        places = np.random.default_rng((self._seed, step, draw))
        starts = [int(places.integers(0, length - self._shape.segment_frames + 1)) for length in lengths.tolist()]
        noise = torch.Generator(self._device).manual_seed(int(places.integers(2**62)))
        size = (len(lengths), self._shape.inter, int(lengths.max()))
        wide = (len(lengths), self._shape.segment_frames * self._shape.hop)
        return Draws(
            posterior=torch.randn(size, generator=noise, device=self._device),
            source=torch.randn(wide, generator=noise, device=self._device),
            starts=torch.tensor(starts),
        )

    def _order(self, epoch: int) -> list[list[int]]:
        """Pieces of each step of an epoch: shuffled, then brought together by length, then the batches shuffled."""
        drawn = np.random.default_rng((self._seed, epoch))
        mixed = drawn.permutation(len(self._pieces))
        alike = np.array([self._pieces[each][1] // _ALIKE for each in mixed])
        order = mixed[np.argsort(alike, kind="stable")]
        starts = range(0, len(order), self._batch_size)
        batches = [[int(each) for each in order[start : start + self._batch_size]] for start in starts]
        return [batches[each] for each in drawn.permutation(len(batches))]


def _pieces(lengths: list[int], least: int) -> list[tuple[int, int]]:
    """Where each piece begins in all clips laid end to end, and its length, in frames; a clip is divided evenly."""
    pieces, begin = [], 0
    for frames in lengths:
        count = -(-frames // _LONGEST)
        edges = [begin + frames * number // count for number in range(count + 1)]
        pieces += [(first, last - first) for first, last in pairwise(edges) if last - first >= least]
        begin += frames
    return pieces
