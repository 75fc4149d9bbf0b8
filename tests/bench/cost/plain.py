"""The plan's steps 1 to 5 as the script that people write: one episode after another, in one process.

    python -m tests.bench.cost.plain OUT [--demucs FOLDER] EPISODE...

FFmpeg to WAV, vocals, who speaks when, pydub cuts a clip of each turn, noisereduce cleans it. Vocals and turns are
made by the light engine's own functions, so that both sides do the same work with the same weights; with `--demucs`
vocals are made by the library's own command, once for all episodes, with the weights in FOLDER (`middle_model`). All
else is the libraries' defaults, with the threads they take. Prints what came of it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import imageio_ffmpeg
import noisereduce
import numpy as np
import soundfile
from pydub import AudioSegment

from containers.contract.item import Item, sha256_of
from containers.contract.stages import DiarizeRequest, File, SeparateRequest, Turn
from containers.light import backend
from tests.bench.cost.engines import python_of


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.cost.plain", description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("episodes", type=Path, nargs="+")
    parser.add_argument("--demucs", type=Path)
    chosen = parser.parse_args()
    backend.setup(backend.Options())
    recordings = [_recording(video, chosen.out / video.stem) for video in chosen.episodes]
    vocals = _by_demucs(recordings, chosen.out, chosen.demucs) if chosen.demucs else map(_by_light, recordings)
    print(json.dumps({path.parent.parent.name: _clips(path.parent.parent, next(vocals)) for path in recordings}))


def _recording(video: Path, folder: Path) -> Path:
    (folder / "in").mkdir(parents=True)
    recording = folder / "in/recording.wav"
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(video)]
    subprocess.run([*ffmpeg, "-vn", "-ac", "2", "-ar", "44100", "-acodec", "pcm_s16le", str(recording)], check=True)
    return recording


def _by_light(recording: Path) -> Path:
    folder = recording.parent.parent
    return (
        folder
        / backend.separate(
            backend.Options(), SeparateRequest(recording=_file(recording, folder)), Item(folder)
        ).vocals.path
    )


def _by_demucs(recordings: list[Path], out: Path, models: Path) -> Iterator[Path]:
    """Each in a folder of its own name, since the command calls what it makes after the file."""
    named = [path.with_name(f"{path.parent.parent.name}.wav") for path in recordings]
    for path, link in zip(recordings, named, strict=True):
        link.symlink_to(path.name)
    command = [
        str(python_of("demucs")),
        "-m",
        "demucs",
        "-n",
        "htdemucs",
        "-d",
        "cpu",
        "--shifts",
        "0",
        "--two-stems",
        "vocals",
    ]
    own = {"HF_HOME": str(models), "HF_HUB_OFFLINE": "1"}
    subprocess.run([*command, "-o", str(out / "stems"), *map(str, named)], check=True, env=os.environ | own)
    return (out / "stems" / "htdemucs" / link.stem / "vocals.wav" for link in named)


def _clips(folder: Path, vocals: Path) -> dict[str, float]:
    """Who speaks when in the vocals, and a cleaned clip of each turn."""
    (folder / "in/vocals").symlink_to(vocals)
    request = DiarizeRequest(vocals=File(path="in/vocals", sha256=sha256_of(vocals)))
    found = backend.diarize(backend.Options(), request, Item(folder)).exclusive
    turns = [each for each in found if each.end - each.start >= 1]
    sound = _sound(vocals)
    for number, turn in enumerate(turns):
        _clip(sound, turn, folder / f"{turn.speaker}-{number:04d}.wav")
    return {
        "speakers": len({turn.speaker for turn in turns}),
        "clips": len(turns),
        "clip_seconds": round(sum(turn.end - turn.start for turn in turns), 1),
    }


def _file(path: Path, folder: Path) -> File:
    return File(path=path.relative_to(folder).as_posix(), sha256=sha256_of(path))


def _sound(vocals: Path) -> AudioSegment:
    """As AudioSegment.from_file would give it, without the FFmpeg and ffprobe on the PATH that it wants for FLAC."""
    samples, rate = soundfile.read(vocals, dtype="int16", always_2d=True)
    return AudioSegment(samples.tobytes(), sample_width=2, frame_rate=rate, channels=samples.shape[1])


def _clip(vocals: AudioSegment, turn: Turn, path: Path) -> None:
    clip = vocals[round(turn.start * 1000) : round(turn.end * 1000)].set_channels(1)
    clip.export(path, format="wav").close()
    samples, rate = soundfile.read(path)
    soundfile.write(path, noisereduce.reduce_noise(y=np.asarray(samples), sr=rate), rate)


if __name__ == "__main__":
    main()
