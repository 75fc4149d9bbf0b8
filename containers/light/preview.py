"""Previews: what a page shows and plays of an excerpt.

An MP3 that every browser plays and a spectrogram; both made in one pass over
the sound, so an excerpt may be a whole episode. Same excerpt, same bytes.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from containers.contract import stages
from containers.contract.errors import EngineError, RequestError
from containers.contract.item import Item

from .audio import decodable, mono
from .media import ffmpeg
from .picture import Spectrogram

_MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_BIT_RATES = {1: "96k", 2: "128k"}


def preview(request: stages.PreviewRequest, item: Item) -> stages.PreviewResult:
    """A player's file and a picture for each excerpt, named by its place in the request."""
    paths = {file: item.input(file) for file in dict.fromkeys(excerpt.file for excerpt in request.excerpts)}
    previews = []
    for index, excerpt in enumerate(request.excerpts):
        previews.append(_preview(paths[excerpt.file], excerpt, index, request.lossless, item))
        item.progress((index + 1) / len(request.excerpts))
    return stages.PreviewResult(previews=tuple(previews))


def _preview(path: Path, excerpt: stages.Excerpt, index: int, lossless: bool, item: Item) -> stages.Preview:
    player, picture = item.output(f"{index:04d}.mp3"), item.output(f"{index:04d}.png")
    with decodable(path), soundfile.SoundFile(path) as sound:
        rate = sound.samplerate
        first = round(excerpt.start * rate)
        last = sound.frames if excerpt.end is None else min(round(excerpt.end * rate), sound.frames)
        if not 0 <= first < last:
            have = sound.frames / rate
            raise RequestError(f"excerpt {index} is {excerpt.start} to {excerpt.end} s of a sound of {have:.2f} s")
        sound.seek(first)
        spectrogram = Spectrogram(duration=(last - first) / rate, rate_hz=rate)
        with Mp3(player, rate, min(2, sound.channels)) as mp3:
            for block in _blocks(sound, last - first):
                mp3.write(block)
                spectrogram.hear(mono(block))
    picture.write_bytes(spectrogram.png())
    return stages.Preview(
        player=item.file(player),
        picture=item.file(picture),
        duration=(last - first) / rate,
        sound=item.file(_copied(path, first, last, item.output(f"{index:04d}.flac"))) if lossless else None,
    )


def _copied(path: Path, first: int, last: int, to: Path) -> Path:
    """The samples themselves, in FLAC: 24 bits where the file has more than 16, else 16."""
    with soundfile.SoundFile(path) as sound:
        sound.seek(first)
        subtype = "PCM_16" if sound.subtype in ("PCM_16", "PCM_S8", "PCM_U8") else "PCM_24"
        with soundfile.SoundFile(to, "w", sound.samplerate, min(2, sound.channels), subtype, format="FLAC") as copy:
            left = last - first
            while left > 0:
                block = sound.read(min(left, 1 << 18), dtype="int32", always_2d=True)[:, :2]
                if not len(block):
                    break
                copy.write(block)
                left -= len(block)
    return to


def _blocks(sound: soundfile.SoundFile, frames: int) -> Iterator[NDArray[np.float32]]:
    while frames > 0:
        block = sound.read(min(frames, 1 << 18), dtype="float32", always_2d=True).T[:2]
        if not block.shape[1]:
            return
        frames -= block.shape[1]
        yield block


class Mp3:
    """Writes blocks (channels, n) as MP3 by FFmpeg: constant bit rate, no tags, no dates, no encoder's name."""

    def __init__(self, path: Path, rate_hz: int, channels: int) -> None:
        self._limit = 60.0
        self._process = subprocess.Popen(
            [
                *(ffmpeg(), "-v", "error", "-nostdin", "-y", "-protocol_whitelist", "pipe"),
                *("-f", "s16le", "-ar", str(rate_hz), "-ac", str(channels), "-i", "pipe:0"),
                *("-ar", str(rate_hz if rate_hz in _MP3_RATES else 44100), "-c:a", "libmp3lame"),
                *("-b:a", _BIT_RATES[channels], "-compression_level", "7", "-map_metadata", "-1"),
                *("-bitexact", "-id3v2_version", "0", "-write_xing", "0", "-f", "mp3", f"file:{path}"),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def __enter__(self) -> Mp3:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            _, said = self._process.communicate(timeout=self._limit)
        except subprocess.TimeoutExpired as error:
            self._process.kill()
            raise EngineError(f"FFmpeg did not finish an MP3 within {self._limit:.0f} s; try again") from error
        if self._process.returncode:
            reason = said.decode(errors="replace").strip()[-300:]
            raise EngineError(f"FFmpeg made no MP3 ({reason}); name one with libmp3lame in VOICECAST_FFMPEG")

    def write(self, block: NDArray[np.float32]) -> None:
        whole = np.clip(np.rint(block.T * 32768.0), -32768, 32767).astype("<i2")
        with suppress(BrokenPipeError):
            self._process.stdin.write(whole.tobytes())
