"""Music and effects for the demo series, computed: chords, arpeggios, drums, a crowd, wind, rain.

Everything is wide: left and right play different notes, or the same note with
different phases. All arrays are stereo, float32 (2, samples), at 48 kHz.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from .audio import Samples

RATE_HZ = 48000


@dataclass(frozen=True, kw_only=True)
class Cue:
    """A piece of music: chords as semitones above `key` (a MIDI note), four beats each, round and round.

    `arpeggio` are the steps through the chord, two a beat; `drums` from 0 (none) to 1.
    """

    key: int
    beats_per_minute: float
    chords: tuple[tuple[int, ...], ...]
    arpeggio: tuple[int, ...]
    drums: float


JINGLE = Cue(
    key=60,
    beats_per_minute=152,
    chords=((0, 4, 7, 12), (5, 9, 12, 17), (7, 11, 14, 19), (0, 7, 12, 16)),
    arpeggio=(0, 1, 2, 3, 2, 3, 1, 2),
    drums=1.0,
)
CUES = (
    Cue(
        key=55,
        beats_per_minute=108,
        chords=((0, 4, 7, 11), (9, 12, 16, 19), (5, 9, 12, 16), (7, 11, 14, 17)),
        arpeggio=(0, 2, 1, 3, 2, 1, 3, 2),
        drums=0.5,
    ),
    Cue(
        key=57,
        beats_per_minute=76,
        chords=((0, 3, 7, 10), (8, 12, 15, 19), (5, 8, 12, 15), (7, 10, 14, 17)),
        arpeggio=(0, 1, 2, 3, 3, 2, 1, 2),
        drums=0.0,
    ),
    Cue(
        key=50,
        beats_per_minute=138,
        chords=((0, 3, 7, 12), (10, 14, 17, 22), (8, 12, 15, 20), (7, 11, 14, 19)),
        arpeggio=(0, 0, 2, 0, 3, 0, 2, 1),
        drums=1.0,
    ),
)


def play(cue: Cue, seconds: float) -> Samples:
    """So much of a piece, with 10 ms of fade in and 0.4 s of fade out; loudest sample about 0.5."""
    length, beat = round(seconds * RATE_HZ), 60 / cue.beats_per_minute
    out = np.zeros((2, length), np.float32)
    for index in range(int(seconds / beat) + 1):
        chord = cue.chords[index // 4 % len(cue.chords)]
        at = index * beat
        if index % 4 == 0:
            _chord(out, cue, chord, at, 4 * beat)
        for half in range(2):
            step = cue.arpeggio[(2 * index + half) % len(cue.arpeggio)] % len(chord)
            side = 0.9 if half else -0.9
            _put(out, _note(cue.key + 12 + chord[step], 1.2 * beat, half), at + half * beat / 2, side, 0.16)
        if cue.drums:
            _drums(out, index, at, beat, cue.drums)
    out *= 0.5 / max(float(np.abs(out).max()), 1e-9)
    fade = round(0.4 * RATE_HZ)
    out[:, -fade:] *= np.linspace(1, 0, min(fade, length), dtype=np.float32)
    out[:, :480] *= np.linspace(0, 1, min(480, length), dtype=np.float32)
    return out


def _chord(out: Samples, cue: Cue, chord: tuple[int, ...], at: float, seconds: float) -> None:
    for number, tone in enumerate(chord):
        for take, side in ((0, -1.0), (1, 1.0)):
            _put(out, _pad(cue.key + tone, seconds, 2 * number + take), at, side, 0.09)
    _put(out, _note(cue.key - 24 + chord[0], seconds, 9), at, 0.0, 0.22)


def _drums(out: Samples, index: int, at: float, beat: float, loud: float) -> None:
    if index % 2 == 0:
        _put(out, _drum(), at, 0.0, 0.3 * loud)
    else:
        _put(out, _noise_hit(0.12, 1800, 1), at, 0.5, 0.22 * loud)
    for half in range(2):
        _put(out, _noise_hit(0.05, 7000, 2 + half), at + half * beat / 2, 0.8 - 1.6 * half, 0.1 * loud)


def _put(out: Samples, sound: Samples, at: float, side: float, gain: float) -> None:
    """Add mono `sound` at a time; `side` from -1 (left) to 1 (right), constant power."""
    first = round(at * RATE_HZ)
    part = sound[: max(out.shape[1] - first, 0)]
    angle = (side + 1) * np.pi / 4
    for channel, weight in enumerate((np.cos(angle), np.sin(angle))):
        out[channel, first : first + len(part)] += part * np.float32(gain * weight)


def _time(seconds: float) -> NDArray[np.float64]:
    return np.arange(round(seconds * RATE_HZ)) / RATE_HZ


def _hz(midi: int) -> float:
    return float(440 * 2 ** ((midi - 69) / 12))


@cache
def _note(midi: int, seconds: float, take: int) -> Samples:
    """A plucked string: harmonics that die the sooner the higher they are."""
    t = _time(seconds)
    phases = np.random.default_rng([midi, take]).uniform(0, 2 * np.pi, 5)
    sound = sum(
        np.sin(2 * np.pi * _hz(midi) * k * t + phases[k - 1]) * np.exp(-t * (1.5 + 1.5 * k)) / k for k in range(1, 6)
    )
    return (sound * _edges(len(t))).astype(np.float32)


@cache
def _pad(midi: int, seconds: float, take: int) -> Samples:
    """A soft held sound that swells and sinks, a little out of tune with its other takes."""
    t = _time(seconds)
    random = np.random.default_rng([midi, take, 1])
    hz = _hz(midi) * (1 + random.uniform(-0.003, 0.003))
    phases = random.uniform(0, 2 * np.pi, 4)
    sound = sum(np.sin(2 * np.pi * hz * k * t + phases[k - 1]) / k**1.5 for k in range(1, 5))
    return (sound * np.sin(np.pi * t / seconds) ** 0.5).astype(np.float32)


@cache
def _drum() -> Samples:
    t = _time(0.25)
    return (np.sin(2 * np.pi * (50 * t + 3 * (1 - np.exp(-t * 30)))) * np.exp(-t * 14)).astype(np.float32)


@cache
def _noise_hit(seconds: float, above_hz: float, take: int) -> Samples:
    t = _time(seconds)
    noise = np.random.default_rng([take, 2]).normal(size=len(t)) * np.exp(-t * 5 / seconds)
    return sosfilt(butter(2, above_hz, "high", fs=RATE_HZ, output="sos"), noise).astype(np.float32)


def _edges(length: int) -> NDArray[np.float64]:
    edge = min(240, length // 2)
    shape = np.ones(length)
    shape[:edge] = np.linspace(0, 1, edge)
    shape[length - edge :] = np.linspace(1, 0, edge)
    return shape


# ---------------------------------------------------------------- effects


def whistle() -> Samples:
    """The referee's, from the right."""
    t = _time(0.7)
    sound = np.sin(2 * np.pi * 2900 * t + 6 * np.sin(2 * np.pi * 38 * t)) * _edges(len(t))
    return _from_side(sound, 0.8)


