"""A season with known recurrences, mixed from CASES: what is new in it, what comes back, and where.

Every episode has an opening with a song, scenes with lines that nobody says
twice, one cue of music under scenes of all episodes, an eyecatch, an ending; from
the second on every other one begins with a recap of the one before. All of it
at levels, offsets and codecs of its own.
"""

from __future__ import annotations

import csv
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

RATE = 48000
Stereo = NDArray[np.float32]
CODECS = (
    ("m4a", "aac", "128k"), ("mp3", "libmp3lame", "96k"), ("m4a", "aac", "64k"),
    ("ogg", "libopus", "64k"), ("mp3", "libmp3lame", "160k"), ("m4a", "aac", "192k"),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """What sounds from `start` to `end` seconds: `name` is the same wherever it is the same recording.

    `new`: heard here first. `lines`: where in it somebody speaks."""

    start: float
    end: float
    name: str
    new: bool
    lines: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Part:
    name: str
    sound: Stereo
    new: bool
    lines: tuple[tuple[float, float], ...] = ()


def ffmpeg(*arguments: object) -> None:
    from imageio_ffmpeg import get_ffmpeg_exe

    subprocess.run([get_ffmpeg_exe(), "-v", "error", "-y", *map(str, arguments)], check=True)


def read(path: Path, folder: Path, seconds: float | None = None) -> Stereo:
    """Any sound file as stereo (samples, 2)."""
    target = folder / "read.wav"
    ffmpeg("-i", path, "-ac", 2, "-ar", RATE, *(() if seconds is None else ("-t", seconds)), target)
    return soundfile.read(target, dtype="float32", always_2d=True)[0]


def lines(cases: Path, folder: Path) -> Iterator[Stereo]:
    """Speech of 1.5 to 8 s at -22 dBFS; no utterance comes twice (seasons and probes share some)."""
    season, match = cases / "season_small", cases / "speaker_match"
    sources: set[str] = set()
    for table in ("manifest.csv", "key.csv"):
        for row in csv.DictReader((match / table).open(encoding="utf-8")):
            if row["source"] not in sources:
                sources.add(row["source"])
                yield from _pieces(read(match / row["file"], folder))
    for path in [*sorted((cases / "japanese").glob("*.flac")), *sorted(cases.glob("diarization_real/ami/*.flac"))]:
        yield from _pieces(read(path, folder))
    for path in sorted(season.glob("truth/S*.json")):
        for turn in json.loads(path.read_text("utf-8"))["turns"]:
            if turn["source"] not in sources:
                stem = read(season / "stems" / path.stem / f"speaker_{turn['speaker']}.flac", folder)
                yield from _pieces(stem[round(turn["start"] * RATE) : round(turn["end"] * RATE)])


def _pieces(whole: Stereo) -> Iterator[Stereo]:
    for piece in np.array_split(whole, max(1, round(len(whole) / RATE / 6))):
        if len(piece) >= 1.5 * RATE and (power := float(np.mean(np.square(piece)))) > 1e-7:
            yield np.clip(piece * np.float32(10 ** (-22 / 20) / np.sqrt(power)), -0.9, 0.9)


class Season:
    """Episodes of about three minutes; StopIteration when all lines are said."""

    def __init__(self, cases: Path, folder: Path) -> None:
        self.folder = folder
        self._lines = lines(cases, folder)
        self._chance = np.random.default_rng(20261122)
        singing, stems = cases / "singing", cases / "season_small" / "stems"
        song = read(singing / "lets_go_fishin_45s.ogg", folder)
        beds = [read(stems / f"S01E0{number}" / "bgm.opus", folder) for number in (1, 2, 3)]
        solo = read(singing / "vocadito_1.flac", folder)
        self.opening = 0.9 * song
        self.ending = 0.5 * beds[2][: 45 * RATE]
        reach = min(len(solo), len(self.ending))
        self.ending[:reach] += 0.7 * solo[:reach]
        self.eyecatch = 0.7 * beds[1][62 * RATE : 69 * RATE]
        self.cue = beds[0]
        self._last_scene: _Part | None = None

    def episode(self, number: int) -> tuple[Path, list[Stretch]]:
        """A FLAC, decoded from a codec of its own, and what is in it."""
        parts = []
        if number % 2 == 0 and self._last_scene is not None:
            parts.append(replace(self._last_scene, new=False))
        parts += [
            self._scene("", 1),
            _Part(name="opening", sound=self.opening, new=False),
            self._scene("", 4),
            _Part(name="eyecatch", sound=self.eyecatch, new=False),
            self._scene(f"scene {number}", 4),
            _Part(name="ending", sound=self.ending, new=False),
        ]
        self._last_scene = parts[-2]
        return self._published(number, parts)

    def _scene(self, name: str, count: int) -> _Part:
        """New lines with the one cue of music under them, from its beginning, 0 to 12 dB under the speech."""
        rest = np.zeros((round(0.5 * RATE), 2), np.float32)
        sounds, spans, at = [rest], [], len(rest)
        for _ in range(count):
            line = next(self._lines)
            spans.append((at / RATE, (at + len(line)) / RATE))
            sounds += [line, rest]
            at += len(line) + len(rest)
        whole = np.concatenate(sounds)
        cue = self.cue[: len(whole)]
        level = 10 ** (-22 / 20 - self._chance.uniform(0, 12) / 20) / np.sqrt(np.mean(np.square(cue)))
        whole[: len(cue)] += np.float32(level) * cue
        return _Part(name=name, sound=whole, new=True, lines=tuple(spans))

    def _published(self, number: int, parts: list[_Part]) -> tuple[Path, list[Stretch]]:
        gap = np.zeros((round(self._chance.uniform(0.3, 1.2) * RATE), 2), np.float32)
        stretches, whole, at = [], [gap], len(gap)
        for part in parts:
            start, length = at / RATE, len(part.sound)
            spoken = tuple((start + first, start + last) for first, last in part.lines)
            stretches.append(
                Stretch(start=start, end=start + length / RATE, name=part.name, new=part.new, lines=spoken)
            )
            whole += [part.sound, gap]
            at += length + len(gap)
        gain = np.float32(10 ** (self._chance.uniform(-9, 0) / 20))
        suffix, codec, rate = CODECS[number % len(CODECS)]
        plain, coded = self.folder / "plain.wav", self.folder / f"coded.{suffix}"
        soundfile.write(plain, np.clip(gain * np.concatenate(whole), -1, 1), RATE)
        ffmpeg("-i", plain, "-c:a", codec, "-b:a", rate, coded)
        path = self.folder / f"S01E{number:02d}.flac"
        ffmpeg("-i", coded, "-ar", RATE, path)
        return path, stretches
