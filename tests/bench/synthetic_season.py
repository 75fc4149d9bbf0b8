"""A long season made of numbers drawn from real ones: who speaks is known of every clip.

Voices: the means of the real voices in CASES (LibriSpeech, AMI meetings), and new ones drawn from their spread.
Clips: a voice plus real differences of real clips from their own voice, under music and without, more for short
clips; beside them a difference that all clips of a voice in one episode share. Then diarization's mistakes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from containers.contract.stages import Turn
from tasks.domain import EpisodeClip, HeardEpisode, Measurements, Reference, Vectors
from tests.bench import season_stages
from tests.bench.season_stages import Workshop
from tests.bench.truth import truth

GOOD = Measurements(
    snr_db=30.0, background_db=20.0, loudness_lufs=-23.0, peak_dbfs=-3.0, clipped_share=0.0, bandwidth_hz=12000.0,
    f0_median_hz=220.0, f0_low_hz=180.0, f0_high_hz=300.0, voiced_share=0.6, speech_probability=0.9,
)  # fmt: skip

LEAK = 0.45
"""What is left of figures below zero, which the model never gives: with 0 two made voices are more alike than two
real ones are, with 1 less; chosen so that clips of two voices are as alike (`likeness` of the bench shows both)."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a season is like; shares of 1. `regulars` speak in every episode, `guests` in some, walk-ons in one."""

    episodes: int = 126
    regulars: int = 5
    guests: int = 40
    guests_at_once: int = 9
    walk_ons: int = 6
    clips: tuple[int, int, int] = (26, 9, 3)
    wrong: float = 0.05
    found_twice: float = 0.3
    mixed: float = 0.05
    seed: int = 1


@dataclass(frozen=True, kw_only=True)
class Spread:
    """What real voices are like: means of voices, and differences of their clips from them, float64 rows.

    `music`: of clips under music, from the season; `clean`: of the others.
    """

    model: str
    voices: Vectors
    clean: Vectors
    music: Vectors
    clips: tuple[tuple[str, Vectors], ...]
    """All real clips, unit vectors, with whose they are."""


@dataclass(frozen=True, kw_only=True)
class Season:
    """Episodes, who truly speaks in every clip, and references of the regulars."""

    episodes: tuple[HeardEpisode, ...]
    whose: Mapping[str, str]
    references: tuple[Reference, ...]


def spread_of(cases: Path, workshop: Workshop) -> Spread:
    """Real voices of CASES: references and probes of two folders, meetings, and the season's clips by truth."""
    files = {
        f"{path.parent.name}/{path.stem}": path for path in sorted((cases / "speaker_match/refs").glob("*/*.flac"))
    }
    rows = [line.split(",") for line in (cases / "speaker_match/key.csv").read_text("utf-8").splitlines()[1:]]
    files |= {
        f"{who if who != 'UNKNOWN' else Path(name).stem}/{Path(name).stem}": cases / "speaker_match" / name
        for name, who, _ in rows
    }
    said: dict[str, list[Vectors]] = {}
    model = ""
    for name, answer in season_stages.embedded(workshop, files).items():
        model, vectors = season_stages.vectors_of(answer)
        said.setdefault(name.split("/")[0], []).extend(vectors)
    said |= _meetings(cases / "diarization_real/ami", workshop)
    means = {who: np.mean(vectors, axis=0) for who, vectors in said.items()}
    clean = [vector - means[who] for who, vectors in said.items() if len(vectors) > 2 for vector in vectors]
    under_music = [
        (who, vector) for who, each in _under_music(cases / "season_small", workshop).items() for vector in each
    ]
    music = [vector - means[who] for who, vector in under_music if who in means]
    return Spread(
        model=model,
        voices=np.stack(list(means.values())),
        clean=np.stack(clean),
        music=np.stack(music),
        clips=(*((who, vector) for who, vectors in said.items() for vector in vectors), *under_music),
    )


def _meetings(folder: Path, workshop: Workshop) -> dict[str, list[Vectors]]:
    turns = {}
    for path in sorted(folder.glob("*.rttm")):
        lines = [line.split() for line in path.read_text("utf-8").splitlines() if line.startswith("SPEAKER")]
        turns[path.stem] = [(float(line[3]), float(line[4]), line[7]) for line in lines if float(line[4]) >= 2]
    turns = {name: each for name, each in turns.items() if each}
    asked = {
        name: tuple(Turn(start=start, end=start + length, speaker=who) for start, length, who in sorted(each))
        for name, each in turns.items()
    }
    said: dict[str, list[Vectors]] = {}
    for name, answer in season_stages.embedded(workshop, {n: folder / f"{n}.flac" for n in turns}, asked).items():
        for turn, vector in zip(asked[name], season_stages.vectors_of(answer)[1], strict=True):
            said.setdefault(turn.speaker, []).append(vector)
    return said


