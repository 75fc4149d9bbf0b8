"""Sounds to separate, and items that ask for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from containers.contract.item import Item, sha256_of
from containers.contract.stages import File, SeparateRequest

Sound = NDArray[np.float32]
"""(samples, channels)"""


def music(seconds: float, seed: int, *, rate_hz: int = 44100, channels: int = 2) -> Sound:
    """Gliding tones and noise that come and go, others in each channel, and an offset from zero."""
    random = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate_hz)) / rate_hz
    sound = np.full((len(time), channels), 0.01)
    for channel in range(channels):
        for _ in range(4):
            start, glide, beat = random.uniform(80, 2000), random.uniform(-20, 20), random.uniform(0.2, 3)
            tone = np.sin(2 * np.pi * (start * time + glide * time**2 / 2))
            sound[:, channel] += 0.08 * tone * (1 + np.sin(2 * np.pi * beat * time)) / 2
        sound[:, channel] += 0.02 * random.standard_normal(len(time))
    return sound.astype(np.float32)


def asked(folder: Path, sound: Sound, *, rate_hz: int = 44100, bit_depth: int = 16) -> tuple[SeparateRequest, Item]:
    """A request for the stems of a sound, in the new folder of an item."""
    (folder / "in").mkdir(parents=True)
    soundfile.write(folder / "in" / "recording.flac", sound, rate_hz, subtype=f"PCM_{bit_depth}")
    return request(folder, bit_depth), Item(folder)


def request(folder: Path, bit_depth: int = 16) -> SeparateRequest:
    path = folder / "in" / "recording.flac"
    return SeparateRequest(recording=File(path="in/recording.flac", sha256=sha256_of(path)), bit_depth=bit_depth)
