"""What `separate: {recurring: once}` saves, and whether anything said over an opening is lost by it.

    CASES=... python -m tests.bench.recurring_once [--codecs | --season]

`--codecs`: music of CASES encoded twice, at other places and levels, the second time with turns said over it so many
dB below the music around them: how much of it is reused where nobody speaks, and how much of what is spoken. The
thresholds (tasks/episodes/reuse.py) were chosen on the refs of season_small; `held out` are those of speaker_match.
`--season`: the episodes of season_small, each with an opening of 90 s at another place and level, encoded, separated
with and without: true turns lost, CPU-seconds of every stage, in one process. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from containers.contract import stages
from containers.contract.item import Item, sha256_of
from containers.contract.stages import File, Reused, Segment, Stretch
from containers.light.comparing import compare
from containers.light.condensing import condense, restore
from containers.light.fingerprinting import HOP, words_of
from containers.light.fingerprinting import RATE_HZ as FINGERPRINT_HZ
from containers.light.separation import separate
from tasks.episodes.reuse import Rule, candidates, reusable, to_separate

RATE_HZ = 48000
CODECS = (("aac", 96), ("libopus", 96), ("aac", 128), ("libopus", 128), ("aac", 192), ("aac", 256), ("flac", 0))
LEVELS_DB = (-16, -20)
LEAST, SHORT = 0.5, 0.1
"""Seconds of a turn that counts, and of it that may be reused."""
_EVERY, _TURN, _FIRST = 7.0, 2.0, 4.0
_ACTIVE_DB = -15.0
"""Of a turn, what is fainter beside its own level is a pause."""
_MUSIC_SECONDS = 45

Sound = NDArray[np.float32]


class Silent(Item):
    """An item that says nothing of how far it is."""

    def progress(self, done: float) -> None:
        """Nobody listens."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.recurring_once", description=__doc__)
    parser.add_argument("--codecs", action="store_true")
    parser.add_argument("--season", action="store_true")
    chosen = parser.parse_args()
    if "CASES" not in os.environ:
        raise SystemExit("the variable CASES must name the folder of real audio")
    cases = Path(os.environ["CASES"])
    report: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="voicecast-bench-") as name:
        if chosen.codecs or not chosen.season:
            report["codecs"] = codecs(cases, Path(name))
        if chosen.season or not chosen.codecs:
            report["season"] = both_ways(season(cases, Path(name) / "season", ("aac", 192)), Path(name))
    print(json.dumps(report, indent=1))


# ---------------------------------------------------------------- sounds


def read(path: Path) -> Sound:
    """(samples, 2) at 48 kHz."""
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    sound = soxr.resample(samples, rate, RATE_HZ).astype(np.float32)
    return np.repeat(sound, 2, axis=1) if sound.shape[1] == 1 else sound


def encoded(sound: Sound, codec: tuple[str, int], path: Path) -> Path:
    """A FLAC of what a player hears of the sound in that codec, at so many kbit/s."""
    name, kbit = codec
    plain, lossy, heard = path.with_suffix(".wav"), path.with_suffix(".mka"), path.with_suffix(".flac")
    soundfile.write(plain, np.clip(sound, -1, 1 - 2**-15), RATE_HZ, subtype="PCM_16")
    rate = ("-b:a", f"{kbit}k") if kbit else ()
    for source, target, options in ((plain, lossy, ("-c:a", name, *rate)), (lossy, heard, ("-sample_fmt", "s16"))):
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-i", str(source), *options]
        subprocess.run([*command, "-ar", str(RATE_HZ), str(target)], check=True)
    plain.unlink()
    lossy.unlink()
    return heard


def around(sound: Sound, seconds: float = 1.0) -> Sound:
    """The level about each sample."""
    mono = np.square(sound.mean(axis=1, dtype=np.float64))
    return np.sqrt(np.maximum(uniform_filter1d(mono, round(seconds * RATE_HZ)), 0)).astype(np.float32)


def laid(folder: Path, name: str, path: Path) -> File:
    target = folder / "in" / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    target.symlink_to(path.resolve())
    return File(path=f"in/{name}", sha256=sha256_of(path))


def reused_of(folder: Path, recording: Path, earlier: Path, stretches: Sequence[Stretch]) -> tuple[Reused, ...]:
    folder.mkdir(parents=True, exist_ok=True)
    asked = stages.CompareRequest(
        recording=laid(folder, "recording.flac", recording),
        earlier=laid(folder, "earlier.flac", earlier),
        stretches=tuple(stretches),
    )
    made = compare(asked, Silent(folder))
    rows = np.load(folder / made.differences.path, allow_pickle=False)
    return reusable(made.stretches, rows, made.hop, Rule())


# ---------------------------------------------------------------- codecs


def codecs(cases: Path, folder: Path) -> dict[str, Any]:
    tuned = sorted((cases / "season_small" / "refs").glob("*/*.flac"))
    held_out = sorted((cases / "speaker_match" / "refs").glob("*/*.flac"))
    folder.mkdir(exist_ok=True)
    return {
        said: {f"{codec[0]} {codec[1]}": _codec(cases, folder, codec, speakers, seed) for codec in CODECS}
        for seed, (said, speakers) in enumerate((("chosen on", tuned), ("held out", held_out)))
    }


