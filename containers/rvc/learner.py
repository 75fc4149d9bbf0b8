"""The two networks that learn from each other, their optimisers, and one step of both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from . import losses
from .batches import Batch
from .discriminator import Discriminator, Heard
from .files import Tensors
from .generator import Draws, Generator
from .shape import Shape

Precision = Literal["fp32", "bf16", "fp16"]
BETAS, EPSILON = (0.8, 0.99), 1e-9
DECAY = 0.999875
"""Of the learning rate, each epoch: the published schedule."""
LOSSES = ("discriminator", "adversarial", "features", "mel", "kl")
_TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
_THINNER = 64
"""Of the discriminator beside a tiny generator."""


@dataclass(frozen=True, kw_only=True)
class Beginning:
    """Weights a training begins with; None: from nothing."""

    generator: Tensors | None
    discriminator: Tensors | None
    spectral: bool = False


class Learner:
    def __init__(
        self, shape: Shape, tiny: bool, beginning: Beginning, precision: Precision, seed: int, device: torch.device
    ) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.generator = Generator(shape)
            self.discriminator = Discriminator(beginning.spectral, _THINNER if tiny else 1)
        if beginning.generator is not None:
            self.generator.load_state_dict(self.generator.state_dict() | beginning.generator)
        if beginning.discriminator is not None:
            self.discriminator.load_state_dict(beginning.discriminator)
        self._shape, self._device, self._precision = shape, device, precision
        for network in (self.generator, self.discriminator):
            network.to(device).train()
        fused = device.type == "cuda"
        self._optimisers = [
            torch.optim.AdamW(network.parameters(), betas=BETAS, eps=EPSILON, fused=fused)
            for network in (self.generator, self.discriminator)
        ]
        self._scaler = torch.amp.GradScaler(device.type, enabled=precision == "fp16")
        self._spectra = losses.Spectra(shape, device)

    def step(self, batch: Batch, draws: Draws, rate: float) -> Tensor:
        """Both networks learn from a batch at this learning rate; the losses, in the order of LOSSES, still on the
        device. Not finite: something is wrong, and the weights are no longer to be used."""
        for optimiser in self._optimisers:
            for group in optimiser.param_groups:
                group["lr"] = rate
        spectrum = self._spectra.linear(batch.samples)
        with self._light():
            made = self.generator(batch.content, batch.f0, spectrum, batch.lengths.to(self._device), draws)
        said, real = made.samples.float(), self._segments(batch.samples, draws.starts)
        told = self._learn_to_tell(real, said.detach())
        with self._light():
            with torch.no_grad():
                right = self.discriminator(real)
            false = self.discriminator(said)
        parts = (
            losses.taken_for_real(false),
            losses.features(right, false),
            losses.MEL_WEIGHT * F.l1_loss(self._spectra.log_mel(said), self._spectra.log_mel(real)),
            losses.KL_WEIGHT * losses.kl(made),
        )
        self._move(0, sum(parts))
        self._scaler.update()
        return torch.stack([told, *(each.detach() for each in parts)])

    def _learn_to_tell(self, real: Tensor, false: Tensor) -> Tensor:
        self.discriminator.requires_grad_(True)
        with self._light():
            heard = self.discriminator(torch.cat((real, false)))
        half = len(real)
        loss = losses.told_apart(_part(heard, slice(0, half)), _part(heard, slice(half, None)))
        self._move(1, loss)
        self.discriminator.requires_grad_(False)  # the generator's step needs no gradients of these weights
        return loss.detach()

    def _move(self, which: int, loss: Tensor) -> None:
        optimiser = self._optimisers[which]
        optimiser.zero_grad(set_to_none=True)
        self._scaler.scale(loss).backward()
        self._scaler.step(optimiser)

    def _light(self) -> torch.autocast:
        kind = _TYPES[self._precision]
        return torch.autocast(self._device.type, dtype=kind, enabled=self._precision != "fp32")

    def _segments(self, samples: Tensor, starts: Tensor) -> Tensor:
        width, hop = self._shape.segment_frames * self._shape.hop, self._shape.hop
        pairs = zip(samples, starts.tolist(), strict=True)
        return torch.stack([each[start * hop : start * hop + width] for each, start in pairs])

    def finite(self) -> bool:
        """No weight has come to be infinite or no number."""
        with torch.no_grad():
            sums = [each.sum() for net in (self.generator, self.discriminator) for each in net.parameters()]
            return bool(torch.isfinite(torch.stack(sums)).all())

    def state(self) -> dict[str, Any]:
        """All that a training needs to go on as if it had not stopped."""
        return {
            "generator": self.generator.state_dict(),
            "discriminator": self.discriminator.state_dict(),
            "optimisers": [each.state_dict() for each in self._optimisers],
            "scaler": self._scaler.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.generator.load_state_dict(state["generator"])
        self.discriminator.load_state_dict(state["discriminator"])
        for optimiser, saved in zip(self._optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        self._scaler.load_state_dict(state["scaler"])


def _part(heard: list[Heard], which: slice) -> list[Heard]:
    return [(verdict[which], [each[which] for each in maps]) for verdict, maps in heard]
