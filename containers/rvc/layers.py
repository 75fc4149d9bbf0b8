"""Layers that several parts of the network are made of; names of parameters are those of the RVC v2 format.

Sound is (batch, channels, frames) throughout; a mask is (batch, 1, frames), 1 where a clip has sound and 0 where
it was filled up to its neighbours' length.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SLOPE = 0.1
"""Of the leaky ReLUs, as VITS and HiFi-GAN have it."""


class _Normed:
    """Weight normalisation (Salimans & Kingma 2016) under the names `weight_g` and `weight_v`."""

    weight_g: nn.Parameter
    weight_v: nn.Parameter

    def _part(self: Any) -> None:
        direction = self.weight.detach().clone()
        del self.weight
        self.weight_g = nn.Parameter(
            torch.linalg.vector_norm(direction, dim=tuple(range(1, direction.dim())), keepdim=True)
        )
        self.weight_v = nn.Parameter(direction)

    def _joined(self) -> Tensor:
        return torch._weight_norm(self.weight_v, self.weight_g, 0)


class NormedConv1d(nn.Conv1d, _Normed):
    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._part()

    def forward(self, sound: Tensor) -> Tensor:
        return self._conv_forward(sound, self._joined(), self.bias)


class NormedConv2d(nn.Conv2d, _Normed):
    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._part()

    def forward(self, sound: Tensor) -> Tensor:
        return self._conv_forward(sound, self._joined(), self.bias)


class NormedUp1d(nn.ConvTranspose1d, _Normed):
    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._part()

    def forward(self, sound: Tensor) -> Tensor:
        return F.conv_transpose1d(sound, self._joined(), self.bias, self.stride, self.padding)


class ChannelNorm(nn.Module):
    """Layer normalisation over channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(channels))
        self.beta = nn.Parameter(torch.zeros(channels))

    def forward(self, sound: Tensor) -> Tensor:
        return F.layer_norm(sound.transpose(1, 2), self.gamma.shape, self.gamma, self.beta).transpose(1, 2)


class GatedConvs(nn.Module):
    """WaveNet's stack of gated convolutions that a speaker's vector conditions (van den Oord 2016; VITS' WN)."""

    def __init__(self, channels: int, kernel: int, layers: int, speaker_channels: int) -> None:
        super().__init__()
        last = layers - 1
        self.in_layers = nn.ModuleList(
            NormedConv1d(channels, 2 * channels, kernel, padding=kernel // 2) for _ in range(layers)
        )
        self.res_skip_layers = nn.ModuleList(
            NormedConv1d(channels, channels if index == last else 2 * channels, 1) for index in range(layers)
        )
        self.cond_layer = NormedConv1d(speaker_channels, 2 * channels * layers, 1)

    def forward(self, sound: Tensor, mask: Tensor, speaker: Tensor) -> Tensor:
        total = torch.zeros_like(sound)
        conditions = self.cond_layer(speaker).chunk(len(self.in_layers), dim=1)
        for index, (inner, outer) in enumerate(zip(self.in_layers, self.res_skip_layers, strict=True)):
            signal, gate = (inner(sound) + conditions[index]).chunk(2, dim=1)
            answer = outer(torch.tanh(signal) * torch.sigmoid(gate))
            if index < len(self.in_layers) - 1:
                onward, answer = answer.chunk(2, dim=1)
                sound = (sound + onward) * mask
            total = total + answer
        return total * mask


def mask_of(lengths: Tensor, frames: int) -> Tensor:
    """(batch,) lengths -> (batch, 1, frames) of 1 and 0."""
    return (torch.arange(frames, device=lengths.device) < lengths[:, None])[:, None].float()
