"""Whether the fingerprint of a whole recording tells new speech over music that was heard before.

    CASES=... python -m tests.bench.speech_under_recurring

What asks for it: a stretch whose sound was in an earlier episode need not be separated, if nobody says something new
over it. The music of CASES/season_small by itself against the same with its speech, whose middle level is set so many
dB over the music's; the share of the words in which somebody speaks that differ from the music alone by no more than
0.12 of their bits over 2 s, which is what the same sound through another encoder differs by
(`tasks/episodes/recurrence.py`).
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from containers.contract.item import Item, sha256_of
from containers.contract.stages import File, FingerprintRequest
from containers.light.fingerprinting import fingerprint
from tasks.episodes.recurrence import WINDOW, Words, difference, smoothed

RATE_HZ = 48000
LEVELS_DB = (-20, -12, -8, -4, 0)
SAME = 0.12
_SPOKEN, _PLAYED = 1e-4, 1e-5

Sound = NDArray[np.float32]


class Silent(Item):
    """An item that says nothing of how far it is."""

    def progress(self, done: float) -> None:
        """Nobody listens."""


def main() -> None:
    if "CASES" not in os.environ:
        raise SystemExit("the variable CASES must name the folder of real audio")
    stems = Path(os.environ["CASES"]) / "season_small" / "stems"
    print(json.dumps({folder.name: _shares(folder) for folder in sorted(stems.iterdir())}, indent=1))


def _shares(folder: Path) -> dict[str, float]:
    music, speech = _read(folder / "bgm.opus"), _read(folder / "speech.flac")
    length = min(len(music), len(speech))
    music, speech = music[:length], speech[:length]
    played, spoken = (uniform_filter1d((each**2).mean(axis=1), RATE_HZ) for each in (music, speech))
    balance = np.sqrt(np.median(played[played > _PLAYED]) / np.median(spoken[spoken > _SPOKEN]))
    alone, hop = _words(music)
    at = np.minimum(((np.arange(len(alone)) + 0.5) * hop * RATE_HZ).astype(int), length - 1)
    both = (spoken[at] > _SPOKEN) & (played[at] > _PLAYED)
    found = {}
    for level in LEVELS_DB:
        mixed, _ = _words(music + np.float32(balance * 10 ** (level / 20)) * speech)
        shares = smoothed(difference(alone, mixed, 0), WINDOW, empty=1.0)
        found[f"{level} dB"] = round(float((shares[both] <= SAME).mean()), 3)
    return found


def _words(sound: Sound) -> tuple[Words, float]:
    with tempfile.TemporaryDirectory(prefix="voicecast-bench-") as name:
        path = Path(name) / "in" / "recording.flac"
        path.parent.mkdir()
        soundfile.write(path, np.clip(sound, -1, 1 - 2**-15), RATE_HZ)
        asked = FingerprintRequest(recording=File(path="in/recording.flac", sha256=sha256_of(path)))
        made = fingerprint(asked, Silent(Path(name)))
        words: Words = np.load(Path(name) / made.fingerprint.path, allow_pickle=False)
        return words, made.hop


def _read(path: Path) -> Sound:
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    sound = soxr.resample(samples, rate, RATE_HZ).astype(np.float32)
    return np.repeat(sound, 2, axis=1) if sound.shape[1] == 1 else sound


if __name__ == "__main__":
    main()
