"""Scenes for `stranger_series`: who says what under which sound, drawn from a seed.

Lines come from recordings cut at their pauses, or from Open JTalk; a role may move pitch and formants by WORLD.
A scene is talk, quiet talk, a telephone call, whispering, a crowd, or talk in which people interrupt each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyworld
import soundfile
from numpy.typing import NDArray
from scipy import signal

Samples = NDArray[np.float64]
RATE = 48000
SPEECH_RMS = 0.08
"""Active level of a line before its own difference of up to 3 dB."""
TELEPHONE_HZ = (320.0, 3300.0)


@dataclass(frozen=True, kw_only=True)
class Role:
    """A character: whose recordings speak it, and what is done to them (1: nothing)."""

    name: str
    source: str
    pitch: float = 1.0
    formants: float = 1.0
    referenced: bool = True


@dataclass(kw_only=True)
class Episode:
    """Dialogue, music, and who truly speaks when (seconds)."""

    length: float
    voices: Samples = field(init=False)
    music: Samples = field(init=False)
    turns: list[dict[str, object]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.voices = np.zeros(int(self.length * RATE))
        self.music = np.zeros((int(self.length * RATE), 2))

    def say(self, at: float, samples: Samples, who: str, how: str) -> None:
        begin = int(at * RATE)
        piece = samples[: len(self.voices) - begin]
        self.voices[begin : begin + len(piece)] += piece
        self.turns.append({"start": at, "end": at + len(piece) / RATE, "who": who, "how": how})

    def under(self, at: float, samples: Samples) -> None:
        begin = int(at * RATE)
        piece = samples[: len(self.music) - begin]
        self.music[begin : begin + len(piece)] += piece


ENGLISH = (
    Role(name="ash", source="2609"),
    Role(name="brooke", source="3331"),
    Role(name="cole", source="3005", referenced=False),
    Role(name="dana", source="367"),
    Role(name="narrator", source="533"),
    Role(name="pip", source="1998", pitch=1.3, formants=1.16),
    Role(name="old_wen", source="2033", pitch=0.88, formants=0.93),
)
JAPANESE = (
    Role(name="aoi", source="mei"),
    Role(name="kenta", source="mei", pitch=0.52, formants=0.84),
    Role(name="momo", source="mei", pitch=1.35, formants=1.2),
    Role(name="gen", source="mei", pitch=0.42, formants=0.76),
    Role(name="riku", source="mei", pitch=0.7, formants=1.02),
)


def level(samples: Samples, rms: float = SPEECH_RMS) -> Samples:
    """To this RMS, measured where something sounds."""
    loud = samples[np.abs(samples) > 0.05 * np.abs(samples).max()]
    return samples * (rms / np.sqrt(np.mean(loud**2)))


def moved(samples: Samples, rate: int, pitch: float, formants: float, whispered: bool = False) -> Samples:
    """Another pitch and another length of the throat, by WORLD; whispered: all of it noise."""
    if pitch == formants == 1 and not whispered:
        return samples
    f0, times = pyworld.dio(samples, rate)
    f0 = pyworld.stonemask(samples, f0, times, rate)
    envelope = pyworld.cheaptrick(samples, f0, times, rate)
    noise = pyworld.d4c(samples, f0, times, rate)
    bins = np.arange(envelope.shape[1])
    warped = np.stack([np.interp(bins / formants, bins, row) for row in envelope])
    if whispered:
        f0, noise = np.zeros_like(f0), np.ones_like(noise)
    return np.asarray(pyworld.synthesize(f0 * pitch, warped, noise, rate), np.float64)


def telephone(samples: Samples) -> Samples:
    sos = signal.butter(6, TELEPHONE_HZ, "bandpass", fs=RATE, output="sos")
    return np.tanh(4 * signal.sosfilt(sos, samples)) / 4


def spoken(path: Path, role: Role) -> Iterator[Samples]:
    """Lines of 1.5 to 7 s of a recording, cut at its pauses, at RATE."""
    samples, rate = soundfile.read(path, dtype="float64")
    whole = moved(samples, rate, role.pitch, role.formants)
    for begin, end in lines(whole, rate):
        yield up(whole[begin:end], rate)


def up(samples: Samples, rate: int) -> Samples:
    return np.asarray(signal.resample_poly(samples, RATE, rate), np.float64)


def lines(samples: Samples, rate: int) -> Iterator[tuple[int, int]]:
    step = rate // 50
    power = np.array([np.mean(samples[at : at + step] ** 2) for at in range(0, len(samples) - step, step)])
    quiet = power < 0.01 * np.quantile(power, 0.9)
    begin = 0
    for at in range(len(quiet)):
        if (at - begin) * 0.02 >= 1.5 and (quiet[at : at + 8].all() or (at - begin) * 0.02 >= 7):
            yield begin * step, at * step
            begin = at
    if (len(quiet) - begin) * 0.02 >= 1.5:
        yield begin * step, len(quiet) * step


def tune(draw: np.random.Generator, seconds: float) -> Samples:
    """Chords, a bass, an arpeggio and drums in stereo: nothing that recurs between two draws."""
    beat = 60 / draw.integers(76, 150)
    root, out = 110 * 2 ** (draw.integers(0, 12) / 12), np.zeros((int(seconds * RATE), 2))
    scale = np.array([0, 2, 4, 5, 7, 9, 11] if draw.random() < 0.5 else [0, 2, 3, 5, 7, 8, 10])
    for bar in range(int(seconds / (4 * beat)) + 1):
        degree = int(draw.integers(0, 7))
        chord = [scale[(degree + step) % 7] + 12 * ((degree + step) // 7) for step in (0, 2, 4)]
        for note in chord:
            _note(out, bar * 4 * beat, 4 * beat, root * 2 ** (note / 12), 0.05, draw.uniform(0.1, 0.9), 0.4)
        _note(out, bar * 4 * beat, 2 * beat, root / 2 * 2 ** (chord[0] / 12), 0.12, 0.5, 1.5)
        for eighth in range(8):
            high = root * 2 * 2 ** (chord[int(draw.integers(0, 3))] / 12)
            _note(out, (bar * 4 + eighth / 2) * beat, beat / 2, high, 0.05, draw.choice([0.1, 0.9]), 5)
        for quarter in range(4):
            _hit(draw, out, (bar * 4 + quarter) * beat, 0.1 if quarter % 2 else 0.16)
    return out / max(np.sqrt(np.mean(out**2)), 1e-9) * SPEECH_RMS


def _note(out: Samples, at: float, seconds: float, hz: float, loud: float, right: float, decay: float) -> None:
    begin = int(at * RATE)
    time = np.arange(min(int(seconds * RATE), max(len(out) - begin, 0))) / RATE
    tone = sum(np.sin(2 * np.pi * hz * k * time) / k**1.5 for k in range(1, 6))
    tone = tone * np.exp(-decay * time) * np.minimum(1, time / 0.01) * loud
    out[begin : begin + len(time)] += np.stack([tone * (1 - right), tone * right], axis=1)


def _hit(draw: np.random.Generator, out: Samples, at: float, loud: float) -> None:
    begin = int(at * RATE)
    time = np.arange(min(int(0.12 * RATE), max(len(out) - begin, 0))) / RATE
    out[begin : begin + len(time)] += (draw.normal(size=(len(time), 2)) * np.exp(-40 * time)[:, None]) * loud


class Stage:
    """Who has which lines left; no line is said twice in a series."""

    def __init__(self, draw: np.random.Generator, left: Mapping[str, list[Samples]], extras: list[Path]):
        self.draw, self.left, self.extras, self.walk_ons = draw, left, extras, 0

    def episode(self, seconds: float, song: Samples, opening_at: float) -> Episode:
        """An opening, talk in scenes of all kinds, an ending of the same song's other half."""
        made, half = Episode(length=seconds), len(song) // 2
        made.under(opening_at, song[:half])
        made.under(seconds - 16, song[half : half + 15 * RATE])
        at = 1.0
        for number in range(100):
            if at < opening_at + half / RATE and at > opening_at - 14:
                at = opening_at + half / RATE + 1.0
            kind = ("talk", "quiet", "telephone", "talk", "whisper", "crowd", "overlap")[number % 7]
            if at > seconds - 32 or not (at := self._scene(made, at, kind)):
                break
        return made

    def _scene(self, made: Episode, at: float, kind: str) -> float:
        begun, last = at, ""
        cast = [each for each in self.left if self.left[each]]
        if len(cast) < 2:
            return 0.0
        here = list(self.draw.choice(cast, size=min(3, len(cast)), replace=False))
        while at - begun < 10:
            who = str(self.draw.choice([each for each in here if each != last] or here))
            if not self.left[who]:
                return self._bed(made, begun, at, kind)
            last, plain = who, self.left[who].pop()
            at = self._line(made, at, who, plain, kind if who == here[0] or kind != "telephone" else "talk")
        if kind in ("talk", "crowd") and self.extras:
            at = self._walk_on(made, at)
        return self._bed(made, begun, at, kind)

    def _line(self, made: Episode, at: float, who: str, plain: Samples, kind: str) -> float:
        line = level(plain) * 10 ** (self.draw.uniform(-3, 3) / 20)
        if kind == "telephone":
            line = level(telephone(level(plain)))
        elif kind == "whisper" and self.draw.random() < 0.5:
            line = (
                level(up(moved(signal.resample_poly(plain, 1, 3), RATE // 3, 1, 1, whispered=True), RATE // 3)) * 0.35
            )
            kind = "whispered"
        if kind == "overlap" and self.draw.random() < 0.4:
            at = max(at - 1.2, 0)
        made.say(at, line, who, kind)
        return at + len(line) / RATE + float(self.draw.uniform(0.15, 0.8))

    def _walk_on(self, made: Episode, at: float) -> float:
        self.walk_ons += 1
        role = Role(name=f"walk_on_{self.walk_ons:02d}", source="")
        for plain in list(spoken(self.extras.pop(), role))[:2]:
            made.say(at, level(plain), role.name, "walk-on")
            at += len(plain) / RATE + 0.3
        return at

    def _bed(self, made: Episode, begun: float, end: float, kind: str) -> float:
        """What sounds under a scene: music of its own level, nothing, or a crowd of six others."""
        if kind == "crowd" and len(self.extras) > 8:
            for path in [self.extras.pop() for _ in range(6)]:
                samples, rate = soundfile.read(path, dtype="float64", frames=16000 * 14)
                one, right = level(up(samples, rate))[: int((end - begun) * RATE)] * 0.12, self.draw.uniform(0, 1)
                made.under(begun, np.stack([one * (1 - right), one * right], axis=1))
        elif kind != "quiet":
            made.under(begun, tune(self.draw, end - begun) * 10 ** (self.draw.uniform(-16, -6) / 20))
        return end + float(self.draw.uniform(0.5, 2.0))
