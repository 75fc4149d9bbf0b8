"""A series to try everything on, made by this program: `python -m containers.light.demo_series OUT`.

OUT/series.yaml, OUT/episodes/*.mkv, OUT/references/<character>/*.flac, and the
truth about each episode in OUT/truth/<key>.json. No recording of anybody is in
it, so it may be shared. Each run writes the same bytes.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import soundfile

from containers.contract.codec import canonical, write_atomically
from containers.contract.errors import StageError
from containers.contract.stages import Turn

from . import music
from .audio import Samples
from .demo_script import EPISODES, NAMES, REFERENCES, SERIES, TITLE, Line
from .demo_video import film
from .demo_voices import LEVEL_DBFS, RATE_HZ, say

OPENING_SECONDS = 5.0
"""The jingle at the start, the same in every episode."""
_TALK_BEGINS = 5.6
_GAPS = (0.3, 0.45, 0.25, 0.6, 0.35, 0.8)  # seconds between lines, round and round
_EARLY = 0.5  # seconds that an early line begins before the end of the line before
_ENDING = 0.9
_EDGE = 0.03  # silence that a line keeps at both ends
_MUSIC_DB = (-11.0, -9.5, -8.5)  # root mean square against the speech, for each episode
_EFFECT_PEAK = 0.12
_RIGHTS_DATE = "2026-11-22"


@dataclass(frozen=True, kw_only=True)
class Said:
    """A line with its sound, and the seconds at which the sound begins."""

    line: Line
    sound: Samples
    at: float

    @property
    def end(self) -> float:
        return self.at + len(self.sound) / RATE_HZ

    @property
    def turn(self) -> Turn:
        return Turn(start=round(self.at + _EDGE, 3), end=round(self.end - _EDGE, 3), speaker=self.line.speaker)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m containers.light.demo_series", description=__doc__)
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for the series; made if it is not there")
    parser.add_argument("--episodes", type=int, choices=(1, 2, 3), default=3, help="how many episodes (default 3)")
    parser.add_argument("--seconds", type=float, default=120.0, help="longest episode; later lines are left out")
    options = parser.parse_args(arguments)
    if options.seconds < 15:
        parser.error("an episode needs 15 s: a jingle and a few lines")
    try:
        make(options.out, options.episodes, options.seconds)
    except StageError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(f"{options.out / 'series.yaml'}: {options.episodes} episodes, {len(NAMES)} characters")
    return 0


def make(out: Path, episodes: int = 3, seconds: float = 120.0) -> None:
    """Write the series into `out`."""
    scripts = [_shortened(each, seconds) for each in EPISODES[:episodes]]
    lines = [*REFERENCES, *(line for script in scripts for line in script)]
    with ProcessPoolExecutor(min(os.cpu_count() or 1, 8), get_context("spawn")) as pool:
        sounds = iter(list(pool.map(say, lines, chunksize=2)))
        references = [next(sounds) for _ in REFERENCES]
        plans = [_planned(script, [next(sounds) for _ in script], seconds) for script in scripts]
        files = [_file(out, number) for number in range(1, episodes + 1)]
        list(pool.map(write_episode, files, range(1, episodes + 1), plans))
    for number, plan in enumerate(plans, 1):
        _write_truth(out / "truth" / f"s01e{number:02}.json", files[number - 1].name, plan)
    _write_references(out / "references", references)
    write_atomically(out / "series.yaml", _config())


def _file(out: Path, number: int) -> Path:
    path = out / "episodes" / f"{TITLE} S01E{number:02}.mkv"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _shortened(script: tuple[Line, ...], seconds: float) -> tuple[Line, ...]:
    """As many lines as can fit, none of them shorter than 2 s; `_planned` counts exactly."""
    return script[: int((seconds - _TALK_BEGINS) / 2.0) + 1]


def _planned(script: Sequence[Line], sounds: Sequence[Samples], seconds: float) -> tuple[Said, ...]:
    """When each line is said; lines that would end too late are left out."""
    plan: list[Said] = []
    end = _TALK_BEGINS - _GAPS[0]
    for index, (line, sound) in enumerate(zip(script, sounds, strict=True)):
        at = end + (-_EARLY if line.early else _GAPS[index % len(_GAPS)])
        said = Said(line=line, sound=sound, at=round(at, 3))
        if said.end > seconds - _ENDING:
            break
        plan.append(said)
        end = said.end
    return tuple(plan)


def write_episode(path: Path, number: int, plan: tuple[Said, ...]) -> None:
    """Mix, draw and encode one episode."""
    seconds = _length(plan)
    turns = [each.turn for each in plan]
    with tempfile.TemporaryDirectory() as scratch:
        sound, subtitles = Path(scratch) / "sound.wav", Path(scratch) / "subtitles.srt"
        soundfile.write(sound, _mixed(number, plan, seconds).T, RATE_HZ, subtype="PCM_16")
        subtitles.write_text(_srt(plan), "utf-8")
        film(path, sound, subtitles, number, turns, seconds)


def _length(plan: Sequence[Said]) -> float:
    return round(max(each.end for each in plan) + _ENDING, 2)


def _mixed(number: int, plan: Sequence[Said], seconds: float) -> Samples:
    """Speech in the middle of wide music: stereo (2, samples) at 48 kHz."""
    mix = np.zeros((2, round(seconds * RATE_HZ)), np.float32)
    _add(mix, _at_level(music.play(music.JINGLE, OPENING_SECONDS), LEVEL_DBFS), 0.0)
    bed = music.play(music.CUES[number - 1], seconds - OPENING_SECONDS)
    _add(mix, _at_level(bed, LEVEL_DBFS + _MUSIC_DB[number - 1]), OPENING_SECONDS)
    for effect, at in _effects(number, plan, seconds):
        _add(mix, effect * np.float32(_EFFECT_PEAK), at)
    for each in plan:
        _add(mix, np.tile(each.sound, (2, 1)), each.at)
    return mix / np.float32(max(1.0, float(np.abs(mix).max()) / 0.98))


def _effects(number: int, plan: Sequence[Said], seconds: float) -> list[tuple[Samples, float]]:
    """Weather or a crowd all along, and a ball or a whistle in the pauses after exclamations."""
    around = {1: music.wind, 2: music.rain, 3: music.crowd}[number]
    effects = [(around(seconds - OPENING_SECONDS), OPENING_SECONDS)]
    for index, (before, after) in enumerate(pairwise(plan)):
        if before.line.text.endswith("！") and after.at > before.end:
            effects.append((music.whistle() if index % 3 == 0 else music.kick(), before.end))
    return effects


def _add(mix: Samples, sound: Samples, at: float) -> None:
    first = round(at * RATE_HZ)
    part = sound[:, : mix.shape[1] - first]
    mix[:, first : first + part.shape[1]] += part


def _at_level(sound: Samples, dbfs: float) -> Samples:
    """Scaled to a root mean square, both channels as one."""
    return sound * np.float32(10 ** (dbfs / 20) / np.sqrt(np.mean(np.square(sound, dtype=np.float64))))


def _srt(plan: Sequence[Said]) -> str:
    rows = [
        f"{number}\n{_clock(each.turn.start)} --> {_clock(each.turn.end)}\n{each.line.text}\n"
        for number, each in enumerate(plan, 1)
    ]
    return "\n".join(rows)


def _clock(seconds: float) -> str:
    whole = round(seconds * 1000)
    return f"{whole // 3600000:02}:{whole // 60000 % 60:02}:{whole // 1000 % 60:02},{whole % 1000:03}"


def _write_truth(path: Path, file: str, plan: Sequence[Said]) -> None:
    turns = [{"text": each.line.text, **_row(each.turn)} for each in plan]
    truth = {
        "episode": path.stem,
        "file": file,
        "duration": _length(plan),
        "opening": {"start": 0.0, "end": OPENING_SECONDS},
        "cast": sorted({each.line.speaker for each in plan}),
        "turns": turns,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, canonical(truth))


def _row(turn: Turn) -> dict[str, object]:
    return {"speaker": turn.speaker, "start": turn.start, "end": turn.end}


def _write_references(folder: Path, sounds: Sequence[Samples]) -> None:
    count = dict.fromkeys(NAMES, 0)
    for line, sound in zip(REFERENCES, sounds, strict=True):
        count[line.speaker] += 1
        path = folder / line.speaker / f"{line.speaker}_{count[line.speaker]:02}.flac"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, sound, RATE_HZ, subtype="PCM_16")


def _config() -> str:
    head = f"""# A series invented and made by `python -m containers.light.demo_series`; nobody's voice is in it.
series: {SERIES}
episodes: episodes/*.mkv
language: ja
# Three of the four people who speak. The fourth walks on in one episode, and has no reference.
characters:
"""
    people = "".join(
        f"""  {character}:
    name: {name}
    references: references/{character}/*.flac
    rights: {{basis: "synthetic voice made by this program", by: "containers.light.demo_series", date: {_RIGHTS_DATE}}}
"""
        for character, name in NAMES.items()
    )
    return head + people


if __name__ == "__main__":
    sys.exit(main())
