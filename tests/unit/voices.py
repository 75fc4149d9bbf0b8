"""Voices made of numbers: vectors that lie to each other as Resemblyzer's do, and episodes of them.

Two clips of one voice have a cosine near 0.8, clips of two voices near 0.55.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence

import numpy as np

from tasks.domain import EpisodeClip, HeardEpisode, Measurements, Reference, Turn, Vectors

MODEL = "resemblyzer 0.1.4"
GOOD = Measurements(
    snr_db=30.0,
    background_db=20.0,
    loudness_lufs=-23.0,
    peak_dbfs=-3.0,
    clipped_share=0.0,
    bandwidth_hz=12000.0,
    f0_median_hz=220.0,
    f0_low_hz=180.0,
    f0_high_hz=300.0,
    voiced_share=0.6,
    speech_probability=0.9,
)


def _direction(name: str, dimension: int = 256) -> Vectors:
    vector = np.random.default_rng(zlib.crc32(name.encode())).normal(size=dimension)
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def vector(voice: str, take: str, likeness: float = 0.8, others: float = 0.55) -> Vectors:
    """One clip of a voice; `likeness`: its mean cosine to other clips of the voice; `others`: to other voices. `a+b`
    is half of each, `a~b` is b in another role, a cosine of 0.1 away."""
    people = voice.split("+")
    person = np.sum([_direction(f"person {each}") for each in people], axis=0) / len(people)
    if "~" in voice:
        role, actor = voice.split("~")
        person = 0.6 * _direction(f"person {actor}") + 0.8 * _direction(f"person {role}")
    made = (
        np.sqrt(others) * _direction("speech")
        + np.sqrt(likeness - others) * person
        + np.sqrt(1 - likeness) * _direction(f"take {voice} {take}")
    )
    return np.asarray(made / np.linalg.norm(made), np.float32)


def heard(
    episode: str,
    said: Iterable[tuple[str, str]],
    seconds: float = 3.0,
    *,
    turns: Sequence[Turn] = (),
    model: str = MODEL,
    likeness: float = 0.8,
    others: float = 0.55,
) -> HeardEpisode:
    """An episode of (local speaker, true voice) clips, each `seconds` long, a second apart."""
    clips, vectors = [], []
    for number, (speaker, voice) in enumerate(said):
        start = number * (seconds + 1.0)
        clip_id = f"{episode}/{round(start * 1000):08d}"
        clips.append(
            EpisodeClip(
                id=clip_id,
                episode=episode,
                start=start,
                end=start + seconds,
                speaker=speaker,
                sha256="0" * 64,
                consistency=0.9,
                measurements=GOOD,
            )
        )
        vectors.append(vector(voice, clip_id, likeness, others))
    rows = np.stack(vectors) if vectors else np.zeros((0, 256), np.float32)
    return HeardEpisode(episode=episode, clips=tuple(clips), model=model, vectors=rows, turns=tuple(turns))


def reference(character: str, voice: str | None = None, stretches: int = 4, model: str = MODEL) -> Reference:
    """References of a character, `stretches` vectors of the voice of the same name."""
    rows = np.stack([vector(voice or character, f"reference {number}", 0.85) for number in range(stretches)])
    return Reference(character=character, model=model, vectors=rows)
