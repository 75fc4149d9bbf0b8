"""The demo series' picture: a meadow under a sky, a ball that rolls along, and who speaks, hopping.

Plain enough to be made in a second, and different enough from frame to frame
to be a real video stream.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from containers.contract.errors import EngineError
from containers.contract.stages import Turn

from .media import ffmpeg

WIDTH, HEIGHT, FRAMES_PER_SECOND = 320, 180, 12

_SKIES = ((150, 205, 245), (150, 160, 175), (250, 190, 130))
_COLOURS = ((235, 90, 60), (70, 90, 160), (245, 200, 60), (120, 110, 100))

Picture = NDArray[np.uint8]


def film(path: Path, sound: Path, subtitles: Path, episode: int, turns: Sequence[Turn], seconds: float) -> Path:
    """Write an MKV: H.264, AAC stereo and SRT subtitles, both Japanese; the same bytes each time."""
    size = f"{WIDTH}x{HEIGHT}"
    picture = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-r", str(FRAMES_PER_SECOND), "-i", "pipe:0"]
    video = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "26", "-pix_fmt", "yuv420p", "-threads", "1"]
    audio = ["-c:a", "aac", "-b:a", "160k", "-metadata:s:a:0", "language=jpn"]
    text = ["-c:s", "srt", "-metadata:s:s:0", "language=jpn"]
    exact = ["-map_metadata", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact"]
    command = [str(ffmpeg()), "-v", "error", "-y", *picture, "-i", str(sound), "-i", str(subtitles)]
    command += ["-map", "0:v", "-map", "1:a", "-map", "2:s", *video, *audio, *text, *exact, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        try:
            for frame in _frames(episode, turns, seconds):
                process.stdin.write(frame.tobytes())
        except BrokenPipeError:
            pass
        said = process.communicate()[1].decode(errors="replace").strip()
    if process.returncode:
        raise EngineError(f"FFmpeg could not make {path.name}: {said[-300:]}; it needs libx264 and aac")
    return path


def _frames(episode: int, turns: Sequence[Turn], seconds: float) -> Iterator[Picture]:
    speakers = sorted({turn.speaker for turn in turns})
    meadow = _meadow(_SKIES[(episode - 1) % len(_SKIES)])
    for index in range(round(seconds * FRAMES_PER_SECOND)):
        now = index / FRAMES_PER_SECOND
        frame = meadow.copy()
        heard = {turn.speaker for turn in turns if turn.start <= now < turn.end}
        for place, speaker in enumerate(speakers):
            hop = round(10 * abs(np.sin(now * 9))) if speaker in heard else 0
            x = round(WIDTH * (place + 1) / (len(speakers) + 1))
            _disc(frame, x, 112 - hop, 13, (250, 220, 190))
            _disc(frame, x, 138 - hop, 17, _COLOURS[place % len(_COLOURS)])
        _disc(frame, round(now * 55) % (WIDTH + 40) - 20, 165 - round(12 * abs(np.sin(now * 4))), 7, (250, 250, 250))
        yield frame


def _meadow(sky: tuple[int, int, int]) -> Picture:
    frame = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    frame[:] = sky
    hill = 110 + 12 * np.sin(np.arange(WIDTH) / 50)
    frame[np.arange(HEIGHT)[:, None] > hill] = (95, 165, 80)
    return frame


def _disc(frame: Picture, x: int, y: int, radius: int, colour: tuple[int, int, int]) -> None:
    top, left = max(y - radius, 0), max(x - radius, 0)
    part = frame[top : y + radius + 1, left : x + radius + 1]
    if part.size:
        rows, columns = np.ogrid[top : top + part.shape[0], left : left + part.shape[1]]
        part[(rows - y) ** 2 + (columns - x) ** 2 <= radius**2] = colour
