"""A voice at work: content and f0 in, samples out, block by block, as if it had been made in one piece.

A block of 20 s is made with a second before and after it. The sine's phase and every random number belong to
their place in the recording, not to the block, so that two blocks agree where they overlap and the fade between
them is not heard; memory does not grow with the recording.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from .content import FEATURES_PER_SECOND, ContentEncoder, doubled
from .f0 import F0
from .generator import Generator
from .retrieval import Index
from .shape import FRAMES_PER_SECOND
from .sound import LISTEN_HZ, Recording, Samples, loudness

BLOCK_SECONDS = 20
CONTEXT_SECONDS = 1
_FADE_SECONDS = 0.05
"""To both sides of a cut."""
_LEVEL_SECONDS = 0.4
_NOTHING = 1e-4
"""Root mean square (-80 dB) of a source that is silent on purpose; so is then the speech."""
_ROUND_ABOVE = 0.9


@dataclass(frozen=True, kw_only=True)
class Manner:
    """`index_rate` 0-1: how far content leans on the character's own. `protect` 0-0.5: how much of that unvoiced
    frames get (0.5 and more: all). `loudness_mix` 0-1: the voice's own loudness (1) or the source's (0)."""

    index_rate: float
    protect: float
    loudness_mix: float
    seed: int


@dataclass(frozen=True, kw_only=True)
class Speaker:
    """What speaks: the network, on its device, the voice's index if there is one, and the content encoder."""

    generator: Generator
    index: Index | None
    encoder: ContentEncoder
    device: torch.device
    manner: Manner


def spans(seconds: float) -> list[tuple[int, int]]:
    """Blocks in whole seconds that cover so many."""
    end = max(1, int(np.ceil(seconds)))
    return [(start, min(start + BLOCK_SECONDS, end)) for start in range(0, end, BLOCK_SECONDS)]


def speech(speaker: Speaker, recording: Recording, f0: F0, progress: Callable[[float], None]) -> Iterator[Samples]:
    """Samples of the whole recording in the voice, in parts; `f0` (shifted already) is 100 a second."""
    rate = speaker.generator.shape.rate_hz
    turned = _turned(f0)
    side, fade = CONTEXT_SECONDS * rate, round(_FADE_SECONDS * rate)
    rise = np.linspace(0, 1, 2 * fade, dtype=np.float32)
    blocks, left = spans(recording.seconds), recording.length_at(rate)
    tail = np.zeros(0, np.float32)
    for start, end in blocks:
        made = _block(speaker, recording, (f0, turned), start, end)
        body = made[side - fade : -side + fade] if start else made[side : -side + fade]
        if start:
            body[: 2 * fade] = rise * body[: 2 * fade] + (1 - rise) * tail
        last = end == blocks[-1][1]
        tail = body[-2 * fade :].copy()
        out = body[: -fade if last else -2 * fade][:left]
        left -= len(out)
        progress(end / blocks[-1][1])
        yield out


def _turned(f0: F0) -> np.ndarray:
    """Turns of the sine at the begin of each frame; whole turns are left away, so that precision stays."""
    each = f0.astype(np.float64) / FRAMES_PER_SECOND
    return (np.cumsum(each) - each) % 1


def _block(speaker: Speaker, recording: Recording, course: tuple[F0, np.ndarray], start: int, end: int) -> Samples:
    """Samples from a second before `start` to a second after `end`."""
    generator, manner = speaker.generator, speaker.manner
    first, last = start - CONTEXT_SECONDS, end + CONTEXT_SECONDS
    frames = (last - first) * FRAMES_PER_SECOND
    heard = recording.stretch(first, last, LISTEN_HZ)
    f0, turned = (_part(each, first * FRAMES_PER_SECOND, frames) for each in course)
    content = doubled(_content(speaker, heard, f0), frames)
    prior, source = _noise(generator, manner.seed, first, last)
    given = (content, f0, turned)
    with torch.inference_mode():
        content, pitch, begin = (torch.from_numpy(each)[None].to(speaker.device) for each in given)
        made = generator.speak(
            content, pitch, torch.zeros(1, dtype=torch.long, device=speaker.device), begin,
            prior.to(speaker.device), source.to(speaker.device),
        )  # fmt: skip
    return _levelled(made[0].float().cpu().numpy(), heard, generator.shape.rate_hz, manner.loudness_mix)


def _part(course: np.ndarray, first: int, count: int) -> np.ndarray:
    """`count` values from `first` on; 0 where there are none."""
    part = course[max(first, 0) : max(first + count, 0)]
    before = max(0, -first)
    return np.pad(part, (before, count - before - len(part)))


def _content(speaker: Speaker, heard: Samples, f0: F0) -> np.ndarray:
    raw = speaker.encoder.features(heard)
    if speaker.index is None or not speaker.manner.index_rate:
        return raw
    leaned = speaker.index.leaned(raw, speaker.manner.index_rate)
    voiced = f0[:: FRAMES_PER_SECOND // FEATURES_PER_SECOND][: len(raw), None] > 0
    protect = speaker.manner.protect
    share = np.where(voiced | (protect >= 0.5), 1.0, protect)
    return (share * leaned + (1 - share) * raw).astype(np.float32)


def _noise(generator: Generator, seed: int, first: int, last: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Prior and source noise of these seconds, each second's own whatever block it is in."""
    prior, source = [], []
    for second in range(first, last):
        draws = torch.Generator().manual_seed((seed << 24) + second + CONTEXT_SECONDS)
        prior.append(torch.randn(1, generator.shape.inter, FRAMES_PER_SECOND, generator=draws))
        source.append(torch.randn(1, generator.shape.rate_hz, generator=draws))
    return torch.cat(prior, dim=2), torch.cat(source, dim=1)


def _levelled(made: Samples, heard: Samples, rate_hz: int, mix: float) -> Samples:
    """Speech at a loudness between its own and the source's, silent where that is; never beyond full scale."""
    theirs = loudness(heard, LISTEN_HZ // FRAMES_PER_SECOND, round(_LEVEL_SECONDS * LISTEN_HZ))
    ours = loudness(made, rate_hz // FRAMES_PER_SECOND, round(_LEVEL_SECONDS * rate_hz))
    gain = (np.maximum(theirs, 1e-6) / np.maximum(ours, 1e-6)) ** (1 - mix)
    gain = np.where(theirs > _NOTHING, gain, 0)
    at = np.arange(len(made)) * (FRAMES_PER_SECOND / rate_hz)
    made = made * np.interp(at, np.arange(len(gain)), gain).astype(np.float32)
    size = np.abs(made)
    rounded = _ROUND_ABOVE + (1 - _ROUND_ABOVE) * np.tanh((size - _ROUND_ABOVE) / (1 - _ROUND_ABOVE))
    return np.where(size > _ROUND_ABOVE, np.sign(made) * rounded, made).astype(np.float32)
