"""The two networks that learn from each other, their optimisers, and one step of both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from . import losses
from .batches import Batch
from .discriminator import Discriminator, Heard
from .files import Tensors
from .generator import Draws, Generator
from .recorded import Recorded
from .shape import Shape
from .team import ALONE, Team

Precision = Literal["auto", "fp32", "bf16", "fp16"]
BETAS, EPSILON = (0.8, 0.99), 1e-9
DECAY = 0.999875
"""Of the learning rate, each epoch: the published schedule."""
LOSSES = ("discriminator", "adversarial", "features", "mel", "kl")
GRADIENTS = ("generator_gradient", "discriminator_gradient")
"""Norms of all gradients of a network, after the losses in what a step answers."""
_TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True, kw_only=True)
class Beginning:
    """Weights a training begins with; None: from nothing. `spectral`: how the discriminator is normalised; `thinner`:
    what its channels are divided by, 1 but in tests."""

    generator: Tensors | None
    discriminator: Tensors | None
    spectral: bool = False
    thinner: int = 1


@dataclass(frozen=True, kw_only=True)
class Speed:
    """How a training computes; `cuda_graphs`: steps are recorded where they can be."""

    precision: Precision = "auto"
    cuda_graphs: bool = True


def resolved(precision: Precision, device: torch.device) -> Precision:
    """What `auto` means: bf16 on a GPU that computes in it, fp32 elsewhere."""
    if precision != "auto":
        return precision
    return "bf16" if device.type == "cuda" and torch.cuda.is_bf16_supported() else "fp32"


def as_graphs(speed: Speed, device: torch.device, team: Team) -> bool:
    """Whether steps are recorded: on one GPU, unless fp16 looks for a scale, which has to wait for the GPU."""
    fit = device.type == "cuda" and team.size == 1 and resolved(speed.precision, device) != "fp16"
    return fit and speed.cuda_graphs


class Learner:
    def __init__(
        self,
        shape: Shape,
        beginning: Beginning,
        speed: Speed,
        seed: int,
        device: torch.device,
        team: Team = ALONE,
    ) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.generator = Generator(shape)
            self.discriminator = Discriminator(beginning.spectral, beginning.thinner)
        if beginning.generator is not None:
            self.generator.load_state_dict(self.generator.state_dict() | beginning.generator)
        if beginning.discriminator is not None:
            self.discriminator.load_state_dict(beginning.discriminator)
        self._shape, self._team, self.precision = shape, team, resolved(speed.precision, device)
        self.device = device
        for network in (self.generator, self.discriminator):
            network.to(device).train()
        self._generate, self._tell = team.wrapped(self.generator), team.wrapped(self.discriminator)
        self._optimisers = [
            torch.optim.AdamW(network.parameters(), betas=BETAS, eps=EPSILON, fused=device.type == "cuda")
            for network in (self.generator, self.discriminator)
        ]
        self._rate = torch.zeros((), device=device)
        self._recorded = Recorded(self._learn, device) if as_graphs(speed, device, team) else None
        self._settle()
        self._scaler = torch.amp.GradScaler(device.type, enabled=self.precision == "fp16")
        self._spectra = losses.Spectra(shape, device)

    def step(self, batch: Batch, draws: Draws, rate: float, move: bool = True) -> Tensor:
        """Both networks learn from a batch at this learning rate; LOSSES and GRADIENTS, still on the device.

        Not finite: something is wrong, and the weights are no longer to be used. Without `move` all is computed and
        no weight changed.
        """
        if self._recorded is None:
            for group in self._groups():
                group["lr"] = rate
            return self._learn(batch, draws, move)
        self._rate.fill_(rate)
        return self._recorded(batch, draws) if move else self._learn(batch, draws, move)

    def _learn(self, batch: Batch, draws: Draws, move: bool = True) -> Tensor:
        spectrum = self._spectra.linear(batch.samples)
        with self._light():
            made = self._generate(batch.content, batch.f0, spectrum, batch.lengths, draws)
        said, real = made.samples.float(), self._segments(batch.samples, draws.starts)
        told, norm_told = self._learn_to_tell(real, said.detach(), batch.share, move)
        with self._light():
            with torch.no_grad():
                right = self.discriminator(real)
            false = self.discriminator(said)
        parts = (
            batch.share * losses.taken_for_real(false),
            batch.share * losses.features(right, false),
            batch.share * losses.MEL_WEIGHT * F.l1_loss(self._spectra.log_mel(said), self._spectra.log_mel(real)),
            batch.frame_share * losses.KL_WEIGHT * losses.kl(made),
        )
        norm = self._move(0, sum(parts), move)
        if move:
            self._scaler.update()
        answer = self._team.mean(torch.stack([told, *(each.detach() for each in parts)]))
        return torch.cat((answer, torch.stack((norm, norm_told))))

    def rehearse(self, batch: Batch, draws: Draws) -> None:
        """Do all of a step but learn, to see how long one takes."""
        kept = {name: each.clone() for name, each in self.discriminator.named_buffers()}
        self.step(batch, draws, 0.0, move=False).tolist()
        for name, each in self.discriminator.named_buffers():
            each.copy_(kept[name])

    def _learn_to_tell(self, real: Tensor, false: Tensor, share: float, move: bool) -> tuple[Tensor, Tensor]:
        self.discriminator.requires_grad_(True)
        with self._light():
            heard = self._tell(torch.cat((real, false)))
        half = len(real)
        loss = share * losses.told_apart(_part(heard, slice(0, half)), _part(heard, slice(half, None)))
        norm = self._move(1, loss, move)
        self.discriminator.requires_grad_(False)  # the generator's step needs no gradients of these weights
        return loss.detach(), norm

    def _move(self, which: int, loss: Tensor, move: bool) -> Tensor:
        """Learn from a loss; the norm of its gradients."""
        optimiser = self._optimisers[which]
        optimiser.zero_grad(set_to_none=True)
        self._scaler.scale(loss).backward()
        if move:
            self._scaler.unscale_(optimiser)
        gradients = [each.grad for group in optimiser.param_groups for each in group["params"] if each.grad is not None]
        norm = nn.utils.get_total_norm(gradients).detach()
        if move:
            self._scaler.step(optimiser)
        return norm

    def _light(self) -> torch.autocast:
        return torch.autocast(self.device.type, dtype=_TYPES[self.precision], enabled=self.precision != "fp32")

    def _segments(self, samples: Tensor, starts: Tensor) -> Tensor:
        width, hop = self._shape.segment_frames * self._shape.hop, self._shape.hop
        return samples.gather(1, starts[:, None] * hop + torch.arange(width, device=samples.device))

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
            "optimisers": [_plain(each.state_dict()) for each in self._optimisers],
            "scaler": self._scaler.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.generator.load_state_dict(state["generator"])
        self.discriminator.load_state_dict(state["discriminator"])
        for optimiser, saved in zip(self._optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        self._scaler.load_state_dict(state["scaler"])
        self._settle()

    def _groups(self) -> Iterator[dict[str, Any]]:
        for optimiser in self._optimisers:
            yield from optimiser.param_groups

    def _settle(self) -> None:
        """What a recorded step needs: a learning rate on the device, which is read anew each time it plays."""
        for group in self._groups():
            group["capturable"] = self._recorded is not None
            if self._recorded is not None:
                group["lr"] = self._rate


def _plain(state: dict[str, Any]) -> dict[str, Any]:
    """An optimiser's state with its learning rate as a number, wherever it lies."""
    groups = [{**group, "lr": float(group["lr"])} for group in state["param_groups"]]
    return {**state, "param_groups": groups}


def _part(heard: list[Heard], which: slice) -> list[Heard]:
    return [(verdict[which], [each[which] for each in maps]) for verdict, maps in heard]
