"""Videos and sounds that tests of the light engine make for themselves, and how they ask for a stage."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from containers.contract import stages
from containers.contract.item import Item, sha256_of
from containers.light import extraction, media

RATE = 48000
PICTURE = ("-f", "lavfi", "-i", "color=size=64x64:rate=10:duration=4")

Sound = NDArray[np.float32]


def speechlike(seconds: float, level: float = 0.1, seed: int = 1) -> Sound:
    """Noise that comes and goes four times a second, as syllables do: (samples,)."""
    at = np.arange(round(seconds * RATE)) / RATE
    noise = np.random.default_rng(seed).standard_normal(at.size)
    return (level * noise * np.sin(2 * np.pi * 2 * at) ** 2).astype(np.float32)


def stereo(seconds: float = 6.0) -> Sound:
    """Voice in the middle, other noise on the sides: (2, samples)."""
    voice = speechlike(seconds)
    return np.stack([voice + speechlike(seconds, 0.03, 2), voice + speechlike(seconds, 0.03, 3)])


def wav(path: Path, samples: Sound, rate: int = RATE, subtype: str = "PCM_16") -> Path:
    soundfile.write(path, np.atleast_2d(samples).T, rate, subtype=subtype)
    return path


def ffmpeg(*arguments: object) -> None:
    subprocess.run([str(media.ffmpeg()), "-v", "error", "-y", *map(str, arguments)], check=True)


def item_of(folder: Path, source: Path) -> tuple[Item, stages.File]:
    """An item that has `source` as its one input."""
    Path(folder, "in").mkdir(parents=True, exist_ok=True)
    inside = folder / "in" / source.name
    inside.write_bytes(source.read_bytes())
    return Item(folder), stages.File(path=f"in/{source.name}", sha256=sha256_of(inside))


def probe(folder: Path, source: Path, **fields: Any) -> stages.ProbeResult:
    item, file = item_of(folder / "probe", source)
    return media.probe(stages.ProbeRequest(video=file, **fields), item)


def extract(folder: Path, source: Path, **fields: Any) -> tuple[stages.ExtractResult, Sound, Path]:
    """The result, the recording's samples (channels, n), and the item's folder."""
    item, file = item_of(folder / f"extract of {source.name}", source)
    result = extraction.extract(stages.ExtractRequest(video=file, **fields), item)
    samples, rate = soundfile.read(item.path / result.recording.path, dtype="float32", always_2d=True)
    assert rate == result.sample_rate_hz
    assert samples.shape[1] == result.channels
    return result, samples.T, item.path


def kinds(result: stages.ExtractResult | stages.ProbeResult) -> set[str]:
    return {problem.kind for problem in result.problems}


def music(seconds: float, seed: int, rate: int = 44100) -> Sound:
    """Chords of a few harmonics that change four times a second: (samples,)."""
    chance = np.random.default_rng(seed)
    beat = np.arange(rate // 4) / rate
    pieces = []
    for _ in range(round(seconds * 4)):
        notes = 110 * 2 ** (chance.choice(36, 4) / 12)
        tones = sum(np.sin(2 * np.pi * note * k * beat) / k for note in notes for k in (1, 2, 3, 4))
        pieces.append(tones * np.exp(-3 * beat))
    whole = np.concatenate(pieces)
    return (0.3 * whole / np.abs(whole).max()).astype(np.float32)
