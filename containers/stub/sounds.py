"""Sound files as stub makes and reads them: the script inside, and a level for each block."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from containers.contract.errors import RecordingError
from containers.contract.item import Item
from containers.contract.stages import File

from . import flac
from .script import Script, made_up, number, parse, performed, script_in, written

Stem = Literal["vocals", "background", "recording"]


@dataclass(frozen=True, kw_only=True)
class Sound:
    """A sound file that stub understands; `own`: it carries a script."""

    script: Script
    sample_rate_hz: int
    channels: int
    bit_depth: int
    samples: int
    own: bool

    @property
    def duration(self) -> float:
        return self.samples / self.sample_rate_hz


def read(item: Item, file: File) -> Sound:
    """FLAC, WAV, or a scripted file; RecordingError for anything else."""
    path = item.input(file)
    script = script_in(path)
    if script is not None:
        return of(performed(script, file.sha256))
    about = flac.read(path) or _read_wav(path)
    if about is None or not about.sample_rate_hz or not about.samples:
        raise RecordingError(f"{file.path} is neither FLAC nor WAV nor a script; extract makes a recording of a video")
    seconds = about.samples / about.sample_rate_hz
    return Sound(
        script=made_up(file.sha256, seconds)
        if about.text is None
        else performed(parse(about.text), file.sha256, seconds),
        sample_rate_hz=about.sample_rate_hz,
        channels=about.channels,
        bit_depth=about.bit_depth,
        samples=about.samples,
        own=about.text is not None,
    )


def of(script: Script, sample_rate_hz: int = 48000, bit_depth: int = 16) -> Sound:
    """The sound of a performed script, in mono."""
    assert script.duration is not None
    return Sound(
        script=script,
        sample_rate_hz=sample_rate_hz,
        channels=1,
        bit_depth=bit_depth,
        samples=max(1, round(script.duration * sample_rate_hz)),
        own=True,
    )


def write_flac(path: Path, sound: Sound, stem: Stem) -> Path:
    """Write a stem; the values of vocals and background add up to the recording's."""
    count = flac.blocks(sound.samples)
    levels = [0] * count
    if stem != "vocals" and sound.own:
        levels = [round(400 * number(index, "background")) - 200 for index in range(count)]
    if stem != "background":
        _add_voices(levels, sound)
    scale = 1 << (sound.bit_depth - 16)
    return flac.write(
        path,
        [level * scale for level in levels],
        _about(sound, written(replace(sound.script, vocals=stem == "vocals"))),
    )


def _add_voices(levels: list[int], sound: Sound) -> None:
    block_s = flac.BLOCK / sound.sample_rate_hz
    for turn in sound.script.turns:
        loud = 500 + round(1500 * number(turn.speaker, "level"))
        for index in range(int(turn.start / block_s), min(len(levels), int(turn.end / block_s) + 1)):
            levels[index] += loud if index % 2 else -loud


def _about(sound: Sound, text: str) -> flac.About:
    return flac.About(
        sample_rate_hz=sound.sample_rate_hz,
        channels=sound.channels,
        bit_depth=sound.bit_depth,
        samples=sound.samples,
        text=text,
    )


def write_wav(path: Path, script: Script, sample_rate_hz: int) -> Sound:
    """Write mono 16-bit WAV with the script in a chunk of its own after the samples."""
    sound = of(script, sample_rate_hz)
    level = 500 + round(1500 * number(script.person, "level"))
    data = struct.pack("<hh", level, -level) * (sound.samples // 2 + 1)
    text = written(script).encode()
    chunks = (
        _chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, sample_rate_hz, 2 * sample_rate_hz, 2, 16)),
        _chunk(b"data", data[: 2 * sound.samples]),
        _chunk(b"stub", text),
    )
    path.write_bytes(_chunk(b"RIFF", b"WAVE" + b"".join(chunks)))
    return sound


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + len(body).to_bytes(4, "little") + body + bytes(len(body) % 2)


def samples_of_wav(data: bytes | bytearray) -> range:
    """Where the first byte of each 16-bit sample of a WAV lies; empty for what is none."""
    place = 12
    while data[:4] == b"RIFF" and place + 8 <= len(data):
        size = int.from_bytes(data[place + 4 : place + 8], "little")
        if data[place : place + 4] == b"data":
            return range(place + 8, min(place + 8 + size, len(data)) // 2 * 2, 2)
        place += 8 + size + size % 2
    return range(0)


def _read_wav(path: Path) -> flac.About | None:
    """What a WAV says of itself, read chunk by chunk; None for what is no WAV."""
    found: dict[bytes, bytes] = {}
    data_size = 0
    with open(path, "rb") as stream:
        head = stream.read(12)
        if head[:4] != b"RIFF" or head[8:] != b"WAVE":
            return None
        while len(head := stream.read(8)) == 8:
            size = int.from_bytes(head[4:], "little")
            if head[:4] == b"data":
                data_size = size
            else:
                found[head[:4]] = stream.read(size)
                size = 0
            stream.seek(size + int.from_bytes(head[4:], "little") % 2, 1)
    if len(found.get(b"fmt ", b"")) < 16:
        return None
    _, channels, rate, _, width, bits = struct.unpack("<HHIIHH", found[b"fmt "][:16])
    text = found.get(b"stub")
    return flac.About(
        sample_rate_hz=rate,
        channels=channels,
        bit_depth=bits,
        samples=data_size // max(1, width),
        text=None if text is None else text.decode("utf-8", "replace"),
    )
