"""What the detector of a second voice learns from: clips of one person and of two, of many people, in many places.

People and music are parted into `FOLDS`; two who are mixed, and the music under them, are of one fold, so that a
detector that is learnt from the others has heard none of it.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from containers.light.pauses import hop_samples, levels_of, quiet, runs
from tests.bench import planted_material as material
from tests.bench.places import CONDITIONS, Condition, as_it_is, over_hum, over_music
from tests.bench.planted_material import RATE_HZ, Samples
from tests.bench.planted_voices import Utterance

FOLDS = 5
_CLIPS = {"reader": 4, "game": 5}
"""Of a person, by source; others have more to say."""
_MOST_CLIPS = 14
_REST_HOPS = 12
_LONGEST_HOPS, _SHORTEST_HOPS = 500, 110
_UNDER = {"nothing": 0.67, "music": 0.25, "hum": 0.08}
"""What goes on under a clip, and how often."""


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """A clip at 48 kHz, who is heard in it (one or two), where, and what goes on under them."""

    people: tuple[str, ...]
    place: str
    under: str
    samples: Samples


def fold_of(person: str) -> int:
    return zlib.crc32(person.encode()) % FOLDS


def phrases(spoken: Sequence[Utterance], count: int) -> list[Samples]:
    """Clips of 1.1 to 5 s at one level, cut where the voice rests, at most so many, from all utterances alike."""
    found: list[list[Samples]] = []
    for one in spoken[:count]:
        samples = material.at_level(material.sound(one.path, one.start, one.end))
        found.append([each for each in _cut(samples) if len(each) >= _SHORTEST_HOPS * hop_samples(RATE_HZ)])
    rounds = range(max(map(len, found), default=0))
    return [clips[turn] for turn in rounds for clips in found if turn < len(clips)][:count]


def _cut(samples: Samples) -> Iterator[Samples]:
    hop = hop_samples(RATE_HZ)
    rests = [(a + b) // 2 for a, b in runs(quiet(levels_of(samples, RATE_HZ)), _REST_HOPS)]
    start, last = 0, 0
    for rest in (*rests, len(samples) // hop):
        if rest - start > _LONGEST_HOPS and last > start:
            yield samples[start * hop : last * hop]
            start = last
        last = rest
    while start < last:
        yield samples[start * hop : min(last, start + _LONGEST_HOPS) * hop]
        start += _LONGEST_HOPS


def clips_of(voices: Mapping[str, Sequence[Utterance]]) -> dict[str, list[Samples]]:
    found = {
        name: phrases(lines, _CLIPS.get(name.split("-")[0], _MOST_CLIPS)) for name, lines in sorted(voices.items())
    }
    return {name: clips for name, clips in found.items() if clips}


def lessons(clips: Mapping[str, Sequence[Samples]], tracks: Sequence[Samples], seed: int) -> Iterator[Lesson]:
    """Each clip alone and each under another's, each in a place of its own, some over music or hum."""
    random = np.random.default_rng(seed)
    of_fold: dict[int, list[str]] = defaultdict(list)
    for name in clips:
        of_fold[fold_of(name)].append(name)
    for name, own in clips.items():
        music = over_music(tracks[fold_of(name) :: FOLDS])
        for samples in own:
            yield _placed(random, (name,), samples, music)
            others = [other for other in of_fold[fold_of(name)] if _surely_another(name, other)]
            other = str(random.choice(others))
            second = clips[other][int(random.integers(len(clips[other])))]
            yield _placed(random, (name, other), _two(random, samples, second), music)


def _surely_another(name: str, other: str) -> bool:
    """Actors of the game have several roles."""
    both = {name.split("-", maxsplit=1)[0], other.split("-", maxsplit=1)[0]}
    return name != other and (both != {"game"} or "game-hero" in (name, other))


def _two(random: np.random.Generator, samples: Samples, second: Samples) -> Samples:
    """The second over 50 to 100 % of the clip, 0 to 6 dB below, as `Maker.overlap` plants it."""
    count = round(random.uniform(0.5, 1.0) * len(samples))
    first = int(random.integers(len(samples) - count + 1))
    under = np.zeros_like(samples)
    under[first : first + count] = np.resize(second, count)
    return material.mixed(samples, under, random.uniform(0, 6))


def _placed(random: np.random.Generator, people: tuple[str, ...], samples: Samples, music: Condition) -> Lesson:
    place = CONDITIONS[int(random.integers(len(CONDITIONS)))]
    under = str(random.choice(list(_UNDER), p=list(_UNDER.values())))
    beneath: Condition = {"nothing": as_it_is, "music": music, "hum": over_hum}[under]
    return Lesson(people=people, place=place.__name__, under=under, samples=beneath(random, place(random, samples)))
