"""What the tests of the rvc engine are made of: voices of numbers that anybody can make again, tones, clips."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray

from containers.rvc.files import Tensors
from containers.rvc.generator import Generator
from containers.rvc.shape import Shape, shape_for

FRAMES = 12


def tensors_for(shape: Shape, seed: int = 4) -> Tensors:
    """Weights drawn by numpy, whose streams stay the same, in the order of their names."""
    drawn = np.random.default_rng(seed)
    names = Generator(shape, listening=False).state_dict()
    return {
        name: torch.from_numpy(drawn.normal(0, 0.3, tuple(names[name].shape)).astype(np.float32))
        for name in sorted(names)
    }


def heard(seed: int = 5) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Content (1, 12, 768) and f0 (1, 12) with an unvoiced stretch."""
    f0 = np.linspace(110, 330, FRAMES, dtype=np.float32)[None]
    f0[:, 5:7] = 0
    return np.random.default_rng(seed).normal(0, 1, (1, FRAMES, 768)).astype(np.float32), f0


def spoken(
    generator: Generator, content: NDArray[np.float32], f0: NDArray[np.float32], speaker: int = 0
) -> NDArray[np.float32]:
    """What a voice says without noise, as the format's established implementations are compared."""
    from containers.rvc.vocoder import turns

    shape, pitch = generator.shape, torch.from_numpy(f0)
    frames = f0.shape[1]
    with torch.inference_mode():
        return generator.speak(
            torch.from_numpy(content),
            pitch,
            torch.tensor([speaker]),
            turns(pitch, shape),
            torch.zeros(1, shape.inter, frames),
            torch.zeros(1, frames * shape.hop),
        ).numpy()[0]


def glottal(path: Path, hz: float, seconds: float, rate_hz: int = 44100) -> Path:
    """A vowel-like tone: pulses at `hz` through two resonances."""
    time = np.arange(round(seconds * rate_hz)) / rate_hz
    sound = np.zeros_like(time)
    for number in range(1, int(6000 / hz)):
        strength = sum(1 / (1 + ((number * hz - centre) / 120) ** 2) for centre in (700, 1200)) + 0.03
        sound += strength / number * np.sin(2 * np.pi * number * hz * time)
    soundfile.write(path, 0.3 * sound / np.abs(sound).max(), rate_hz, subtype="PCM_16")
    return path


TINY_40K = replace(shape_for(40000, "tiny"), segment_frames=32, res_kernels=(3, 7, 11), res_dilations=((1, 3, 5),) * 3)
"""Narrow, but of all parts that a full one has."""


def glided(path: Path, seed: int, seconds: float, rate_hz: int = 44100) -> Path:
    """A clip to learn from: a few harmonics whose pitch glides over two octaves, with pauses."""
    time = np.arange(round(seconds * rate_hz)) / rate_hz
    drawn = np.random.default_rng(seed)
    start = drawn.uniform(0, 2 * np.pi)
    phase = 2 * np.pi * np.cumsum(300 * 2 ** np.sin(2 * np.pi * 0.7 * time + start)) / rate_hz
    sound = sum(np.sin(number * phase) / number for number in range(1, 6))
    open_mouth = np.clip(3 * np.sin(2 * np.pi * 1.1 * time + start) + 2, 0, 1)
    sound = 0.3 * sound * open_mouth / np.abs(sound).max() + 0.003 * drawn.normal(size=len(time))
    soundfile.write(path, sound, rate_hz, subtype="PCM_16")
    return path


def pitch_hz(path: Path) -> float:
    """Of a steady tone: where its autocorrelation comes back, to a fraction of a sample."""
    samples, rate = soundfile.read(path)
    middle = samples[len(samples) // 4 : 3 * len(samples) // 4]
    spectrum = np.abs(np.fft.rfft(middle, 2 * len(middle))) ** 2
    echo = np.fft.irfft(spectrum)
    first, last = rate // 1000, rate // 60
    lag = first + int(np.argmax(echo[first:last] > 0.9 * echo[first:last].max()))
    lag = max(range(lag, lag + rate // 2000), key=lambda at: echo[at])
    before, at, after = echo[lag - 1 : lag + 2]
    return float(rate / (lag + 0.5 * (before - after) / (before - 2 * at + after)))
