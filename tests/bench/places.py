"""Where a clip is heard: as it is, in faint noise, in a room, as another would say it; and what goes on under it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.signal import fftconvolve

from containers.light.audio import resample
from tests.bench.planted_material import RATE_HZ, Samples, coloured, mixed

Condition = Callable[[np.random.Generator, Samples], Samples]
_OVERTONES = 12


def as_it_is(_: np.random.Generator, samples: Samples) -> Samples:
    return samples


def in_noise(random: np.random.Generator, samples: Samples) -> Samples:
    return mixed(samples, coloured(random, len(samples), random.uniform(0, 1)), random.uniform(20, 35))


def in_a_room(random: np.random.Generator, samples: Samples) -> Samples:
    """Reverberation of 0.15 to 0.6 s, 3 to 15 dB under the voice."""
    count = round(random.uniform(0.15, 0.6) * RATE_HZ)
    tail = random.normal(size=count) * 10 ** (-3 * np.arange(count) / count)
    return mixed(samples, fftconvolve(samples, tail)[: len(samples)].astype(np.float32), random.uniform(3, 15))


def as_another(random: np.random.Generator, samples: Samples) -> Samples:
    """One to three semitones higher and faster, or lower and slower: as a smaller or larger person."""
    factor = 2 ** (random.uniform(1, 3) * random.choice((-1, 1)) / 12)
    return resample(samples, RATE_HZ, round(RATE_HZ * factor))


def as_another_in_noise(random: np.random.Generator, samples: Samples) -> Samples:
    return in_noise(random, as_another(random, samples))


def far_away(random: np.random.Generator, samples: Samples) -> Samples:
    """Another person in another room, in faint noise."""
    return in_noise(random, in_a_room(random, as_another(random, samples)))


def over_music(tracks: Sequence[Samples]) -> Condition:
    """Music 8 to 30 dB under the voice, as a separation leaves it or a mix may hold it."""

    def placed(random: np.random.Generator, samples: Samples) -> Samples:
        track = tracks[int(random.integers(len(tracks)))]
        first = int(random.integers(max(len(track) - len(samples), 0) + 1))
        return mixed(samples, np.resize(track[first:], len(samples)), random.uniform(8, 30))

    return placed


def over_hum(random: np.random.Generator, samples: Samples) -> Samples:
    """Hum of the mains with overtones, 15 to 30 dB under the voice."""
    times = np.arange(len(samples)) / RATE_HZ
    base, hum = float(random.choice((50.0, 60.0))), np.zeros(len(samples))
    for number in range(1, _OVERTONES + 1):
        height = random.exponential() / number
        hum += height * np.sin(2 * np.pi * (base * number * times + random.random()))
    return mixed(samples, hum.astype(np.float32), random.uniform(15, 30))


PLACES: dict[str, Condition] = {"as it is": as_it_is, "in faint noise": in_noise, "in a room": in_a_room}
CONDITIONS: tuple[Condition, ...] = (
    *[as_it_is] * 2, *[in_noise] * 2, as_another, as_another_in_noise, *[in_a_room] * 4, *[far_away] * 2,
)  # fmt: skip
"""What the detector of a second voice learns in; half of it rooms, since they are what is taken for one most easily."""
