"""Episodes that are really spoken, for seasons on light: two made people, half a minute."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import soundfile

from tests.unit.spoken_material import RATE_HZ, conversation, said

PEOPLE = (0, 1, 0, 0, 1, 0, 0, 1, 0, 0)


def lay_spoken(folder: Path, episodes: int) -> None:
    """Episodes (sound alone, in Matroska), and a reference of the first person."""
    (folder / "refs").mkdir(parents=True)
    soundfile.write(folder / "refs" / "A.flac", said(3, 0), RATE_HZ)
    for number in range(1, episodes + 1):
        sound, _ = conversation(PEOPLE)
        wav = folder / "said.wav"
        soundfile.write(wav, sound, RATE_HZ)
        target = folder / f"Toy S01E{number:02d}.mkv"
        command = ["ffmpeg", "-v", "error", "-i", str(wav), "-c:a", "flac", "-bitexact", str(target)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        wav.unlink()


def copy_spoken(source: Path, folder: Path) -> None:
    """The same as lies in another folder, byte for byte."""
    shutil.copytree(source / "refs", folder / "refs")
    for path in source.glob("*.mkv"):
        shutil.copyfile(path, folder / path.name)
