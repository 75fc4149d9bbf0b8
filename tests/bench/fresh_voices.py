"""Six people, and six more of whom nothing is known, for a look that nothing was chosen by.

In the folder of `many_voices` also: `apt-get download fillets-ng-data-nl`, unpacked, and

    cp -r Resemblyzer/audio_data/librispeech_test-other VOICES/more_readers

Four readers of LibriSpeech whom CASES has not, with three references each, and the two who act the fishes of a game in
Dutch; six of the readers that `many_voices` leaves out lend their voices. Music, songs and effects are the half
`report`'s. Every clip is put as it is, in faint noise or in a room, by turns.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from containers.light.audio import duration
from tests.bench import many_voices
from tests.bench.planted_voices import Utterance

_READERS = ("367", "533", "2609", "3005")
_FISHES = {"small fish": "m", "big fish": "v"}
_OTHERS_LEVEL = "linux"
_SECONDS = (2.5, 16.0)
_REFERENCES, _SPOKEN, _LENT = 3, 7, 6


def voices(cases: Path, folder: Path, rotation: int) -> tuple[dict[str, list[Utterance]], dict[str, list[Utterance]]]:
    """What each person says, and the references of those who have any: in each rotation other recordings of a reader
    are references, and an actor's lines are others."""
    files = {name: sorted((folder / "more_readers" / name).glob("*.flac")) for name in _READERS}
    place = folder / "usr/share/games/fillets-ng/sound"
    for name, letter in _FISHES.items():
        files[name] = [path for path in sorted(place.glob(f"*/nl/*-{letter}-*.ogg")) if path.parts[-3] != _OTHERS_LEVEL]
    spoken, references = {}, {}
    for name, paths in files.items():
        mine = _usual(paths)
        if not mine:
            raise SystemExit(f"{folder} lacks the recordings of {name}; unpack what this module names")
        first = rotation * (_REFERENCES if name in _READERS else _REFERENCES + _SPOKEN)
        turned = [*mine[first:], *mine[:first]][: _REFERENCES + _SPOKEN]
        lines = [Utterance(path=path, recording=f"{name} {path.stem}") for path in turned]
        references[name], spoken[name] = lines[:_REFERENCES], lines[_REFERENCES:]
    lent = many_voices.readers(folder, cases)[-_LENT * (rotation + 1) :][:_LENT]
    for number, path in enumerate(lent):
        spoken[f"UNKNOWN-{rotation}-{number}"] = [Utterance(path=path, recording=path.name)]
    return spoken, references


def _usual(paths: Sequence[Path]) -> list[Path]:
    """Of a usual length, in an order that says nothing; an actor's first eighty."""
    mixed = sorted(paths, key=lambda path: hashlib.sha256(path.name.encode()).hexdigest())[:80]
    return [path for path in mixed if _SECONDS[0] <= duration(path) <= _SECONDS[1]]
