"""The prior: what content and f0 say about a frame, as a mean and a spread (VITS' text encoder).

A transformer whose attention knows how far apart two frames are, up to 10 frames (Shaw et al. 2018).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .layers import SLOPE, ChannelNorm
from .shape import CONTENT, Shape

F0_STEPS = 256
"""Coarse f0 is 1 to 255 on a mel scale; 1 is also what unvoiced frames get."""
_WINDOW = 10


class Attention(nn.Module):
    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self._heads, self._depth = heads, channels // heads
        self.conv_q = nn.Conv1d(channels, channels, 1)
        self.conv_k = nn.Conv1d(channels, channels, 1)
        self.conv_v = nn.Conv1d(channels, channels, 1)
        self.conv_o = nn.Conv1d(channels, channels, 1)
        near = (1, 2 * _WINDOW + 1, self._depth)
        self.emb_rel_k = nn.Parameter(torch.randn(near) * self._depth**-0.5)
        self.emb_rel_v = nn.Parameter(torch.randn(near) * self._depth**-0.5)
        for each in (self.conv_q, self.conv_k, self.conv_v):
            nn.init.xavier_uniform_(each.weight)

    def forward(self, sound: Tensor, mask: Tensor) -> Tensor:
        """`mask` (batch, 1, frames, frames): 1 where a frame may look at another."""
        query = self._split(self.conv_q(sound)) / math.sqrt(self._depth)
        key, value = self._split(self.conv_k(sound)), self._split(self.conv_v(sound))
        scores = query @ key.transpose(2, 3) + _spread(query @ self.emb_rel_k[0].T)
        shares = torch.softmax(scores.masked_fill(mask == 0, -1e4), dim=-1)
        answer = shares @ value + _gathered(shares) @ self.emb_rel_v[0]
        return self.conv_o(answer.transpose(2, 3).reshape(sound.shape))

    def _split(self, sound: Tensor) -> Tensor:
        """(batch, channels, frames) -> (batch, heads, frames, depth)."""
        return sound.view(len(sound), self._heads, self._depth, -1).transpose(2, 3)


def _spread(near: Tensor) -> Tensor:
    """Scores by distance (..., frames, 21) -> by frame (..., frames, frames), 0 beyond the window.

    A row is filled up so that reading on in rows one shorter moves each one step further right than the one above.
    """
    *batch, frames, distances = near.shape
    width = frames + distances - 1
    flat = F.pad(near, (0, width + 1 - distances)).flatten(-2)[..., : frames * width]
    return flat.view(*batch, frames, width)[..., _WINDOW : _WINDOW + frames]


def _gathered(shares: Tensor) -> Tensor:
    """The way back: shares by frame (..., frames, frames) -> by distance (..., frames, 21)."""
    *batch, frames, _ = shares.shape
    width = frames + 2 * _WINDOW
    flat = F.pad(F.pad(shares, (_WINDOW, _WINDOW)).flatten(-2), (0, frames))
    return flat.view(*batch, frames, width + 1)[..., : 2 * _WINDOW + 1]


class FeedForward(nn.Module):
    def __init__(self, channels: int, filters: int, kernel: int) -> None:
        super().__init__()
        self._sides = ((kernel - 1) // 2, kernel // 2)
        self.conv_1 = nn.Conv1d(channels, filters, kernel)
        self.conv_2 = nn.Conv1d(filters, channels, kernel)

    def forward(self, sound: Tensor, mask: Tensor) -> Tensor:
        inner = torch.relu(self.conv_1(F.pad(sound * mask, self._sides)))
        return self.conv_2(F.pad(inner * mask, self._sides)) * mask


class Transformer(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        layers = range(shape.layers)
        self.attn_layers = nn.ModuleList(Attention(shape.hidden, shape.heads) for _ in layers)
        self.norm_layers_1 = nn.ModuleList(ChannelNorm(shape.hidden) for _ in layers)
        self.ffn_layers = nn.ModuleList(FeedForward(shape.hidden, shape.filters, shape.kernel) for _ in layers)
        self.norm_layers_2 = nn.ModuleList(ChannelNorm(shape.hidden) for _ in layers)
        self._dropout = nn.Dropout(shape.dropout)

    def forward(self, sound: Tensor, mask: Tensor) -> Tensor:
        pairs = mask.unsqueeze(2) * mask.unsqueeze(-1)
        layers = zip(self.attn_layers, self.norm_layers_1, self.ffn_layers, self.norm_layers_2, strict=True)
        for attention, first, feed_forward, second in layers:
            sound = first(sound + self._dropout(attention(sound, pairs)))
            sound = second(sound + self._dropout(feed_forward(sound, mask)))
        return sound * mask


class TextEncoder(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self._hidden = shape.hidden
        self.emb_phone = nn.Linear(CONTENT, shape.hidden)
        self.emb_pitch = nn.Embedding(F0_STEPS, shape.hidden)
        self.encoder = Transformer(shape)
        self.proj = nn.Conv1d(shape.hidden, 2 * shape.inter, 1)

    def forward(self, content: Tensor, coarse_f0: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Content (batch, frames, 768), coarse f0 (batch, frames) -> mean and log spread (batch, inter, frames)."""
        sound = (self.emb_phone(content) + self.emb_pitch(coarse_f0)) * math.sqrt(self._hidden)
        sound = F.leaky_relu(sound, SLOPE).transpose(1, 2)
        mean, log_spread = (self.proj(self.encoder(sound * mask, mask)) * mask).chunk(2, dim=1)
        return mean, log_spread


def coarse(f0: Tensor) -> Tensor:
    """f0 in Hz (0 = unvoiced) on the format's scale of 255 steps from 50 to 1,100 Hz, even in mel."""
    low, high = 1127 * math.log(1 + 50 / 700), 1127 * math.log(1 + 1100 / 700)
    mel = 1127 * torch.log(1 + f0 / 700)
    steps = torch.where(mel > 0, (mel - low) * (F0_STEPS - 2) / (high - low) + 1, mel)
    return steps.clamp(1, F0_STEPS - 1).round().long()
