"""CASES/season_small with more room between its lines: the same speech, music, effects, and stretches without speech.

People in it speak three quarters of the time, far more than in a series. Behind every few turns the speech pauses for
some seconds, and the music goes on (from its beginning again where it ends).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from tests.bench.truth import LATE

RATE_HZ = 48000
TURNS_BETWEEN, PAUSES = 3, (6.0, 14.0, 25.0)
"""How many turns follow each other, and seconds of the pauses after them, in turn."""

Sound = NDArray[np.float32]


def make(season: Path, target: Path) -> dict[str, Path]:
    """Recordings by episode as FLAC (48 kHz, stereo), with `truth/` beside them in the form of the season's own."""
    (target / "truth").mkdir(parents=True, exist_ok=True)
    found = {}
    for said in sorted((season / "truth").glob("S*.json")):
        episode = said.stem
        known = json.loads(said.read_text("utf-8"))
        cuts = _cuts(known["turns"])
        stems = season / "stems" / episode
        speech = _spread(_read(stems / "speech.flac"), cuts)
        length = speech.shape[1]
        effects = _spread(_read(stems / "sfx.opus"), cuts)
        music = _read(stems / "bgm.opus")
        music = np.tile(music, (1, -(-length // music.shape[1])))[:, :length]
        path = target / f"{episode}.flac"
        soundfile.write(path, np.clip(speech + effects + music, -1, 1 - 2**-15).T, RATE_HZ, subtype="PCM_16")
        truth = {"seconds": length / RATE_HZ, "turns": [_moved(turn, cuts) for turn in known["turns"]]}
        (target / "truth" / said.name).write_text(json.dumps(truth), "utf-8")
        found[episode] = path
    return found


def _cuts(turns: list[dict[str, Any]]) -> list[tuple[float, float]]:
    """Times at which nobody speaks, and the seconds put in there."""
    cuts: list[tuple[float, float]] = []
    since, reached = 0, 0.0
    for turn in sorted(turns, key=lambda each: float(each["start"])):
        if since >= TURNS_BETWEEN and turn["start"] - reached >= 0.2:
            cuts.append(((reached + turn["start"]) / 2, PAUSES[len(cuts) % len(PAUSES)]))
            since = 0
        since, reached = since + 1, max(reached, turn["end"])
    return cuts


def _spread(sound: Sound, cuts: list[tuple[float, float]]) -> Sound:
    parts, before = [], 0
    for at, seconds in cuts:
        parts += [sound[:, before : round(at * RATE_HZ)], np.zeros((2, round(seconds * RATE_HZ)), np.float32)]
        before = round(at * RATE_HZ)
    return np.concatenate([*parts, sound[:, before:]], axis=1)


def _moved(turn: dict[str, Any], cuts: list[tuple[float, float]]) -> dict[str, Any]:
    """`truth` adds LATE, which these files do not have."""
    shift = sum(seconds for at, seconds in cuts if at <= turn["start"]) - LATE
    return {"speaker": turn["speaker"], "start": turn["start"] + shift, "end": turn["end"] + shift}


def _read(path: Path) -> Sound:
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    sound = soxr.resample(samples, rate, RATE_HZ).T.astype(np.float32)
    return np.repeat(sound, 2, axis=0) if len(sound) == 1 else sound
