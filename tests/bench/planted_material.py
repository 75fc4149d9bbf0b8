"""Clips with one defect each, made from CASES: what `planted_defects` asks the verdicts to find.

Speakers (see `planted_voices`), music, songs and noises are parted into two halves. Thresholds were
set looking at the half `tune` only; the half `report` is what is reported. How bad a
defect is, is drawn at random.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from containers.light import music
from containers.light.audio import read, resample
from containers.light.pauses import hop_samples, levels_of, quiet, runs
from tests.bench.planted_voices import Half

Samples = NDArray[np.float32]
RATE_HZ = 48000
LEVEL_DBFS = -24.0
LONGEST_SECONDS = 5.0
"""Of a clip, so that there are enough of them."""


@dataclass(frozen=True, kw_only=True)
class Planted:
    """A clip of one person (`speaker`, as its label will say), what is wrong with it, and how much.

    `of`: index of the clip it repeats, for duplicates.
    """

    kind: str
    speaker: str
    samples: Samples
    degree: str = ""
    of: int | None = None


def sound(path: Path, start: float = 0.0, end: float | None = None) -> Samples:
    """Mono at 48 kHz."""
    channels, rate = read(path, start, end)
    return resample(channels.mean(axis=0), rate, RATE_HZ)


def active_power(samples: Samples) -> float:
    """Mean power of the hops within 25 dB of the loudest."""
    levels = levels_of(samples, RATE_HZ)
    return float(np.mean(10 ** (levels[levels > levels.max() - 25] / 10)))


def at_level(samples: Samples, dbfs: float = LEVEL_DBFS) -> Samples:
    return samples * np.float32(np.sqrt(10 ** (dbfs / 10) / active_power(samples)))


def mixed(voice: Samples, other: Samples, ratio_db: float) -> Samples:
    """`other` under the voice, so many dB quieter (mean powers where each is active)."""
    gain = np.sqrt(active_power(voice) / active_power(other) / 10 ** (ratio_db / 10))
    both = voice.copy()
    count = min(len(voice), len(other))
    both[:count] += other[:count] * np.float32(gain)
    return both


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What there is beside speech: music, songs and effects."""

    tracks: Sequence[Samples]
    songs: Sequence[Samples]
    noises: Sequence[Samples]


def surroundings(cases: Path, half: Half) -> Surroundings:
    return Surroundings(tracks=_music(cases, half), songs=_songs(cases, half), noises=_effects(cases, half))


