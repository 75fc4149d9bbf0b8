"""Sounds and videos that the contract's tests put before engines, made on the spot.

Two voices that Open JTalk speaks (the second one deeper, by playing it slower), soft chords behind
them, and a video around it all. Real enough for an engine to hear speech, free of anyone's rights.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from containers.contract.stages import Turn

RATE_HZ = 48000
_SENTENCES = (
    "今日はとても良い天気ですね。",
    "必殺技、ゴッドハンド!",
    "みんな、サッカーやろうぜ。",
    "明日の試合は必ず勝とう。",
)
_LESSONS = (
    "昨日の夕方、川の向こうの古い橋を渡って、友達の家まで歩いて行きました。",
    "図書館で借りた本は来週の水曜日までに返さなければなりません。",
    "夕食のあとで、少しだけ散歩をしました。",
)
"""Nearly 15 s for one voice to be learnt from, a sentence a clip."""
_SLOWER = 1.25
"""How much slower, and so deeper, the second voice is played."""


@dataclass(frozen=True, kw_only=True)
class Material:
    """Files for requests; `turns` are true of `recording`, `vocals` and `video`.

    `line` is a clip as speech comes from an engine: a WAV at 44.1 kHz. `silence` and `telephone` (8 kHz, mono) are
    as long as the recording, `pause` is two seconds of silence, `blink` a single picture's time.
    """

    video: Path
    recording: Path
    vocals: Path
    background: Path
    clips: tuple[Path, ...]
    lessons: tuple[Path, ...]
    turns: tuple[Turn, ...]
    line: Path
    no_sound: Path
    silence: Path
    pause: Path
    blink: Path
    telephone: Path


def make(folder: Path) -> Material:
    """About 14 s of two people in turn, on a stereo recording."""
    spoken = [_said(text, _SLOWER if index % 2 else 1.0) for index, text in enumerate(_SENTENCES)]
    lessons = [_said(text) for text in _LESSONS]
    turns, now = [], 0.8
    for index, samples in enumerate(spoken):
        length = len(samples) / RATE_HZ
        turns.append(Turn(start=round(now, 3), end=round(now + length, 3), speaker=f"SPEAKER_0{index % 2}"))
        now += length + 0.7
    voices = np.zeros(round(now * RATE_HZ), np.float32)
    for turn, samples in zip(turns, spoken, strict=True):
        first = round(turn.start * RATE_HZ)
        voices[first : first + len(samples)] += samples
    vocals = np.stack([voices, voices], axis=1)
    background = _chords(len(voices))
    recording = _write(folder / "recording.flac", vocals + background)
    (folder / "no_sound").write_text("This is a text and holds no sound at all.\n" * 40, "utf-8")
    return Material(
        video=_video(folder / "episode.mkv", recording),
        recording=recording,
        vocals=_write(folder / "vocals.flac", vocals),
        background=_write(folder / "background.flac", background),
        clips=tuple(_write(folder / f"clip_{index}.flac", spoken[index]) for index in (0, 2)),
        lessons=tuple(_write(folder / f"lesson_{index}.flac", each) for index, each in enumerate(lessons)),
        turns=tuple(turns),
        line=_write(folder / "line.wav", soxr.resample(spoken[0], RATE_HZ, 44100), 44100),
        no_sound=folder / "no_sound",
        silence=_write(folder / "silence.flac", np.zeros_like(vocals)),
        pause=_write(folder / "pause.flac", np.zeros((2 * RATE_HZ, 1), np.float32)),
        blink=_write(folder / "blink.flac", spoken[0][: RATE_HZ // 24]),
        telephone=_write(folder / "telephone.flac", soxr.resample(voices, RATE_HZ, 8000), 8000),
    )


def _said(text: str, slower: float = 1.0) -> NDArray[np.float32]:
    import pyopenjtalk

    samples, rate = pyopenjtalk.tts(text)
    sound = soxr.resample(samples / 32768, rate / slower, RATE_HZ).astype(np.float32)
    return 0.35 * sound / float(np.abs(sound).max())


def _chords(count: int) -> NDArray[np.float32]:
    """A chord on the left and another one on the right, 30 dB below full scale."""
    time = np.arange(count) / RATE_HZ
    left = sum(np.sin(2 * np.pi * hz * time) for hz in (220, 277, 330))
    right = sum(np.sin(2 * np.pi * hz * time) for hz in (247, 311, 370))
    return 0.0105 * np.stack([left, right], axis=1).astype(np.float32)


def _write(path: Path, samples: NDArray[np.float32], rate_hz: int = RATE_HZ) -> Path:
    soundfile.write(path, samples, rate_hz, subtype="PCM_16")
    return path


def _video(path: Path, recording: Path) -> Path:
    """A grey picture with the recording as its Japanese track."""
    picture = ("-f", "lavfi", "-i", "color=gray:size=64x36:rate=12")
    codecs = ("-c:v", "mpeg4", "-c:a", "flac", "-metadata:s:a:0", "language=jpn", "-shortest")
    command = (imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *picture, "-i", str(recording), *codecs, str(path))
    subprocess.run(command, check=True)
    return path
