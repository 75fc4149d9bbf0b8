"""What the season really is (CASES/season_small), and how far an answer is from it. Times in seconds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

STEP = 0.01
"""Seconds a frame of all measures below."""
LATE = 1024 / 48000
"""AAC in Matroska decodes this much later than the stems that truth was written from."""

Turns = Sequence[tuple[float, float, str]]
Frames = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Given:
    """A stretch of an episode that ended in a character's data set."""

    episode: str
    start: float
    end: float
    character: str


def truth(season: Path, episode: str) -> tuple[Turns, float]:
    """Turns as spoken, and the seconds of the episode."""
    said = json.loads((season / "truth" / f"{episode}.json").read_text("utf-8"))
    turns = [(turn["start"] + LATE, turn["end"] + LATE, turn["speaker"]) for turn in said["turns"]]
    return turns, said["seconds"]


def frames(turns: Turns, names: Sequence[str], seconds: float) -> Frames:
    """Who speaks in each frame: bool (names, frames)."""
    found = np.zeros((len(names), round(seconds / STEP) + 1), bool)
    for start, end, name in turns:
        found[names.index(name), round(start / STEP) : round(end / STEP)] = True
    return found


def error_rate(answer: Turns, true: Turns, seconds: float, collar: float = 0.25) -> float:
    """Diarization error rate, overlaps counted, speakers matched as well as can be."""
    names, guessed = sorted({turn[2] for turn in true}), sorted({turn[2] for turn in answer})
    spoken, heard = frames(true, names, seconds), frames(answer, guessed, seconds)
    scored = np.ones(spoken.shape[1], bool)
    for start, end, _ in true:
        for edge in (start, end):
            scored[max(0, round((edge - collar) / STEP)) : round((edge + collar) / STEP)] = False
    spoken, heard = spoken[:, scored], heard[:, scored]
    both = spoken.astype(float) @ heard.T.astype(float)
    right = both[linear_sum_assignment(-both)].sum()
    return float((np.maximum(spoken.sum(0), heard.sum(0)).sum() - right) / spoken.sum())


def measure(given: Sequence[Given], season: Path, episodes: Sequence[str], cast: Sequence[str]) -> dict[str, Any]:
    """How good data sets are, in shares of seconds of speech, and what should not be there.

    `purity`: the clip's character speaks; `alone`: and nobody else does; `yield`: of what the cast
    says alone, what was found; `walk_on_seconds`: in which somebody without references speaks.
    """
    right = clear = speech = wanted = found = strangers = 0.0
    wrong: list[str] = []
    for episode in episodes:
        true, seconds = truth(season, episode)
        names = sorted({turn[2] for turn in true} | set(cast))
        spoken = frames(true, names, seconds)
        alone = spoken & (spoken.sum(0) == 1)
        taken = frames([(g.start, g.end, g.character) for g in given if g.episode == episode], names, seconds)
        for name in cast:
            wanted += alone[names.index(name)].sum() * STEP
            found += (alone & taken)[names.index(name)].sum() * STEP
        for each in (g for g in given if g.episode == episode):
            inside = slice(round(each.start / STEP), round(each.end / STEP))
            by_name = spoken[:, inside].sum(1) * STEP
            right += by_name[names.index(each.character)]
            clear += alone[names.index(each.character), inside].sum() * STEP
            speech += spoken[:, inside].any(0).sum() * STEP
            strangers += sum(by_name[names.index(name)] for name in names if name not in cast)
            if names[int(by_name.argmax())] != each.character:
                wrong.append(f"{episode} {each.start:.2f}-{each.end:.2f} as {each.character}")
    return {
        "purity": round(right / speech, 4) if speech else None,
        "alone": round(clear / speech, 4) if speech else None,
        "yield": round(found / wanted, 4),
        "minutes": round(sum(each.end - each.start for each in given) / 60, 3),
        "clips": len(given),
        "clips_mainly_of_another": wrong,
        "walk_on_seconds": round(strangers, 2),
    }