def _codec(cases: Path, folder: Path, codec: tuple[str, int], speakers: Sequence[Path], seed: int) -> dict[str, Any]:
    found: dict[str, list[float]] = {}
    for number, music in enumerate(_music(cases)):
        before, after = read(speakers[0])[: 3 * RATE_HZ + 1234], read(speakers[-1])[: 4 * RATE_HZ + 77]
        earlier = encoded(np.concatenate((before, music, after)), codec, folder / "earlier")
        said = _turns(speakers, len(music), 10 * seed + number)
        start, stop = len(after) / RATE_HZ, (len(after) + len(music)) / RATE_HZ
        stretch = Stretch(start=start, end=stop, lag=round((len(after) - len(before)) / RATE_HZ + 0.06, 3))
        spoken = np.sqrt(np.maximum(uniform_filter1d(np.square(said, dtype=np.float64), RATE_HZ // 20), 0))
        active = spoken > 10 ** (_ACTIVE_DB / 20)
        for level in (None, *LEVELS_DB):
            under = 0.8 * music
            if level is not None:
                under = under + (said * around(under) * np.float32(10 ** (level / 20)))[:, None]
            path = encoded(np.concatenate((after, under, before)), codec, folder / "later")
            inside = np.zeros(len(music), bool)
            for each in reused_of(folder / "compare", path, earlier, (stretch,)):
                inside[round((each.start - start) * RATE_HZ) : round((each.end - start) * RATE_HZ)] = True
            name = "nobody speaks" if level is None else f"{level} dB"
            found.setdefault(name, []).append(float(inside.mean() if level is None else inside[active].mean()))
    return {name: round(float(np.mean(each)), 3) for name, each in found.items()}


def _music(cases: Path) -> list[Sound]:
    stems = sorted((cases / "season_small" / "stems").glob("*/bgm.opus"))
    pieces = [read(path)[: _MUSIC_SECONDS * RATE_HZ] for path in (stems[0], stems[2])]
    pieces.append(read(cases / "singing" / "lets_go_fishin_45s.ogg"))
    return [np.float32(0.6) * each / np.abs(each).max() for each in pieces]


def _turns(speakers: Sequence[Path], samples: int, seed: int) -> Sound:
    """Turns of 2 s, each at a level of 1 while it lasts."""
    random = np.random.default_rng(seed)
    found = np.zeros(samples, np.float32)
    for start in np.arange(_FIRST, samples / RATE_HZ - _TURN - 1, _EVERY):
        heard = read(speakers[int(random.integers(len(speakers)))])[:, 0]
        cut = heard[round(0.3 * RATE_HZ) : round((0.3 + _TURN) * RATE_HZ)]
        first = round(start * RATE_HZ)
        found[first : first + len(cut)] = cut / np.sqrt(np.square(cut).mean() + 1e-9)
    return found


# ---------------------------------------------------------------- a season


@dataclass(frozen=True, kw_only=True)
class Made:
    """An episode with an opening from `opening` on, and its true turns."""

    key: str
    recording: Path
    opening: float
    turns: tuple[tuple[float, float], ...]


OPENING_SECONDS = 90.0
_COLD_OPENS, _GAINS, _OVER = (0.0, 21.37, 9.113), (1.0, 0.8, 1.25), (None, 30.0, 52.0)
"""Seconds of an episode before its opening, the opening's level, and where in it lines begin that are said over it."""


def season(cases: Path, folder: Path, codec: tuple[str, int]) -> tuple[Made, ...]:
    """The episodes of season_small with an opening each: a sung song and music. In the second and third, turns of the
    episode are said over it too, as loud as they are or 10 dB below."""
    folder.mkdir(parents=True, exist_ok=True)
    small = cases / "season_small"
    song = read(cases / "singing" / "lets_go_fishin_45s.ogg")
    music = read(small / "stems" / "S01E02" / "bgm.opus")[: round(45 * RATE_HZ)]
    opening = np.concatenate((0.5 * song / np.abs(song).max(), 0.5 * music / np.abs(music).max()))
    opening = opening[: round(OPENING_SECONDS * RATE_HZ)]
    made = []
    for number, said in enumerate(sorted((small / "truth").glob("S*.json"))):
        stems = small / "stems" / said.stem
        speech = read(stems / "speech.flac")
        parts = [speech, read(stems / "bgm.opus"), read(stems / "sfx.opus")]
        length = min(len(each) for each in parts)
        whole = sum((each[:length] for each in parts), np.zeros((length, 2), np.float32))
        turns = [(each["start"], each["end"]) for each in json.loads(said.read_text("utf-8"))["turns"]]
        cut = _quiet(turns, _COLD_OPENS[number])
        theme, over = np.float32(_GAINS[number]) * opening, _OVER[number]
        moved = [(a, b) if b <= cut else (a + OPENING_SECONDS, b + OPENING_SECONDS) for a, b in turns]
        if over is not None:
            lines = [(a, b) for a, b in turns if b < 12.0]
            excerpt = speech[: round(12.0 * RATE_HZ)] * np.float32(1.0 if number == 1 else 10**-0.5)
            theme = theme.copy()
            theme[round(over * RATE_HZ) :][: len(excerpt)] += excerpt[: len(theme) - round(over * RATE_HZ)]
            moved += [(cut + over + a, cut + over + b) for a, b in lines]
        at = round(cut * RATE_HZ)
        path = encoded(np.concatenate((whole[:at], theme, whole[at:])), codec, folder / said.stem)
        made.append(Made(key=said.stem, recording=path, opening=cut, turns=tuple(sorted(moved))))
    return tuple(made)


def _quiet(turns: Sequence[tuple[float, float]], about: float) -> float:
    """A time near this one at which nobody speaks."""
    times = [about + step * sign for step in np.arange(0.0, 20.0, 0.05) for sign in (1, -1) if about + step * sign >= 0]
    return next(round(each, 5) for each in times if not any(a - 0.1 < each < b + 0.1 for a, b in turns))


def decide(episodes: Sequence[Made], folder: Path) -> dict[str, tuple[str, tuple[Reused, ...]]]:
    """Of each episode, the earlier one that it reuses and what, as a run decides it."""
    hop = HOP / FINGERPRINT_HZ
    words = {each.key: words_of(each.recording) for each in episodes}
    by_key = {each.key: each for each in episodes}
    found: dict[str, tuple[str, tuple[Reused, ...]]] = {}
    for number, each in enumerate(episodes):
        before = {one.key: words[one.key] for one in episodes[:number]}
        source, stretches = candidates(words[each.key], before, hop, Rule()) if before else ("", ())
        earlier = by_key[source].recording if source else each.recording
        reused = reused_of(folder / each.key / "compare", each.recording, earlier, stretches) if source else ()
        found[each.key] = (source, reused)
    return found


def lost(episode: Made, reused: Sequence[Reused]) -> tuple[int, int]:
    """True turns of 0.5 s or more that are reused as a whole, and by more than 0.1 s."""
    shares = [
        (end - start, sum(max(0.0, min(end, each.end) - max(start, each.start)) for each in reused))
        for start, end in episode.turns
        if end - start >= LEAST
    ]
    whole = [length for length, inside in shares if inside >= length - SHORT]
    return len(whole), len([inside for _, inside in shares if inside > SHORT])


@dataclass(frozen=True, kw_only=True)
class Stems:
    vocals: Path
    background: Path


@dataclass
class Clock:
    """CPU-seconds of this process by what they were for."""

    used: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def over(self, *names: str) -> Iterator[None]:
        began = time.process_time()
        yield
        for name in names:
            self.used[name] = self.used.get(name, 0.0) + time.process_time() - began


def both_ways(episodes: Sequence[Made], folder: Path) -> dict[str, Any]:
    """The first episode, which reuses nothing, is separated once and counts for both ways."""
    clock, vocals, rows = Clock(), {}, {}
    for number, each in enumerate(episodes):
        with clock.over("whole: separate", *(() if number else ("once: separate",))):
            vocals[each.key] = separated(folder / each.key / "whole", each.recording)
    with clock.over("once: fingerprints, compare"):
        decided = decide(episodes, folder)
    for each in episodes:
        source, reused = decided[each.key]
        if source:
            in_part(folder / each.key, each.recording, reused, vocals[source], clock)
        missed, short = lost(each, reused)
        rows[each.key] = {
            "seconds": round(soundfile.info(each.recording).duration, 1),
            "reused of": source,
            "reused": round(float(sum(one.end - one.start for one in reused)), 1),
            "turns": len([1 for start, end in each.turns if end - start >= LEAST]),
            "missed": missed,
            "short": short,
        }
    return {"episodes": rows, "cpu_seconds": {name: round(each, 2) for name, each in sorted(clock.used.items())}}


def separated(folder: Path, recording: Path) -> Path:
    made = separate(stages.SeparateRequest(recording=laid(folder, "recording.flac", recording)), Silent(folder))
    return folder / made.vocals.path


def in_part(folder: Path, recording: Path, reused: tuple[Reused, ...], earlier: Path, clock: Clock) -> Stems:
    duration = soundfile.info(recording).duration
    segments = to_separate((Segment(start=0.0, end=duration),), reused, duration)
    with clock.over("once: condense, restore"):
        asked = stages.CondenseRequest(
            recording=laid(folder / "condense", "recording.flac", recording), segments=segments
        )
        shorter = condense(asked, Silent(folder / "condense"))
    with clock.over("once: separate"):
        vocals = separated(folder / "part", folder / "condense" / shorter.recording.path)
    with clock.over("once: condense, restore"):
        back = stages.RestoreRequest(
            recording=laid(folder / "restore", "recording.flac", recording),
            segments=segments,
            vocals=laid(folder / "restore", "vocals.flac", vocals),
            earlier=laid(folder / "restore", "earlier.flac", earlier),
            reused=reused,
        )
        made = restore(back, Silent(folder / "restore"))
    return Stems(vocals=folder / "restore" / made.vocals.path, background=folder / "restore" / made.background.path)


if __name__ == "__main__":
    main()