def kick() -> Samples:
    """A foot and a ball, from the left."""
    t = _time(0.3)
    thump = np.sin(2 * np.pi * (80 * t + 4 * (1 - np.exp(-t * 25)))) * np.exp(-t * 16)
    return _from_side(thump + 0.6 * np.pad(_noise_hit(0.08, 900, 7), (0, len(t) - round(0.08 * RATE_HZ))), -0.7)


def crowd(seconds: float) -> Samples:
    """Cheers from all around that rise and fall."""
    return _noise(seconds, (500.0, 2500.0), 11)


def wind(seconds: float) -> Samples:
    return _noise(seconds, (150.0, 700.0), 12)


def rain(seconds: float) -> Samples:
    return _noise(seconds, (3000.0, 9000.0), 13)


def _from_side(sound: NDArray[np.float64], side: float) -> Samples:
    out = np.zeros((2, len(sound)), np.float32)
    _put(out, sound.astype(np.float32), 0.0, side, 1.0)
    return out / np.float32(np.abs(out).max())


def _noise(seconds: float, band_hz: tuple[float, float], take: int) -> Samples:
    t = _time(seconds)
    noise = np.random.default_rng([take, 3]).normal(size=(2, len(t)))
    sound = sosfilt(butter(2, band_hz, "band", fs=RATE_HZ, output="sos"), noise, axis=1)
    sound *= np.sin(np.pi * t / seconds) * (0.7 + 0.3 * np.sin(2 * np.pi * 0.9 * t))
    return (sound / np.abs(sound).max()).astype(np.float32)
