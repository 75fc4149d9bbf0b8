"""What training minimises: the losses of VITS and HiFi-GAN, with their weights."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from .discriminator import Heard
from .generator import Trained
from .mel import filters
from .shape import Shape

MEL_WEIGHT, KL_WEIGHT, FEATURES_WEIGHT = 45.0, 1.0, 2.0


class Spectra:
    """Spectra of samples (batch, n): one frame each hop, without a look beyond the ends."""

    def __init__(self, shape: Shape, device: torch.device) -> None:
        self._shape = shape
        self._window = torch.hann_window(shape.fft, device=device)
        self._bank = torch.from_numpy(filters(shape.rate_hz, shape.fft, shape.mels)).to(device)

    def linear(self, samples: Tensor) -> Tensor:
        """Magnitudes (batch, bins, frames)."""
        side = (self._shape.fft - self._shape.hop) // 2
        padded = F.pad(samples[:, None], (side, side), "reflect" if samples.shape[1] > side else "constant")[:, 0]
        made = torch.stft(
            padded, self._shape.fft, self._shape.hop, window=self._window, center=False, return_complex=True
        )
        return torch.sqrt(made.real**2 + made.imag**2 + 1e-6)

    def log_mel(self, samples: Tensor) -> Tensor:
        """Natural logarithm of mel magnitudes (batch, mels, frames)."""
        return torch.log(torch.clamp(self._bank @ self.linear(samples), min=1e-5))


def kl(made: Trained) -> Tensor:
    """How far the posterior is from the prior, a mean over frames that are sound."""
    latent, mean, spread = made.latent.float(), made.prior_mean.float(), made.prior_log_spread.float()
    distance = spread - made.log_spread.float() - 0.5 + 0.5 * (latent - mean) ** 2 * torch.exp(-2 * spread)
    return (distance * made.mask).sum() / made.mask.sum()


def told_apart(real: list[Heard], false: list[Heard]) -> Tensor:
    """The discriminator's loss (least squares): 1 for recordings, 0 for what the generator made."""
    return sum(
        ((1 - yes.float()) ** 2).mean() + (no.float() ** 2).mean()
        for (yes, _), (no, _) in zip(real, false, strict=True)
    )


def taken_for_real(false: list[Heard]) -> Tensor:
    return sum(((1 - verdict.float()) ** 2).mean() for verdict, _ in false)


def features(real: list[Heard], false: list[Heard]) -> Tensor:
    """How unlike the discriminator's layers hear them (feature matching)."""
    return FEATURES_WEIGHT * sum(
        (one.detach().float() - other.float()).abs().mean()
        for (_, ones), (_, others) in zip(real, false, strict=True)
        for one, other in zip(ones, others, strict=True)
    )
