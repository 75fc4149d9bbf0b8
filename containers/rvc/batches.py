"""Steps as tensors: the clips of a character in batches on the device, and what is random in each.

Clips lie on the device where they fit; else they stay in memory, and the next batches are put together there while
the device computes. Every random number of a step follows from the seed and the step's number alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from .clips import Clip
from .content import doubled
from .generator import Draws
from .order import Order, Step
from .shape import Shape
from .team import ALONE, Team

Keep = Literal["auto", "device", "host"]
_SHARE_OF_DEVICE = 0.25
"""Of the free memory of a GPU that clips may take."""
_AHEAD = 2


@dataclass(frozen=True, kw_only=True)
class Material:
    """All clips end to end: content (frames, 768) float16, f0 (frames,), samples (frames x hop,); the frames of each
    clip and its file's name."""

    content: Tensor
    f0: Tensor
    samples: Tensor
    lengths: tuple[int, ...]
    names: tuple[str, ...]

    @property
    def bytes(self) -> int:
        return sum(each.numel() * each.element_size() for each in (self.content, self.f0, self.samples))


def material_of(clips: list[Clip]) -> Material:
    def joined(parts: list[np.ndarray]) -> Tensor:
        return torch.from_numpy(np.concatenate(parts))

    return Material(
        content=joined([doubled(clip.content, clip.frames) for clip in clips]),
        f0=joined([clip.f0 for clip in clips]),
        samples=joined([clip.samples for clip in clips]),
        lengths=tuple(clip.frames for clip in clips),
        names=tuple(clip.name for clip in clips),
    )


@dataclass(frozen=True, kw_only=True)
class Batch:
    """content (batch, frames, 768), f0 (batch, frames), samples (batch, frames x hop), lengths (batch,) in frames.

    `share`, `frame_share`: how much this process's means over pieces and over frames count in the team's mean.
    """

    content: Tensor
    f0: Tensor
    samples: Tensor
    lengths: Tensor
    share: float
    frame_share: float

    def to(self, device: torch.device) -> Batch:
        parts = {
            name: getattr(self, name).to(device, non_blocking=True) for name in ("content", "f0", "samples", "lengths")
        }
        return replace(self, **parts)


class Lessons:
    """All pieces of all clips; each process of a team takes its part of every batch."""

    def __init__(
        self,
        material: Material,
        shape: Shape,
        batch_size: int,
        seed: int,
        device: torch.device,
        keep: Keep = "auto",
        team: Team = ALONE,
    ) -> None:
        self._shape, self._seed, self._device, self._team = shape, seed, device, team
        self._names = material.names
        self.order = Order(material.lengths, shape.segment_frames, batch_size, seed)
        self.on_device = _fits(material, keep, device)
        at = device if self.on_device else torch.device("cpu")
        self._content, self._f0, self._samples = (
            each.to(at) for each in (material.content, material.f0, material.samples)
        )

    @property
    def steps_per_epoch(self) -> int:
        return self.order.steps_per_epoch

    @property
    def pieces(self) -> int:
        return self.order.pieces

    def names(self, number: int) -> list[str]:
        """Files that the pieces of a step are from."""
        return sorted({self._names[piece.clip] for piece in self.order.step(number).pieces})

    def fed(self, first: int, last: int) -> Iterator[tuple[Batch, Draws]]:
        """The batches of these steps in order; those that come from memory are put together ahead of time."""
        if self.on_device:
            yield from map(self.batch, range(first, last))
            return
        with ThreadPoolExecutor(1, "lessons") as pool:
            waiting: deque[tuple[Step, Future[Batch]]] = deque()
            for number in range(first, last):
                step = self.order.step(number)
                waiting.append((step, pool.submit(self._gathered, step)))
                if len(waiting) > _AHEAD:
                    yield self._ready(*waiting.popleft())
            while waiting:
                yield self._ready(*waiting.popleft())

    def _ready(self, step: Step, made: Future[Batch]) -> tuple[Batch, Draws]:
        return made.result().to(self._device), self._draws(step)

    def batch(self, number: int) -> tuple[Batch, Draws]:
        """What the step of this number hears, and what is random in it."""
        step = self.order.step(number)
        return self._gathered(step).to(self._device), self._draws(step)

    def _gathered(self, step: Step) -> Batch:
        """A batch where the clips lie; in pinned memory, if it has to go to a GPU from there."""
        own, team = step.pieces[self._rows(step)], self._team
        hop, at = self._shape.hop, self._content.device
        places = self._pinned(torch.tensor([(piece.begin, piece.frames) for piece in own]))
        begins, lengths = places.to(at, non_blocking=True).unbind(1)
        frames = torch.arange(step.frames, device=at)
        real = frames < lengths[:, None]
        index = torch.where(real, begins[:, None] + frames, 0)
        within = index[..., None] * hop + torch.arange(hop, device=at)
        heard, everyone = (sum(piece.frames for piece in pieces) for pieces in (own, step.pieces))
        weight = team.size if team.rank < len(step.pieces) else 0
        return Batch(
            content=self._pinned(self._content[index].float() * real[..., None]),
            f0=self._pinned(self._f0[index] * real),
            samples=self._pinned((self._samples[within] * real[..., None]).flatten(1)),
            lengths=self._pinned(lengths.contiguous()),
            share=weight * len(own) / len(step.pieces),
            frame_share=weight * heard / everyone,
        )

    def _pinned(self, part: Tensor) -> Tensor:
        return part.pin_memory() if self._device.type == "cuda" and part.device.type == "cpu" else part

    def _rows(self, step: Step) -> slice:
        """Which of a step's pieces are this process's; one that gets none hears the first, and counts for nothing."""
        return slice(self._team.rank, None, self._team.size) if self._team.rank < len(step.pieces) else slice(0, 1)

    def _draws(self, step: Step) -> Draws:
        """Drawn for the whole batch, so that it is the same one however many processes share it."""
        places = np.random.default_rng((self._seed, step.number, 0))
        segment, count, rows = self._shape.segment_frames, len(step.pieces), self._rows(step)
        starts = [int(places.integers(0, piece.frames - segment + 1)) for piece in step.pieces]
        noise = torch.Generator(device=self._device)
        noise.manual_seed(int(np.random.default_rng((self._seed, step.number, 0, 1)).integers(2**62)))
        posterior = torch.randn((count, self._shape.inter, step.frames), generator=noise, device=self._device)
        source = torch.randn((count, segment * self._shape.hop), generator=noise, device=self._device)
        return Draws(
            posterior=posterior[rows],
            source=source[rows],
            starts=self._pinned(torch.tensor(starts)[rows]).to(self._device, non_blocking=True),
        )


def _fits(material: Material, keep: Keep, device: torch.device) -> bool:
    """Whether the clips are to lie on the device."""
    if device.type != "cuda":
        return False
    if keep == "auto":
        return material.bytes < _SHARE_OF_DEVICE * torch.cuda.mem_get_info(device)[0]
    return keep == "device"
