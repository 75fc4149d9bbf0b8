"""The generator of an RVC v2 voice. All that is random in it is an argument, so that a result can be had again."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .layers import mask_of
from .posterior import Flow, Posterior
from .shape import Shape
from .text_encoder import TextEncoder, coarse
from .vocoder import Vocoder, turns

PRIOR_NOISE = 0.66666
"""How much of the prior's spread a conversion draws from: the ecosystem's value."""


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What a training step hears: samples of the segments, where they began, and both sides of the KL divergence."""

    samples: Tensor
    latent: Tensor
    log_spread: Tensor
    prior_mean: Tensor
    prior_log_spread: Tensor
    mask: Tensor


@dataclass(frozen=True, kw_only=True)
class Draws:
    """What is random in a step: standard normal noise of the posterior (batch, inter, frames) and of the source
    (batch, segment samples), and where each clip's segment begins (batch,), in frames."""

    posterior: Tensor
    source: Tensor
    starts: Tensor


class Generator(nn.Module):
    def __init__(self, shape: Shape, listening: bool = True) -> None:
        """`listening`: with the posterior, which training needs and a voice file has not."""
        super().__init__()
        self.shape = shape
        self.enc_p = TextEncoder(shape)
        self.dec = Vocoder(shape)
        if listening:
            self.enc_q = Posterior(shape)
        self.flow = Flow(shape)
        self.emb_g = nn.Embedding(shape.speakers, shape.speaker_channels)

    def speak(
        self, content: Tensor, f0: Tensor, speaker: Tensor, begin: Tensor, prior_noise: Tensor, source_noise: Tensor
    ) -> Tensor:
        """Samples (batch, frames x hop) of content (batch, frames, 768) at f0 (batch, frames) in Hz, 0 = unvoiced.

        `begin`: turns of the sine where each frame begins. Noise is standard normal: (batch, inter, frames) and
        (batch, samples).
        """
        vector = self.emb_g(speaker)[..., None]
        mask = torch.ones_like(f0)[:, None]
        mean, log_spread = self.enc_p(content, coarse(f0), mask)
        latent = mean + torch.exp(log_spread) * prior_noise * PRIOR_NOISE
        return self.dec(self.flow(latent, mask, vector, back=True), vector, f0, begin, source_noise)[:, 0]

    def forward(self, content: Tensor, f0: Tensor, spectrum: Tensor, lengths: Tensor, draws: Draws) -> Trained:
        """A training step's way: listen to the clips' spectra (batch, bins, frames) and say segments of them."""
        vector = self.emb_g(torch.zeros_like(lengths))[..., None]
        mask = mask_of(lengths, f0.shape[1])
        prior_mean, prior_log_spread = self.enc_p(content, coarse(f0), mask)
        latent, log_spread = self.enc_q(spectrum, mask, vector, draws.posterior)
        segment, segment_f0 = self._cut(latent, draws.starts), self._cut(f0[:, None], draws.starts)[:, 0]
        return Trained(
            samples=self.dec(segment, vector, segment_f0, turns(segment_f0, self.shape), draws.source)[:, 0],
            latent=self.flow(latent, mask, vector),
            log_spread=log_spread,
            prior_mean=prior_mean,
            prior_log_spread=prior_log_spread,
            mask=mask,
        )

    def _cut(self, sound: Tensor, starts: Tensor) -> Tensor:
        """(batch, channels, frames) -> the segments of (batch, channels, segment frames) that begin there."""
        at = starts[:, None] + torch.arange(self.shape.segment_frames, device=starts.device)
        return sound.gather(2, at[:, None].expand(-1, sound.shape[1], -1))