class Maker:
    """Makes planted clips of one half; `clean` are clips of that half as the cut stage cut them, by person."""

    def __init__(self, around: Surroundings, clean: dict[str, list[Samples]], seed: int) -> None:
        self.clean = clean
        self.random = np.random.default_rng(seed)
        self.characters = tuple(name for name in clean if not name.startswith("UNKNOWN"))
        self.tracks, self.songs, self.noises = around.tracks, around.songs, around.noises

    def all(self, each: int, only: Sequence[str] = ()) -> Iterator[Planted]:
        """`each` clips of every kind, or of those named."""
        kinds: dict[str, Callable[[], Planted]] = {
            "wrong_speaker": self.wrong_speaker, "overlap": self.overlap, "music": self.music, "noise": self.noise,
            "clipping": self.clipping, "telephone": self.telephone, "upsampled": self.upsampled, "song": self.song,
            "silence": self.silence, "no_voice": self.no_voice, "cut_word": self.cut_word,
        }  # fmt: skip
        for kind, make in kinds.items():
            for _ in range(each if not only or kind in only else 0):
                yield make()

    def _any(self, people: Sequence[str] | None = None) -> tuple[str, Samples]:
        name = str(self.random.choice(list(people or self.characters)))
        return name, self.clean[name][int(self.random.integers(len(self.clean[name])))]

    def _others(self, name: str) -> list[str]:
        return [each for each in self.clean if each != name]

    def _piece(self, of: Sequence[Samples], count: int) -> Samples:
        """So many samples from a random place, tiled if it is shorter."""
        whole = of[int(self.random.integers(len(of)))]
        if len(whole) <= count:
            return np.resize(whole, count)
        first = int(self.random.integers(len(whole) - count))
        return whole[first : first + count]

    def wrong_speaker(self) -> Planted:
        name = str(self.random.choice(self.characters))
        other, samples = self._any(self._others(name))
        return Planted(kind="wrong_speaker", speaker=name, samples=samples, degree=other)

    def overlap(self) -> Planted:
        name, samples = self._any()
        other, second = self._any(self._others(name))
        share = self.random.uniform(0.5, 1.0)
        ratio = self.random.uniform(0, 6)
        count = round(share * len(samples))
        first = int(self.random.integers(len(samples) - count + 1))
        second = np.resize(second, count)
        under = np.zeros_like(samples)
        under[first : first + count] = second
        return Planted(
            kind="overlap",
            speaker=name,
            samples=mixed(samples, under, ratio),
            degree=f"{other} {share:.0%} {ratio:.0f} dB",
        )

    def music(self) -> Planted:
        name, samples = self._any()
        ratio = self.random.uniform(0, 10)
        return Planted(
            kind="music", speaker=name, samples=mixed(samples, self._piece(self.tracks, len(samples)), ratio),
            degree=f"{ratio:.1f} dB",
        )  # fmt: skip

    def noise(self) -> Planted:
        name, samples = self._any()
        ratio = self.random.uniform(-2, 6)
        slope = self.random.uniform(0, 1)
        return Planted(
            kind="noise", speaker=name, samples=mixed(samples, coloured(self.random, len(samples), slope), ratio),
            degree=f"{ratio:.1f} dB",
        )  # fmt: skip

    def clipping(self) -> Planted:
        name, samples = self._any()
        share = 10 ** self.random.uniform(-1.9, -0.9)
        line = np.quantile(np.abs(samples), 1 - share)
        gain = self.random.uniform(0.2, 1.0) / line
        return Planted(
            kind="clipping",
            speaker=name,
            samples=np.clip(samples, -line, line) * np.float32(gain),
            degree=f"{share:.1%}",
        )

    def telephone(self) -> Planted:
        name, samples = self._any()
        if self.random.random() < 0.5:
            narrow = resample(resample(samples, RATE_HZ, 8000), 8000, RATE_HZ)
            low, high = self.random.uniform(200, 400), 3400.0
        else:
            narrow, low, high = samples, self.random.uniform(250, 500), self.random.uniform(2800, 3600)
        order = int(self.random.integers(3, 7))
        filtered = sosfilt(butter(order, (low, high), "bandpass", fs=RATE_HZ, output="sos"), narrow)
        return Planted(
            kind="telephone", speaker=name, samples=at_level(filtered.astype(np.float32)),
            degree=f"{low:.0f}-{high:.0f} Hz order {order}",
        )  # fmt: skip

    def upsampled(self) -> Planted:
        name, samples = self._any()
        rate = int(self.random.choice((8000, 11025)))
        return Planted(
            kind="upsampled",
            speaker=name,
            samples=resample(resample(samples, RATE_HZ, rate), rate, RATE_HZ),
            degree=f"{rate} Hz",
        )

    def song(self) -> Planted:
        name = str(self.random.choice(self.characters))
        count = round(RATE_HZ * self.random.uniform(3, 8))
        return Planted(kind="song", speaker=name, samples=at_level(self._piece(self.songs, count)))

    def silence(self) -> Planted:
        name = str(self.random.choice(self.characters))
        level = self.random.uniform(-80, -45)
        count = round(RATE_HZ * self.random.uniform(1, 5))
        sound = coloured(self.random, count, self.random.uniform(0, 1)) * np.float32(10 ** (level / 20))
        return Planted(kind="silence", speaker=name, samples=sound, degree=f"{level:.0f} dBFS")

    def no_voice(self) -> Planted:
        """A sound effect, loud noise or music where a voice should be."""
        name = str(self.random.choice(self.characters))
        count = round(RATE_HZ * self.random.uniform(1, 5))
        which = int(self.random.integers(3))
        made = (
            self._piece(self.noises, count) if which == 0 else self._piece(self.tracks, count) if which == 1
            else coloured(self.random, count, self.random.uniform(0, 1))
        )  # fmt: skip
        return Planted(
            kind="no_voice", speaker=name, samples=at_level(made), degree=("effect", "music", "noise")[which]
        )

    def cut_word(self) -> Planted:
        """Cut at one end amid sound: 0.1 s on either side are no pause, the last 20 ms near the speech's level."""
        while True:
            name, samples = self._any()
            hop = hop_samples(RATE_HZ)
            levels = levels_of(samples, RATE_HZ)
            speech = 10 * np.log10(active_power(samples))
            loud = runs(~quiet(levels), 20)
            places = [
                place
                for a, b in loud
                for place in range(a + 10, b - 10)
                if levels[place - 2 : place + 2].min() > speech - 15 and 100 < place < len(levels) - 100
            ]
            if places:
                place = int(self.random.choice(places)) * hop
                kept = samples[place:] if self.random.random() < 0.5 else samples[:place]
                return Planted(kind="cut_word", speaker=name, samples=kept)

    def duplicates(self, count: int) -> Iterator[tuple[str, int, Samples, str]]:
        """Person, which of their clean clips, and that clip again as another episode would give it."""
        for _ in range(count):
            name = str(self.random.choice(self.characters))
            index = int(self.random.integers(len(self.clean[name])))
            samples = self.clean[name][index]
            lead, tail = (round(self.random.uniform(-0.1, 0.1) * RATE_HZ) for _ in range(2))
            again = np.pad(samples, (max(lead, 0), max(tail, 0)))[max(-lead, 0) :]
            again = again[: len(again) - max(-tail, 0)]
            ratio = self.random.uniform(18, 30)
            again = mixed(again, self._piece(self.tracks, len(again)), ratio)
            gain = 10 ** (self.random.uniform(-6, 3) / 20)
            yield name, index, again * np.float32(gain), f"music {ratio:.0f} dB"


