"""Six people, music and effects that no threshold was set on, from packages of Debian.

    apt-get download asterisk-core-sounds-en-g722 asterisk-core-sounds-fr-g722 asterisk-core-sounds-it-g722 \\
        asterisk-core-sounds-ru-g722 fillets-ng-data-cs hedgewars-data
    for each in *.deb; do dpkg -x $each VOICES; done

Four people read telephone prompts (English, French, Italian, Russian; G.722, up to 7 kHz), two act the fishes of a
game in Czech. In each rotation two of them are readers of whom one recording is all that is known, the other four have
three references; no recording is used twice. Every clip is put as it is, in faint noise or in a room, by turns.
"""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Sequence
from pathlib import Path

from containers.light.audio import duration
from containers.light.media import ffmpeg
from tests.bench.planted_material import Surroundings, sound
from tests.bench.planted_voices import Utterance

_PROMPTS = ("en_US_f_Allison", "fr_CA_f_June", "it_IT_m_Carlo", "ru_RU_f_IvrvoiceRU")
_FISHES = {"small fish": "m", "big fish": "v"}
_OTHERS_LEVEL = "linux"
"""A level whose fishes are said by other people."""
_READERS = (
    ("ru_RU_f_IvrvoiceRU", "small fish"),
    ("it_IT_m_Carlo", "en_US_f_Allison"),
    ("fr_CA_f_June", "big fish"),
)
"""Of whom one recording is all that is known, by rotation."""
_SECONDS = (2.5, 14.0)
_LONGEST = 24.0
_REFERENCES, _SPOKEN = 3, 10
_TRACKS = ("Castle", "City", "Jungle", "Rock", "Nature", "pirate", "Desert", "oriental")
_TRACK_SECONDS = 60.0
_EFFECTS = ("explosion", "minigun", "blowtorch", "steam", "flamethrower", "plane", "mortar", "molotov", "shotgunfire")
_NOT_ONLY_SPEECH = ("tt-", "confbridge-begin-glorious")
_G722_BYTES_A_SECOND = 8000


def voices(folder: Path, rotation: int, made: Path) -> tuple[dict[str, list[Utterance]], dict[str, list[Utterance]]]:
    """What each person says, and the references of those who have any; `made`: for what has to be decoded first."""
    spoken, references = {}, {}
    for name in (*_PROMPTS, *_FISHES):
        files = _files(folder, name)
        if name in _READERS[rotation]:
            longest = sorted(files, key=files.__getitem__)[-1 - rotation]
            spoken[name] = [_utterance(longest, name, made, min(files[longest], _LONGEST))]
            continue
        usual = [path for path, seconds in files.items() if _SECONDS[0] <= seconds <= _SECONDS[1]]
        mixed = sorted(usual, key=lambda path: hashlib.sha256(path.name.encode()).hexdigest())
        each = _REFERENCES + _SPOKEN
        mine = [_utterance(path, name, made) for path in mixed[rotation * each : (rotation + 1) * each]]
        references[name], spoken[name] = mine[:_REFERENCES], mine[_REFERENCES:]
    return spoken, references


def surroundings(cases: Path, folder: Path, made: Path) -> Surroundings:
    """Music and effects of a game, and a song with its band; neither half has them."""
    sounds = folder / "usr/share/games/hedgewars/Data"
    song = made / "song.flac"
    if not song.exists():
        decode(["-i", str(cases / "bad" / "song_with_vocals_only.mkv"), "-vn", "-ar", "48000"], song)
    return Surroundings(
        tracks=[sound(sounds / "Music" / f"{name}.ogg", 0.0, _TRACK_SECONDS) for name in _TRACKS],
        songs=[sound(song)],
        noises=[sound(sounds / "Sounds" / f"{name}.ogg") for name in _EFFECTS],
    )


def _files(folder: Path, name: str) -> dict[Path, float]:
    """Recordings of a person, and their seconds."""
    if name in _PROMPTS:
        place = folder / "usr/share/asterisk/sounds" / name
        spoken = [path for path in sorted(place.glob("*.g722")) if not path.stem.startswith(_NOT_ONLY_SPEECH)]
        return {path: path.stat().st_size / _G722_BYTES_A_SECOND for path in spoken}
    place = folder / "usr/share/games/fillets-ng/sound"
    lines = sorted(path for path in place.glob(f"*/cs/*-{_FISHES[name]}-*.ogg") if path.parts[-3] != _OTHERS_LEVEL)
    if not lines:
        raise SystemExit(f"{folder} lacks the recordings of {name}; unpack the packages that this module names")
    return {path: duration(path) for path in lines}


def _utterance(path: Path, name: str, made: Path, end: float | None = None) -> Utterance:
    if path.suffix != ".g722":
        return Utterance(path=path, recording=f"{name} {path.stem}", end=end)
    decoded = made / f"{name}-{path.stem}.flac"
    if not decoded.exists():
        decode(["-f", "g722", "-i", str(path)], decoded)
    return Utterance(path=decoded, recording=f"{name} {path.stem}", end=end)


def decode(source: Sequence[str], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([str(ffmpeg()), "-v", "error", "-y", *source, "-ac", "1", str(path)], check=True)
