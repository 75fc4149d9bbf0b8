"""The posterior, which training listens to the recording with, and the flow between it and the prior (VITS).

A voice file holds the flow; the posterior is only in pretrained files and in what a voice is trained on from.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .layers import GatedConvs
from .shape import Shape

_KERNEL, _POSTERIOR_LAYERS, _FLOW_LAYERS, _FLOWS = 5, 16, 3, 4


class Posterior(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.pre = nn.Conv1d(shape.spectrum_bins, shape.hidden, 1)
        self.enc = GatedConvs(shape.hidden, _KERNEL, _POSTERIOR_LAYERS, shape.speaker_channels)
        self.proj = nn.Conv1d(shape.hidden, 2 * shape.inter, 1)

    def forward(self, spectrum: Tensor, mask: Tensor, speaker: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """A sample of the posterior and its log spread; `noise` is standard normal (batch, inter, frames)."""
        inner = self.enc(self.pre(spectrum) * mask, mask, speaker)
        mean, log_spread = (self.proj(inner) * mask).chunk(2, dim=1)
        return (mean + noise * torch.exp(log_spread)) * mask, log_spread


class Coupling(nn.Module):
    """One half of the channels moves the other half by a mean (spread 1, so the flow keeps volume)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        half = shape.inter // 2
        self.pre = nn.Conv1d(half, shape.hidden, 1)
        self.enc = GatedConvs(shape.hidden, _KERNEL, _FLOW_LAYERS, shape.speaker_channels)
        self.post = nn.Conv1d(shape.hidden, half, 1)
        nn.init.zeros_(self.post.weight)
        nn.init.zeros_(self.post.bias)  # a flow begins as the identity

    def forward(self, sound: Tensor, mask: Tensor, speaker: Tensor, back: bool) -> Tensor:
        kept, moved = sound.chunk(2, dim=1)
        mean = self.post(self.enc(self.pre(kept) * mask, mask, speaker)) * mask
        return torch.cat((kept, (moved - mean) * mask if back else moved * mask + mean), dim=1)


class Turn(nn.Module):
    """Turns the channels around, so that the next coupling moves the other half; its own inverse."""

    def forward(self, sound: Tensor, _mask: Tensor, _speaker: Tensor, _back: bool) -> Tensor:
        return sound.flip(1)


class Flow(nn.Module):
    """From posterior to prior, and `back`."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.flows = nn.ModuleList(each for _ in range(_FLOWS) for each in (Coupling(shape), Turn()))

    def forward(self, sound: Tensor, mask: Tensor, speaker: Tensor, back: bool = False) -> Tensor:
        for each in reversed(self.flows) if back else self.flows:
            sound = each(sound, mask, speaker, back)
        return sound
