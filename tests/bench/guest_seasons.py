"""Seasons of real vectors (`guest_voices`): characters with references, guests of some episodes, walk-ons of one.

Lines, places and people are real and known; who is in which episode, and diarization's mistakes, are drawn from a
seed. No line of a character is both a reference and in an episode.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from containers.contract.stages import Turn
from tasks.domain import EpisodeClip, HeardEpisode, Reference
from tests.bench.guest_voices import PLACES, Person
from tests.bench.synthetic_season import GOOD, Season, Spread

REFERENCES = 4
LEAST_LINES = 12
"""Of a character."""
GAME = "game "
"""Voices of one game, which one actor may have spoken several of: in a season with one as a character, no other."""


@dataclass(frozen=True, kw_only=True)
class Cast:
    """Who is in a season; shares of 1 for diarization's mistakes, as in `synthetic_season.Plan`.

    `alike`: guests and walk-ons are those whose voices are nearest to a character's.
    """

    episodes: int = 6
    characters: int = 5
    guests: int = 16
    guests_at_once: int = 5
    walk_ons: int = 4
    clips: tuple[int, int, int] = (10, 6, 3)
    alike: bool = False
    wrong: float = 0.05
    found_twice: float = 0.3
    mixed: float = 0.05


def make(people: Sequence[Person], model: str, seed: int, cast: Cast | None = None) -> tuple[Season, tuple[str, ...]]:
    """A season of these people, the same for the same seed; who plays its `regular 0`, `regular 1` ..."""
    cast, random = cast or Cast(), np.random.default_rng(seed)
    characters = _characters(people, cast.characters, random)
    others = _others(people, characters, cast, random)
    guests, walk_ons = others[: cast.guests], others[cast.guests :]
    known = {each.name: each for each in people}
    kept = {name: random.permutation(len(known[name].seconds)) for name in known}
    references = tuple(
        Reference(character=f"regular {number}", model=model, vectors=known[name].vectors[0, kept[name][:REFERENCES]])
        for number, name in enumerate(characters)
    )
    left = {name: lines[REFERENCES if name in characters else 0 :] for name, lines in kept.items()}
    whose: dict[str, str] = {}
    episodes = []
    for number in range(cast.episodes):
        here = [(name, cast.clips[0]) for name in characters]
        here += [(str(name), cast.clips[1]) for name in random.choice(guests, cast.guests_at_once, replace=False)]
        here += [(walk_ons.pop(), cast.clips[2]) for _ in range(min(cast.walk_ons, len(walk_ons)))]
        episodes.append(_Episode(f"s01e{number + 1:02d}", model, known, left, random).made(here, cast, whose))
    role = {name: f"regular {number}" for number, name in enumerate(characters)}
    whose = {clip: role.get(name, name) for clip, name in whose.items()}
    return Season(episodes=tuple(episodes), whose=whose, references=references), tuple(characters)


def _characters(people: Sequence[Person], count: int, random: np.random.Generator) -> list[str]:
    able = [each.name for each in people if len(each.seconds) >= LEAST_LINES]
    drawn = [str(each) for each in random.permutation(able)]
    games = [each for each in drawn if each.startswith(GAME)]
    return [each for each in drawn if each not in games[1:]][:count]


def _others(people: Sequence[Person], characters: Sequence[str], cast: Cast, random: np.random.Generator) -> list[str]:
    """Guests and walk-ons, in any order."""
    played = any(each.startswith(GAME) for each in characters)
    others = [each for each in people if each.name not in characters and not (played and each.name.startswith(GAME))]
    if cast.alike:
        middle = {each.name: each.vectors[0].mean(axis=0) for each in people}
        near = [max(float(middle[each.name] @ middle[name]) for name in characters) for each in others]
        others = [others[index] for index in np.argsort(near)[::-1][: cast.guests + cast.walk_ons * cast.episodes]]
    return [str(each) for each in random.permutation([each.name for each in others])]


@dataclass(frozen=True)
class _Episode:
    key: str
    model: str
    known: dict[str, Person]
    left: dict[str, np.ndarray]
    random: np.random.Generator

    def made(self, here: Sequence[tuple[str, int]], cast: Cast, whose: dict[str, str]) -> HeardEpisode:
        """Each of `here` says about so many lines, in one place or two."""
        random = self.random
        names = self._names([name for name, _ in here], cast)
        places = {name: random.choice(len(PLACES), 2) for name, _ in here}
        said = []
        for name, usual in here:
            count = min(1 + random.poisson(usual - 1), len(self.left[name]))
            said += [(name, int(line)) for line in random.choice(self.left[name], count, replace=False)]
        clips, vectors, at = [], [], 1.0
        for index in random.permutation(len(said)):
            name, line = said[index]
            person = self.known[name]
            local = names[name][int(random.integers(len(names[name])))]
            if random.random() < cast.wrong:
                local = names[here[int(random.integers(len(here)))][0]][0]
            clip = f"{self.key}/{round(at * 1000):08d}"
            whose[clip] = name
            end = at + person.seconds[line]
            clips.append(
                EpisodeClip(id=clip, episode=self.key, start=at, end=end, speaker=local, sha256="0" * 64,
                            consistency=0.9, measurements=GOOD)
            )  # fmt: skip
            vectors.append(person.vectors[int(random.choice(places[name])), line])
            at = end + 1.0
        turns = tuple(Turn(start=clip.start, end=clip.end, speaker=clip.speaker) for clip in clips)
        return HeardEpisode(
            episode=self.key, clips=tuple(clips), model=self.model, vectors=np.stack(vectors), turns=turns
        )

    def _names(self, people: Sequence[str], cast: Cast) -> dict[str, list[str]]:
        """The local speakers of each person: most one, some two, some the same as somebody else's."""
        random, names = self.random, dict[str, list[str]]()
        for who in people:
            first = f"SPEAKER_{len(names):02d}"
            names[who] = [first, f"{first}B"] if random.random() < cast.found_twice else [first]
            if len(names) > 1 and random.random() < cast.mixed:
                names[who] = names[list(names)[int(random.integers(len(names) - 1))]]
        return names


def spread_of(people: Sequence[Person], model: str) -> Spread:
    """What these people are like, for seasons of `synthetic_season`: made people of their spread."""
    means = [each.vectors[0].mean(axis=0) for each in people]
    many = [(mean, each) for mean, each in zip(means, people, strict=True) if len(each.seconds) > 2]
    clean = [vector - mean for mean, each in many for vector in each.vectors[0]]
    music = [vector - mean for mean, each in many for place in each.vectors[1:] for vector in place]
    clips = tuple((each.name, vector) for each in people for place in each.vectors for vector in place)
    return Spread(model=model, voices=np.stack(means), clean=np.stack(clean), music=np.stack(music), clips=clips)
