"""Real people for seasons of real vectors: what each says, heard in several places, as the embed stage hears it.

Readers (LibriSpeech; Japanese of CASES), actors of games and speakers of prompts (the Debian packages that
`unseen_voices` names, fillets-ng-data-nl, asterisk-core-sounds-es-g722). Each line is heard in every one of PLACES; of
one person and place, room and music are one, as in a scene. Music lies 8 to 18 dB under the voice, as separation leaves
it. Half of the people tune, half report.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import soundfile

from containers.contract.stages import Turn
from containers.light.audio import resample
from tasks.domain import Vectors
from tests.bench import season_stages
from tests.bench.places import in_a_room
from tests.bench.planted_material import RATE_HZ, Samples, at_level, mixed, sound
from tests.bench.planted_voices import Half
from tests.bench.season_stages import Workshop
from tests.bench.stranger_scenes import lines
from tests.bench.unseen_voices import decode

PLACES = ("as it is", "in a room", "under music", "under music in a room")
LINES = 24
"""Of a person, at most; SHORTEST seconds at least, so shouts go together with the next one."""
SHORTEST, LONGEST = 1.2, 7.0
HEARD_HZ = 16000
_FISHES = ("m", "v")
_TRACKS = "usr/share/games/hedgewars/Data/Music"


@dataclass(frozen=True, kw_only=True)
class Person:
    """Lengths of what a person says (seconds), and a unit vector of each line in each place: float32 (places, lines,
    dimension)."""

    name: str
    seconds: tuple[float, ...]
    vectors: Vectors


def people(cases: Path, speech: Path, voices: Path, workshop: Workshop) -> tuple[str, dict[Half, list[Person]]]:
    """The model's name, and who there is, in two halves; every second one of a kind by name."""
    kinds = (_readers(speech), _japanese(cases), _actors(voices))
    halves: dict[Half, list[str]] = {"tune": [], "report": []}
    recordings: dict[str, list[Path]] = {}
    for kind in kinds:
        recordings |= kind
        for number, name in enumerate(sorted(kind)):
            halves["report" if number % 2 else "tune"].append(name)
    tracks = sorted((voices / _TRACKS).glob("*.ogg"))
    files, turns = {}, {}
    for half, names in halves.items():
        mine = tracks[half == "report" :: 2]
        music = [sound(path, 0.0, 60.0) for path in mine]
        for name in names:
            for place in PLACES:
                path = workshop.folder / "people" / f"{name} {place}.flac"
                files[path.stem] = path
                turns[path.stem] = _made(path, recordings[name], place, music)
    answers = season_stages.embedded(workshop, files, turns)
    read = {name: season_stages.vectors_of(answer) for name, answer in answers.items()}
    found: dict[Half, list[Person]] = {
        half: [
            Person(
                name=name,
                seconds=tuple(turn.end - turn.start for turn in turns[f"{name} {PLACES[0]}"]),
                vectors=np.stack([read[f"{name} {place}"][1] for place in PLACES]),
            )
            for name in names
        ]
        for half, names in halves.items()
    }
    return next(iter(read.values()))[0], found


def _readers(speech: Path) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for path in sorted(speech.glob("**/*.flac")):
        found.setdefault(f"reader {path.name.split('-')[0]}", []).append(path)
    return found


def _japanese(cases: Path) -> dict[str, list[Path]]:
    """Nobody else of CASES: those are LibriSpeech's readers again."""
    return {f"japanese {path.stem}": [path] for path in sorted((cases / "japanese").glob("common_voice_*.flac"))}


def _actors(voices: Path) -> dict[str, list[Path]]:
    found = {}
    for pack in sorted((voices / "usr/share/games/hedgewars/Data/Sounds/voices").glob("*")):
        found[f"game {pack.name}"] = sorted(pack.glob("*.ogg"))
    for prompts in sorted((voices / "usr/share/asterisk/sounds").glob("*")):
        found[f"prompts {prompts.name}"] = sorted(prompts.glob("*.g722"))
    for language in ("cs", "nl"):
        for fish in _FISHES:
            own = sorted((voices / "usr/share/games/fillets-ng/sound").glob(f"*/{language}/*-{fish}-*.ogg"))
            found[f"fish {language} {fish}"] = own
    if not all(found.values()) or not found:
        raise SystemExit(f"{voices} lacks recordings; unpack the packages that tests/bench/unseen_voices.py names")
    return found


def _made(path: Path, recordings: Sequence[Path], place: str, music: Sequence[Samples]) -> tuple[Turn, ...]:
    """The lines of a person in a place, in one file; made once."""
    notes = path.with_suffix(".json")
    if not notes.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        seed = zlib.crc32(path.stem.encode())
        said = list(_lines(recordings))
        there = _heard(np.random.default_rng(seed), said, place, music)
        soundfile.write(path, np.clip(resample(there, RATE_HZ, HEARD_HZ), -1, 1), HEARD_HZ)
        edges = np.cumsum([0, *[len(each) for each in said]]) / RATE_HZ
        notes.write_text(json.dumps([list(each) for each in pairwise(edges.tolist())]), "utf-8")
    spans = json.loads(notes.read_text("utf-8"))
    return tuple(Turn(start=start, end=end - 0.01, speaker="SPEAKER_00") for start, end in spans)


def _heard(random: np.random.Generator, said: Sequence[Samples], place: str, music: Sequence[Samples]) -> Samples:
    """One room's tail, and one stretch of music, for all that is said."""
    whole = np.concatenate(said)
    if "room" in place:
        whole = in_a_room(random, whole)
    if "music" in place:
        track = music[int(random.integers(len(music)))]
        whole = mixed(whole, np.resize(track, len(whole)), random.uniform(8, 18))
    return at_level(whole)


def _lines(recordings: Sequence[Path]) -> Iterator[Samples]:
    """Up to LINES lines of a person, spread over the recordings; short ones joined."""
    chosen = sorted({round(at) for at in np.linspace(0, len(recordings) - 1, min(len(recordings), 3 * LINES))})
    waiting: list[Samples] = []
    made = 0
    each_file = max(1, -(-LINES // len(recordings)))
    for index in chosen:
        for piece in _pieces(recordings[index])[:each_file]:
            waiting.append(piece)
            if sum(map(len, waiting)) >= SHORTEST * RATE_HZ:
                yield at_level(np.concatenate(waiting))
                waiting, made = [], made + 1
            if made == LINES:
                return


def _pieces(path: Path) -> list[Samples]:
    whole = _read(path)
    if len(whole) < SHORTEST * 2 * RATE_HZ:
        return [whole]
    return [whole[begin:end] for begin, end in lines(whole.astype(np.float64), RATE_HZ)] or [whole]


def _read(path: Path) -> Samples:
    if path.suffix != ".g722":
        return sound(path)
    plain = path.with_suffix(".flac")
    if not plain.exists():
        decode(["-f", "g722", "-i", str(path)], plain)
    return sound(plain)
