"""Many people to learn from, and music to hear them over, in no half of CASES and not among `unseen_voices`.

    apt-get download asterisk-prompt-es-co asterisk-prompt-fr-armelle asterisk-prompt-it-menardi-wav \\
        fillets-ng-data fillets-ng-data-cs flight-of-the-amazon-queen freedroidrpg-data ktuberling-data \\
        tuxpaint-stamps-default
    for each in *.deb; do dpkg -x $each VOICES; done
    cp -r Resemblyzer/audio_data/librispeech_train-clean-100 VOICES/readers

Readers of LibriSpeech (one recording each, from the repository resemble-ai/Resemblyzer), readers of telephone prompts
and of single words and phrases in many languages, and the actors of two games; the music is of two games as well. Whom
CASES has is left out, and so is `es_MX_f_Allison`, who reads English in `unseen_voices`. The later half of
LibriSpeech's readers is learnt by nothing.
"""

from __future__ import annotations

import csv
import hashlib
import struct
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from containers.light.audio import duration, read, resample
from tests.bench.planted_material import Samples, sound
from tests.bench.planted_voices import Utterance
from tests.bench.unseen_voices import decode

_PROMPTS = {"es": "gsm", "fr": "gsm", "it_IT_f_Menardi": "wav"}
_STAMPS = ("be", "bg", "ca", "da", "el", "es", "fr", "ro", "ru")
_LANGUAGES_OF_WORDS = ("de", "en", "fi", "ga", "gl", "it", "lt", "nds", "nl", "nn", "pt", "sl", "sr", "sv", "uk", "wa")
_LEVEL_OF_OTHERS = "linux"
_SECONDS = (1.2, 14.0)
_READERS = 120
_LINES = 14
"""Of a person."""
_JOINED_SECONDS, _BETWEEN_SECONDS = 3.0, (0.08, 0.25)
_RATE_HZ = 22050
_MUSIC = ("games/fillets-ng/music", "freedroidrpg/data/sound/music")
_TRACK_SECONDS = 60.0


def voices(folder: Path, cases: Path, made: Path) -> dict[str, list[Utterance]]:
    """What each person says: `source-person` -> lines; `made`: for what has to be decoded first."""
    made.mkdir(parents=True, exist_ok=True)
    found: dict[str, list[Utterance]] = {}
    for name, paths in (*_readers(folder, cases), *_prompts(folder), *_stamps(folder), *_fishes(folder)):
        found[name] = [each for path in paths if (each := _utterance(path, name, made))]
    found |= {name: _words(paths, name, made) for name, paths in _ktuberling(folder)}
    found |= _game(folder / "usr/share/scummvm/flight-of-the-amazon-queen/queen.1c", made)
    return {name: lines for name, lines in found.items() if lines}


def music(folder: Path) -> list[Samples]:
    """The first minute of each piece."""
    paths = [path for place in _MUSIC for path in sorted((folder / "usr/share" / place).glob("*.ogg"))]
    if not paths:
        raise SystemExit(f"{folder} holds no music; unpack the packages that this module names")
    return [sound(path, 0.0, min(_TRACK_SECONDS, duration(path))) for path in paths]


def readers(folder: Path, cases: Path) -> list[Path]:
    """One recording of each reader that CASES has not; those after the first `_READERS` are learnt by nothing."""
    with (cases / "speaker_match" / "key.csv").open(encoding="utf-8") as file:
        theirs = {Path(row["source"]).name for row in csv.DictReader(file)}
    found = [path for path in (folder / "readers").glob("*.flac") if path.name not in theirs]
    return sorted(found, key=lambda path: path.stem.split("-")[0])


def _readers(folder: Path, cases: Path) -> Iterator[tuple[str, list[Path]]]:
    for path in readers(folder, cases)[:_READERS]:
        yield f"reader-{path.stem.split('-')[0]}", [path]


def _prompts(folder: Path) -> Iterator[tuple[str, list[Path]]]:
    for name, kind in _PROMPTS.items():
        yield f"prompts-{name}", _some(folder / "usr/share/asterisk/sounds" / name, f"*.{kind}", 4 * _LINES)


def _stamps(folder: Path) -> Iterator[tuple[str, list[Path]]]:
    for language in _STAMPS:
        yield f"stamps-{language}", _some(folder / "usr/share/tuxpaint/stamps", f"**/*_desc_{language}.ogg", 4 * _LINES)


