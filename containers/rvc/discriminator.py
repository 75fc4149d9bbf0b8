"""The discriminator: one that hears samples in a row, and eight that hear every 2nd, 3rd, 5th ... 37th (HiFi-GAN).

Pretrained files normalise its weights by weight normalisation; the format's `use_spectral_norm` names another way.
It lives while a voice is trained and is no part of what training leaves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from .layers import SLOPE, NormedConv1d, NormedConv2d

PERIODS = (2, 3, 5, 7, 11, 17, 23, 37)
_ROW = ((16, 15, 1, 1), (64, 41, 4, 4), (256, 41, 4, 16), (1024, 41, 4, 64), (1024, 41, 4, 256), (1024, 5, 1, 1))
"""Channels, kernel, stride and groups of the layers that hear samples in a row."""
_PERIODIC = (32, 128, 512, 1024, 1024)
Heard = tuple[Tensor, list[Tensor]]
"""The verdict, and what every layer made of the sound."""


def _conv(kind: Any, normed: Any, spectral: bool) -> Callable[..., nn.Module]:
    return (lambda *given, **more: spectral_norm(kind(*given, **more))) if spectral else normed


class InARow(nn.Module):
    def __init__(self, spectral: bool, thinner: int) -> None:
        super().__init__()
        conv = _conv(nn.Conv1d, NormedConv1d, spectral)
        self.convs = nn.ModuleList()
        before = 1
        for channels, kernel, stride, groups in _ROW:
            now = max(1, channels // thinner)
            groups = max(1, groups // thinner)  # noqa: PLW2901 (as thin as the channels)
            self.convs.append(conv(before, now, kernel, stride, groups=groups, padding=kernel // 2))
            before = now
        self.conv_post = conv(before, 1, 3, 1, padding=1)

    def forward(self, sound: Tensor) -> Heard:
        return _heard(self, sound)


class Periodic(nn.Module):
    def __init__(self, period: int, spectral: bool, thinner: int) -> None:
        super().__init__()
        self._period = period
        conv = _conv(nn.Conv2d, NormedConv2d, spectral)
        widths = [1, *(max(1, each // thinner) for each in _PERIODIC)]
        self.convs = nn.ModuleList(
            conv(widths[step], widths[step + 1], (5, 1), (3 if step < len(_PERIODIC) - 1 else 1, 1), padding=(2, 0))
            for step in range(len(_PERIODIC))
        )
        self.conv_post = conv(widths[-1], 1, (3, 1), 1, padding=(1, 0))

    def forward(self, sound: Tensor) -> Heard:
        missing = -sound.shape[-1] % self._period
        sound = F.pad(sound, (0, missing), "reflect")
        return _heard(self, sound.view(len(sound), 1, -1, self._period))


def _heard(layers: Any, sound: Tensor) -> Heard:
    maps = []
    for each in layers.convs:
        sound = F.leaky_relu(each(sound), SLOPE)
        maps.append(sound)
    sound = layers.conv_post(sound)
    return sound.flatten(1), [*maps, sound]


class Discriminator(nn.Module):
    def __init__(self, spectral: bool = False, thinner: int = 1) -> None:
        """`thinner`: channels divided by this, for tests; 1 is the format's."""
        super().__init__()
        self.discriminators = nn.ModuleList(
            [InARow(spectral, thinner), *(Periodic(period, spectral, thinner) for period in PERIODS)]
        )

    def forward(self, samples: Tensor) -> list[Heard]:
        """What each discriminator says of samples (batch, n)."""
        return [each(samples[:, None]) for each in self.discriminators]
