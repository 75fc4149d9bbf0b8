"""How good a voice is while it is being trained: clips that it never learnt from, said by it and compared.

Said again with their own content and f0, so a perfect voice would give the clips back. Three numbers say how far
it is: the speaker (Resemblyzer), the course of f0, and the spectrum.
"""

from __future__ import annotations

import hashlib

import numpy as np
import torch

from .clips import Clip
from .content import doubled
from .f0 import F0, f0_of
from .generator import Generator
from .likeness import Vector, cosine, vector_of
from .losses import Spectra
from .retrieval import Index
from .shape import FRAMES_PER_SECOND
from .sound import LISTEN_HZ, Samples, resampled
from .vocoder import turns

_SHARE, _MOST_SHARE, _MOST_SECONDS, _LONGEST_SECONDS = 0.05, 0.2, 60.0, 10.0
_DECIBELS = 20 / np.log(10)
_WORST_DECIBELS = 20.0
"""Of spectral distance; counts as nothing learnt."""


def held_out(clips: list[Clip]) -> tuple[list[Clip], list[Clip]]:
    """Clips to learn from and clips to judge by, chosen by their hash, whole files at a time.

    A twentieth of the seconds, one minute at most; nothing where even one file would be more than a fifth.
    """
    files: dict[str, list[Clip]] = {}
    for clip in clips:
        files.setdefault(clip.sha256, []).append(clip)
    total = sum(clip.seconds for clip in clips)
    chosen: set[str] = set()
    seconds = 0.0
    for name in sorted(files, key=lambda each: hashlib.sha256(each.encode()).hexdigest()):
        more = sum(clip.seconds for clip in files[name])
        if seconds >= min(_SHARE * total, _MOST_SECONDS):
            break
        if seconds + more <= _MOST_SHARE * total:
            chosen.add(name)
            seconds += more
    return [each for each in clips if each.sha256 not in chosen], [each for each in clips if each.sha256 in chosen]


INDEX_RATE = 0.75
"""The ecosystem's own; how far a conversion leans on the index is asked later, and is no matter of training."""


class Judge:
    """Listens to a generator with the held-out clips; the same generator gets the same scores."""

    def __init__(self, clips: list[Clip], mean: Vector | None, index: Index | None) -> None:
        self._clips = [_shortened(clip) for clip in clips]
        self._mean, self._index = mean, index
        self._f0: list[F0] | None = None

    def scores(self, generator: Generator, device: torch.device) -> dict[str, float]:
        """`quality` is the mean of what is known of: similarity, f0 correlation, 1 - spectral distance / 20 dB."""
        if not self._clips:
            return {}
        said = [self._said(generator, clip, device) for clip in self._clips]
        rate = generator.shape.rate_hz
        heard = [resampled(each, rate, LISTEN_HZ) for each in said]
        scores = {
            "similarity_held_out": cosine(vector_of(heard), self._mean),
            "f0_correlation_held_out": self._correlation(heard, rate),
            "spectral_distance_db_held_out": self._distance(said, Spectra(generator.shape, torch.device("cpu"))),
        }
        known = {name: round(each, 4) for name, each in scores.items() if each is not None}
        parts = [1 - each / _WORST_DECIBELS if "distance" in name else each for name, each in known.items()]
        return known | {"quality": round(float(np.mean(parts)), 4)} if parts else {}

    def ceiling(self, rate_hz: int) -> dict[str, float]:
        """What the held-out recordings themselves are like: no voice can be more similar than that."""
        heard = [resampled(clip.samples, rate_hz, LISTEN_HZ) for clip in self._clips]
        similar = cosine(vector_of(heard), self._mean)
        return {} if similar is None else {"similarity_recordings": similar}

    def _said(self, generator: Generator, clip: Clip, device: torch.device) -> Samples:
        content = clip.content.astype(np.float32)
        if self._index is not None:
            content = self._index.leaned(content, INDEX_RATE)
        shape, noise = generator.shape, torch.Generator().manual_seed(0)
        with torch.inference_mode():
            f0 = torch.from_numpy(clip.f0)[None].to(device)
            made = generator.speak(
                torch.from_numpy(doubled(content, clip.frames))[None].to(device),
                f0,
                torch.zeros(1, dtype=torch.long, device=device),
                turns(f0, shape),
                torch.randn(1, shape.inter, clip.frames, generator=noise).to(device),
                torch.randn(1, clip.frames * shape.hop, generator=noise).to(device),
            )
        return made[0].float().cpu().numpy()

    def _correlation(self, heard: list[Samples], rate_hz: int) -> float | None:
        """Of log f0 by Harvest over frames that are voiced in both; None with less than a quarter of a second."""
        if self._f0 is None:
            self._f0 = [_harvest(resampled(clip.samples, rate_hz, LISTEN_HZ)) for clip in self._clips]
        ours = np.concatenate([_harvest(each) for each in heard])
        theirs = np.concatenate(self._f0)
        both = (ours > 0) & (theirs > 0)
        if both.sum() < FRAMES_PER_SECOND / 4:
            return None
        found = np.corrcoef(np.log(ours[both]), np.log(theirs[both]))[0, 1]
        return float(found) if np.isfinite(found) else None

    def _distance(self, said: list[Samples], spectra: Spectra) -> float:
        """Mean difference of mel levels in dB."""
        differences = []
        for ours, clip in zip(said, self._clips, strict=True):
            one, other = (spectra.log_mel(torch.from_numpy(each)[None]) for each in (ours, clip.samples))
            differences.append(float((one - other).abs().mean()) * _DECIBELS)
        return float(np.mean(differences))


def _shortened(clip: Clip) -> Clip:
    frames = min(clip.frames, round(_LONGEST_SECONDS * FRAMES_PER_SECOND))
    hop = len(clip.samples) // clip.frames
    return Clip(
        sha256=clip.sha256,
        name=clip.name,
        samples=clip.samples[: frames * hop],
        content=clip.content[: -(-frames // 2)],
        f0=clip.f0[:frames],
    )


def _harvest(heard: Samples) -> F0:
    return f0_of(heard, "harvest", 0, torch.device("cpu"))
