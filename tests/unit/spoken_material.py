"""Two made people: Open JTalk's one voice, and the same with a deeper pitch and a longer throat."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pyopenjtalk
import pyworld
import soundfile
import soxr
from numpy.typing import NDArray

from containers.contract.item import Item, sha256_of
from containers.contract.stages import File

RATE_HZ = 16000
SENTENCES = (
    "今日はとても良い天気ですね。",
    "明日の試合は必ず勝とう。",
    "昨日は友達と映画を見ました。",
    "電車に乗って学校へ行きます。",
)

Sound = NDArray[np.float32]


@functools.cache
def said(sentence: int, person: int) -> Sound:
    """A sentence by person 0 or 1, mono at 16 kHz, about 2 s, without the silence around it."""
    samples, rate = pyopenjtalk.tts(SENTENCES[sentence])
    sound = soxr.resample(samples / 32768, rate, RATE_HZ)
    if person:
        f0, times = pyworld.harvest(sound, RATE_HZ)
        envelope = pyworld.cheaptrick(sound, f0, times, RATE_HZ)
        noise = pyworld.d4c(sound, f0, times, RATE_HZ)
        bins = np.arange(envelope.shape[1])
        longer = np.stack([np.interp(bins * 1.22, bins, row) for row in envelope])
        sound = pyworld.synthesize(f0 * 0.5, longer, noise, RATE_HZ)
    loud = np.flatnonzero(np.abs(sound) > 0.02 * np.abs(sound).max())
    sound = sound[loud[0] : loud[-1]]
    return (0.1 * sound / np.sqrt(np.mean(sound**2))).astype(np.float32)


def pause(seconds: float) -> Sound:
    return np.zeros(round(seconds * RATE_HZ), np.float32)


def conversation(people: tuple[int, ...]) -> tuple[Sound, list[tuple[float, float, int]]]:
    """Those people in turn, 0.5 s between them, and (start, end, person) of each turn."""
    parts, turns, now = [pause(0.5)], [], 0.5
    for index, person in enumerate(people):
        sound = said(index % len(SENTENCES), person)
        turns.append((now, now + len(sound) / RATE_HZ, person))
        parts += [sound, pause(0.5)]
        now = turns[-1][1] + 0.5
    return np.concatenate(parts), turns


def sent(folder: Path, sound: Sound) -> tuple[Item, File]:
    """An item of that folder with the sound as its vocals."""
    path = folder / "in" / "vocals.flac"
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, sound, RATE_HZ, subtype="PCM_16")
    return Item(folder), File(path="in/vocals.flac", sha256=sha256_of(path))