def _fishes(folder: Path) -> Iterator[tuple[str, list[Path]]]:
    place = folder / "usr/share/games/fillets-ng/sound" / _LEVEL_OF_OTHERS / "cs"
    for number in ("1", "2"):
        yield f"fishes-{number}", _some(place, f"{number}-*.ogg", 4 * _LINES)


def _ktuberling(folder: Path) -> Iterator[tuple[str, list[Path]]]:
    for language in _LANGUAGES_OF_WORDS:
        words = folder / "usr/share/ktuberling/sounds" / language
        yield f"words-{language}", _some(words, "*", 8 * _LINES)


def _some(folder: Path, pattern: str, count: int) -> list[Path]:
    """So many of the files, the same ones each time."""
    files = [path for path in folder.glob(pattern) if path.is_file() and path.stat().st_size > 1000]
    return sorted(files, key=lambda path: hashlib.sha256(path.name.encode()).hexdigest())[:count]


def _utterance(path: Path, name: str, made: Path) -> Utterance | None:
    """None for what is too short or too long."""
    if path.suffix in (".gsm", ".mp3"):
        decoded = made / f"{name}-{path.stem}.flac"
        if not decoded.exists():
            decode(["-f", path.suffix[1:], "-i", str(path)], decoded)
        path = decoded
    seconds = soundfile.info(path).duration
    longest = 20.0 if name.startswith("reader") else _SECONDS[1]
    return Utterance(path=path, recording=f"{name} {path.stem}") if _SECONDS[0] <= seconds <= longest else None


def _words(paths: list[Path], name: str, made: Path) -> list[Utterance]:
    """Single words, said one after another until there are three seconds of them."""
    random = np.random.default_rng(0)
    lines: list[Utterance] = []
    waiting: list[np.ndarray] = []
    for path in paths:
        channels, rate = read(path)
        waiting.append(_without_silence(resample(channels.mean(axis=0), rate, _RATE_HZ)))
        if sum(map(len, waiting)) < _JOINED_SECONDS * _RATE_HZ:
            continue
        gaps = [np.zeros(round(random.uniform(*_BETWEEN_SECONDS) * _RATE_HZ), np.float32) for _ in waiting]
        line = made / f"{name}-{len(lines)}.flac"
        soundfile.write(
            line, np.concatenate([part for pair in zip(waiting, gaps, strict=True) for part in pair]), _RATE_HZ
        )
        lines.append(Utterance(path=line, recording=f"{name} {len(lines)}"))
        waiting = []
    return lines


def _without_silence(samples: np.ndarray) -> np.ndarray:
    loud = np.flatnonzero(np.abs(samples) > 0.02 * np.abs(samples).max())
    return samples[loud[0] : loud[-1]] / max(float(np.abs(samples).max()), 1e-6) * np.float32(0.3)


def _game(path: Path, made: Path) -> dict[str, list[Utterance]]:
    """Actors of a game: the hero, and of each dialogue (two digits) the other person; MP3 of 11 kHz in one file."""
    lines: dict[str, list[tuple[str, int, int]]] = defaultdict(list)
    with path.open("rb") as file:
        if file.read(4) != b"QTBL":
            raise SystemExit(f"{path} is not the game's file of sounds; unpack the packages that this module names")
        file.seek(13)
        for _ in range(struct.unpack(">H", file.read(2))[0]):
            name = file.read(12).split(b"\0")[0].decode()
            _, offset, size = struct.unpack(">BII", file.read(9))
            if name.endswith(".SB") and name[:2].isdigit() and name[6] in "PJ" and 3000 <= size <= 16000:
                lines["hero" if name[6] == "J" else name[:2]].append((name[:-3], offset, size))
        found: dict[str, list[Utterance]] = {}
        for person, own in sorted(lines.items()):
            some = sorted(own, key=lambda line: hashlib.sha256(line[0].encode()).hexdigest())[:_LINES]
            for name, offset, size in some:
                coded = made / f"game-{name}.mp3"
                if not coded.exists():
                    file.seek(offset)
                    coded.write_bytes(file.read(size))
            made_of = [_utterance(made / f"game-{name}.mp3", "game", made) for name, _, _ in some]
            found[f"game-{person}"] = [each for each in made_of if each]
    return found