def _under_music(season: Path, workshop: Workshop) -> dict[str, list[Vectors]]:
    videos = {path.stem: path for path in sorted((season / "episodes").glob("*.mkv"))}
    vocals = {name: each.path(each.result.vocals) for name, each in season_stages.separated(workshop, videos).items()}
    asked = {
        name: tuple(
            Turn(start=start, end=end, speaker=who) for start, end, who in truth(season, name)[0] if end - start >= 1
        )
        for name in vocals
    }
    said: dict[str, list[Vectors]] = {}
    for name, answer in season_stages.embedded(workshop, vocals, asked).items():
        for turn, vector in zip(asked[name], season_stages.vectors_of(answer)[1], strict=True):
            said.setdefault(turn.speaker, []).append(vector)
    return said


class Voices:
    """New voices and clips of them, of the real ones' spread."""

    def __init__(self, spread: Spread, random: np.random.Generator) -> None:
        self._spread, self._random = spread, random
        self._mean = spread.voices.mean(axis=0)
        self._differences = (spread.voices - self._mean) / np.sqrt(len(spread.voices) - 1)
        self._known: dict[str, Vectors] = {}

    def voice(self, name: str) -> Vectors:
        if name not in self._known:
            weights = self._random.normal(size=len(self._differences))
            self._known[name] = self._mean + weights @ self._differences
        return self._known[name]

    def clip(self, name: str, scene: Vectors, seconds: float, music: bool) -> Vectors:
        differences = self._spread.music if music else self._spread.clean
        longer = float(np.clip(np.sqrt(3 / seconds), 0.7, 1.5))
        one, two = differences[self._random.integers(len(differences), size=2)]
        made = self.voice(name) + scene + longer * (one + two) / np.sqrt(2)
        made = np.maximum(made, LEAK * made)
        return np.asarray(made / np.linalg.norm(made), np.float32)

    def scene(self) -> Vectors:
        """What all clips of a voice in one episode share: a third of a clip's own variance, by assumption."""
        return np.asarray(self._random.choice(self._spread.clean) / np.sqrt(3))


def make(spread: Spread, plan: Plan) -> Season:
    """The season of a plan; the same for the same seed."""
    random = np.random.default_rng(plan.seed)
    voices = Voices(spread, random)
    whose: dict[str, str] = {}
    episodes = tuple(_episodes(plan, voices, random, spread.model, whose))
    references = []
    for number in range(plan.regulars):
        name = f"regular {number}"
        vectors = [voices.clip(name, voices.scene(), 5.0, music=False) for _ in range(6)]
        references.append(Reference(character=name, model=spread.model, vectors=np.stack(vectors)))
    return Season(episodes=episodes, whose=whose, references=tuple(references))


def _episodes(
    plan: Plan, voices: Voices, random: np.random.Generator, model: str, whose: dict[str, str]
) -> Iterator[HeardEpisode]:
    for number in range(plan.episodes):
        people = [f"regular {each}" for each in range(plan.regulars)]
        people += [f"guest {each}" for each in random.choice(plan.guests, plan.guests_at_once, replace=False)]
        people += [f"walk-on {number} {each}" for each in range(plan.walk_ons)]
        yield _episode(f"s01e{number + 1:03d}", people, plan, voices, random, model, whose)


def _episode(
    key: str,
    people: Sequence[str],
    plan: Plan,
    voices: Voices,
    random: np.random.Generator,
    model: str,
    whose: dict[str, str],
) -> HeardEpisode:
    usual = dict(zip(("regular", "guest", "walk-on"), plan.clips, strict=True))
    scenes = {who: voices.scene() for who in people}
    names = _names(people, plan, random)
    said = [who for who in people for _ in range(1 + random.poisson(usual[who.split()[0]] - 1))]
    random.shuffle(said)
    clips, vectors, at = [], [], 1.0
    for who in said:
        seconds = float(np.clip(random.lognormal(1.0, 0.5), 1.0, 12.0))
        local = names[who][random.integers(len(names[who]))]
        if random.random() < plan.wrong:
            local = names[people[random.integers(len(people))]][0]
        clip = f"{key}/{round(at * 1000):08d}"
        whose[clip] = who
        clips.append(
            EpisodeClip(
                id=clip, episode=key, start=at, end=at + seconds, speaker=local, sha256="0" * 64, consistency=0.9,
                measurements=GOOD,
            )
        )  # fmt: skip
        vectors.append(voices.clip(who, scenes[who], seconds, music=bool(random.random() < 0.5)))
        at += seconds + 1.0
    turns = tuple(Turn(start=clip.start, end=clip.end, speaker=clip.speaker) for clip in clips)
    return HeardEpisode(episode=key, clips=tuple(clips), model=model, vectors=np.stack(vectors), turns=turns)


def _names(people: Sequence[str], plan: Plan, random: np.random.Generator) -> dict[str, list[str]]:
    """The local speakers of each person: most one, some two, some the same as somebody else's."""
    names: dict[str, list[str]] = {}
    for who in people:
        first = f"SPEAKER_{len(names):02d}"
        names[who] = [first, f"{first}B"] if random.random() < plan.found_twice else [first]
        if names and random.random() < plan.mixed:
            names[who] = names[list(names)[random.integers(len(names))]]
    return names
