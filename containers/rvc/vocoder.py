"""From the latent to samples: HiFi-GAN (Kong 2020) that a sine at f0 is fed into (neural source filter, Wang 2019).

The sine's phase is an argument, so that a long recording made in blocks has one unbroken sine.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .layers import SLOPE, NormedConv1d, NormedUp1d
from .shape import Shape

SINE, SINE_NOISE = 0.1, 0.003
"""Amplitude of the sine, and of the noise on it; unvoiced frames are noise of a third of the sine's amplitude."""


def turns(f0: Tensor, shape: Shape) -> Tensor:
    """How many times the sine has gone round when each frame begins (batch, frames), from 0; float64."""
    each = f0.double() / shape.rate_hz * shape.hop
    return torch.cumsum(each, dim=1) - each


class Source(nn.Module):
    """The excitation: a sine at f0 where there is one, noise elsewhere."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self._shape = shape
        self.l_linear = nn.Linear(1, 1)
        nn.init.ones_(self.l_linear.weight)
        nn.init.zeros_(self.l_linear.bias)  # the sine as it is, to begin with

    def forward(self, f0: Tensor, begin: Tensor, noise: Tensor) -> Tensor:
        """f0 in Hz and `begin` in turns (batch, frames), standard normal `noise` -> (batch, 1, samples)."""
        steps = torch.arange(1, self._shape.hop + 1, device=f0.device, dtype=torch.float64)
        turned = begin[..., None] + f0.double()[..., None] / self._shape.rate_hz * steps
        sine = torch.sin(2 * math.pi * (turned % 1)).flatten(1).to(noise.dtype)
        voiced = (f0 > 0).to(noise.dtype).repeat_interleave(self._shape.hop, dim=1)
        sound = voiced * (SINE * sine + SINE_NOISE * noise) + (1 - voiced) * (SINE / 3) * noise
        return torch.tanh(self.l_linear(sound[..., None])).transpose(1, 2)


class Residual(nn.Module):
    def __init__(self, channels: int, kernel: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.convs1 = nn.ModuleList(
            NormedConv1d(channels, channels, kernel, dilation=each, padding=each * (kernel - 1) // 2)
            for each in dilations
        )
        self.convs2 = nn.ModuleList(NormedConv1d(channels, channels, kernel, padding=kernel // 2) for _ in dilations)

    def forward(self, sound: Tensor) -> Tensor:
        for wide, narrow in zip(self.convs1, self.convs2, strict=True):
            sound = sound + narrow(F.leaky_relu(wide(F.leaky_relu(sound, SLOPE)), SLOPE))
        return sound


class Vocoder(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        channels = [shape.up_channels // 2**step for step in range(len(shape.up_rates) + 1)]
        self._kinds = len(shape.res_kernels)
        self.m_source = Source(shape)
        self.conv_pre = nn.Conv1d(shape.inter, channels[0], 7, padding=3)
        self.cond = nn.Conv1d(shape.speaker_channels, channels[0], 1)
        self.ups = nn.ModuleList(
            NormedUp1d(channels[step], channels[step + 1], kernel, rate, padding=(kernel - rate) // 2)
            for step, (rate, kernel) in enumerate(zip(shape.up_rates, shape.up_kernels, strict=True))
        )
        strides = [math.prod(shape.up_rates[step + 1 :]) for step in range(len(shape.up_rates))]
        self.noise_convs = nn.ModuleList(
            nn.Conv1d(1, channels[step + 1], 2 * stride, stride, padding=stride // 2)
            if stride > 1
            else nn.Conv1d(1, channels[step + 1], 1)
            for step, stride in enumerate(strides)
        )
        self.resblocks = nn.ModuleList(
            Residual(width, kernel, dilations)
            for width in channels[1:]
            for kernel, dilations in zip(shape.res_kernels, shape.res_dilations, strict=True)
        )
        self.conv_post = nn.Conv1d(channels[-1], 1, 7, padding=3, bias=False)
        for each in (*self.ups, *(conv for block in self.resblocks for conv in (*block.convs1, *block.convs2))):
            nn.init.normal_(each.weight_v, 0.0, 0.01)  # HiFi-GAN's own beginning
            each.weight_g.data = torch.linalg.vector_norm(each.weight_v.data, dim=(1, 2), keepdim=True)
        for each in (*self.ups, *self.noise_convs):
            nn.init.zeros_(each.bias)  # no hum of its own where a frame begins

    def forward(self, latent: Tensor, speaker: Tensor, f0: Tensor, begin: Tensor, noise: Tensor) -> Tensor:
        """(batch, inter, frames) -> samples (batch, 1, frames x hop) in -1..1; see Source for the other arguments."""
        source = self.m_source(f0, begin, noise)
        sound = self.conv_pre(latent) + self.cond(speaker)
        for step, (up, feed) in enumerate(zip(self.ups, self.noise_convs, strict=True)):
            sound = up(F.leaky_relu(sound, SLOPE)) + feed(source)
            blocks = self.resblocks[step * self._kinds : (step + 1) * self._kinds]
            sound = sum(block(sound) for block in blocks) / self._kinds
        return torch.tanh(self.conv_post(F.leaky_relu(sound)))
