"""The plan's steps 1 to 5 as the script that people write: one episode after another, in one process.

    python -m tests.bench.cost.plain OUT EPISODE...

FFmpeg to WAV, vocals, who speaks when, pydub cuts a clip of each turn, noisereduce cleans it. Vocals and turns are
made by the light engine's own functions, so that both sides do the same work with the same weights; all else is the
libraries' defaults, with the threads they take. Prints what came of it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import imageio_ffmpeg
import noisereduce
import numpy as np
import soundfile
from pydub import AudioSegment

from containers.contract.item import Item, sha256_of
from containers.contract.stages import DiarizeRequest, File, SeparateRequest, Turn
from containers.light import backend


def main(out: Path, *episodes: str) -> None:
    backend.setup(backend.Options())
    print(json.dumps({Path(path).stem: episode(Path(path), out / Path(path).stem) for path in episodes}))


def episode(video: Path, folder: Path) -> dict[str, float]:
    (folder / "in").mkdir(parents=True)
    item = Item(folder)
    recording = folder / "in/recording.wav"
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(video)]
    subprocess.run([*ffmpeg, "-vn", "-ac", "2", "-ar", "44100", "-acodec", "pcm_s16le", str(recording)], check=True)
    options = backend.Options()
    stems = backend.separate(options, SeparateRequest(recording=_file(recording, folder)), item)
    vocals = folder / stems.vocals.path
    (folder / "in/vocals.flac").symlink_to(vocals)
    request = DiarizeRequest(vocals=File(path="in/vocals.flac", sha256=stems.vocals.sha256))
    turns = [each for each in backend.diarize(options, request, item).exclusive if each.end - each.start >= 1]
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
    main(Path(sys.argv[1]), *sys.argv[2:])
