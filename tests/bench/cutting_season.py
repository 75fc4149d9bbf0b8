"""A season that nothing was tuned on, in season_small's form, mixed from CASES: what the cutter is held out on.

Its lines are utterances of which no part occurs in season_small, English and
Japanese: whole, with the pauses in which they were read. Turns follow each other
after 0.05 to 1.2 s, some begin before the last one ends. Music lies 14, 9 and 6 dB
under the speech, a room's noise 34 to 40 dB. Everything is drawn from one seed;
the stems are exact.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from containers.light.pauses import levels_of
from tests.bench.planted_material import RATE_HZ, Samples, active_power, at_level, coloured, sound
from tests.bench.recurring_season import ffmpeg

MUSIC_DB = {"S09E01": -14.0, "S09E02": -9.0, "S09E03": -6.0}
"""Level of an episode's music over its speech."""
SPEECH_DBFS = -22.0
_PAD = 0.1
"""Seconds of the reader's own pause that are kept around an utterance."""


def make(cases: Path, season: Path) -> Path:
    """Write the season, unless it is there; gives its folder."""
    if (season / "done").exists():
        return season
    random = np.random.default_rng(20261126)
    lines = list(utterances(cases))
    random.shuffle(lines)  # type: ignore[arg-type]
    for number, (episode, music_db) in enumerate(MUSIC_DB.items()):
        bed = sound(cases / "season_small" / "stems" / f"S01E0{number + 1}" / "bgm.opus", 3.0)
        _episode(season, episode, lines[number :: len(MUSIC_DB)], bed[bed != 0], music_db, random)
    (season / "done").touch()
    return season


def utterances(cases: Path) -> Iterator[tuple[str, Samples]]:
    """Speaker and sound of each, none of it in season_small."""
    told = sorted((cases / "season_small" / "truth").glob("S*.json"))
    seen = {turn["source"] for path in told for turn in json.loads(path.read_text("utf-8"))["turns"]}
    folder = cases / "speaker_match"
    for table in ("manifest.csv", "key.csv"):
        for row in csv.DictReader((folder / table).open(encoding="utf-8")):
            if row["source"] not in seen:
                seen.add(row["source"])
                speaker = Path(row["source"]).name.split("-")[0]
                yield from _whole(speaker, sound(folder / row["file"]))
    for number, path in enumerate(sorted((cases / "japanese").glob("*.flac"))):
        yield from _whole(f"JA{number}", sound(path))


def _whole(speaker: str, samples: Samples) -> Iterator[tuple[str, Samples]]:
    """From the reader's pause before the first word to the one after the last; a file that is cut within a word
    loses that word."""
    levels = levels_of(samples, RATE_HZ)
    noise = float(np.percentile(levels[levels > -90], 4))
    rests = np.flatnonzero(np.convolve(levels < noise + 10, np.ones(6), "valid") == 6)
    if len(rests) and rests[-1] - rests[0] > 150:
        first, last = int(rests[0]), int(rests[-1]) + 6
        pad = round(_PAD * 100)
        loud = np.flatnonzero(levels[first:last] >= noise + 10) + first
        first, last = max(first, loud[0] - pad), min(last, loud[-1] + 1 + pad)
        yield speaker, at_level(samples[first * RATE_HZ // 100 : last * RATE_HZ // 100], SPEECH_DBFS)


def _episode(
    season: Path,
    name: str,
    lines: list[tuple[str, Samples]],
    bed: Samples,
    music_db: float,
    random: np.random.Generator,
) -> None:
    at, turns, longest = 2.0, [], sum(len(line) for _, line in lines) + RATE_HZ * (2 * len(lines) + 5)
    stems: dict[str, NDArray[np.float32]] = {}
    for speaker, line in lines:
        ramp = np.minimum(1, np.minimum(np.arange(len(line)), np.arange(len(line))[::-1]) / (0.01 * RATE_HZ))
        said = line * ramp.astype(np.float32) * np.float32(10 ** (random.uniform(-3, 3) / 20))
        first = round(at * RATE_HZ)
        stem = stems.setdefault(speaker, np.zeros(longest, np.float32))
        stem[first : first + len(said)] += said
        end = (first + len(said)) / RATE_HZ
        turns.append({"speaker": speaker, "start": first / RATE_HZ, "end": end})
        at = end + random.choice([0.05, random.uniform(0.15, 1.2), -random.uniform(0.3, 0.8)], p=[0.15, 0.75, 0.1])
    count = round((max(turn["end"] for turn in turns) + 2) * RATE_HZ)
    speech = np.sum([stem[:count] for stem in stems.values()], axis=0)
    level = 10 ** (SPEECH_DBFS / 20)
    room = coloured(random, count, 1.0) * level * 10 ** (random.uniform(-40, -34) / 20)
    music = np.resize(bed, count) * (level * 10 ** (music_db / 20) / np.sqrt(active_power(bed)))
    late = np.roll(music, round(0.011 * RATE_HZ))  # the same music later in one ear: wide, as a mix has it
    stereo = np.stack([speech + room + music, speech + room + 0.8 * late], axis=1).astype(np.float32)
    folder = season / "stems" / name
    for each in (folder, season / "truth", season / "episodes"):
        each.mkdir(parents=True, exist_ok=True)
    soundfile.write(folder / "speech.flac", speech, RATE_HZ)
    for speaker, stem in stems.items():
        soundfile.write(folder / f"speaker_{speaker}.flac", stem[:count], RATE_HZ)
    told = {"seconds": count / RATE_HZ, "turns": turns}
    (season / "truth" / f"{name}.json").write_text(json.dumps(told), "utf-8")
    mixed = season / f"{name}.wav"
    soundfile.write(mixed, np.clip(stereo, -1, 1), RATE_HZ)
    ffmpeg("-i", mixed, "-c:a", "aac", "-b:a", "160k", season / "episodes" / f"{name}.mkv")
    mixed.unlink()