def coloured(random: np.random.Generator, count: int, slope: float) -> Samples:
    """Noise whose power falls as f^-slope: 0 white, 1 pink; RMS 1."""
    spectrum = np.fft.rfft(random.normal(size=count))
    spectrum /= np.maximum(np.arange(len(spectrum)), 20) ** (slope / 2)
    made = np.fft.irfft(spectrum, count)
    return (made / np.sqrt(np.mean(made**2))).astype(np.float32)


def _music(cases: Path, half: Half) -> list[Samples]:
    stems = cases / "season_small" / "stems"
    if half == "tune":
        computed = [music.play(cue, 30.0).mean(axis=0) for cue in music.CUES]
        return [sound(stems / "S01E01" / "bgm.opus"), *computed]
    return [
        sound(stems / "S01E02" / "bgm.opus", 0, 33),
        sound(stems / "S01E02" / "bgm.opus", 47, 79),
        sound(stems / "S01E03" / "bgm.opus"),
    ]


def _songs(cases: Path, half: Half) -> list[Samples]:
    """The solo singer's first half tunes, the rest of it reports."""
    solo = sound(cases / "singing" / "vocadito_1.flac")
    middle = len(solo) // 2
    if half == "tune":
        return [solo[:middle]]
    return [solo[middle:]]


def _effects(cases: Path, half: Half) -> list[Samples]:
    """Stretches of the effects stems in which something sounds."""
    found = []
    for name in ("S01E01",) if half == "tune" else ("S01E02", "S01E03"):
        whole = sound(cases / "season_small" / "stems" / name / "sfx.opus")
        levels = levels_of(whole, RATE_HZ)
        for a, b in runs(levels > levels.max() - 40, 10):
            found.append(whole[a * hop_samples(RATE_HZ) : b * hop_samples(RATE_HZ)])
    return found
