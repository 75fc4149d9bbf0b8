"""What is measured on: the real episodes that CASES names, or the demo's of synthetic speech; made more, and longer.

Repeating an episode as it is would be a season of repeats, which voicecast finds and leaves out. So it is changed:
other order, level, speed and width, at other places of the codec's frames.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import soxr
from numpy.typing import NDArray

from tests.bench import sparse_season

Sound = NDArray[np.float32]

RATE_HZ = 48000
PIECE_SECONDS = 4.0
"""Under the length of which a recurrence is found, 5 s."""
_FADE = 0.02
_FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()


@dataclass(frozen=True, kw_only=True)
class Material:
    """`source` in words; real or synthetic episodes of about 80 s or 2 minutes, and a folder of references each."""

    source: str
    episodes: tuple[Path, ...]
    references: tuple[Path, ...]


def find(folder: Path) -> Material:
    """`folder`: where the demo's series is made if CASES names nothing."""
    if "CASES" in os.environ:
        home, source = Path(os.environ["CASES"]) / "season_small", "season_small of the cases (real speech)"
        references = home / "refs"
    else:
        from infra.demo_series import make_demo_series

        make_demo_series(folder / "demo")
        home, source, references = folder / "demo", "the demo's series (synthetic speech)", folder / "demo/references"
    episodes = tuple(sorted((home / "episodes").glob("*.mkv")))
    return Material(source=source, episodes=episodes, references=tuple(sorted(references.iterdir())))


def season(material: Material, folder: Path, count: int) -> Path:
    """The series file of a season of `count` episodes: the material's own, then changed ones; made once."""
    config = folder / "series.yaml"
    if not config.exists():
        (folder / "episodes").mkdir(parents=True, exist_ok=True)
        for number in range(1, count + 1):
            base = material.episodes[(number - 1) % len(material.episodes)]
            target = folder / "episodes" / f"Bench S01E{number:03d}.mkv"
            if number <= len(material.episodes):
                target.unlink(missing_ok=True)
                target.symlink_to(base.resolve())
            elif not target.exists():
                write(target, varied(decoded(base), number))
        _write_series(config, material)
    return config


def sparse(material: Material, folder: Path, count: int) -> Path:
    """The series file of `count` of the material's episodes; those of CASES with more room between their lines, as a
    series has it (`sparse_season`: somebody speaks two fifths of the time)."""
    config = folder / "series.yaml"
    if not config.exists():
        (folder / "episodes").mkdir(parents=True, exist_ok=True)
        paths = list(material.episodes)
        if "CASES" in os.environ:
            paths = list(sparse_season.make(Path(os.environ["CASES"]) / "season_small", folder / "made").values())
        for number, path in enumerate(paths[:count], start=1):
            write(folder / "episodes" / f"Bench S01E{number:03d}.mkv", iter([decoded(path)]))
        _write_series(config, material)
    return config


def long_episode(material: Material, folder: Path, minutes: float) -> Path:
    """The series file of one episode of so many minutes, made of changed ones; made once."""
    config = folder / "series.yaml"
    if not config.exists():
        (folder / "episodes").mkdir(parents=True, exist_ok=True)
        write(folder / "episodes" / "Bench S01E001.mkv", _until(material, round(minutes * 60 * RATE_HZ)))
        _write_series(config, material)
    return config


def joined_episode(material: Material, folder: Path, minutes: float) -> Path:
    """The same of the material's own, over and over without decoding: enough to see what memory does."""
    config = folder / "series.yaml"
    if not config.exists():
        (folder / "episodes").mkdir(parents=True, exist_ok=True)
        paths = [path for path, _ in zip(cycle(material.episodes), range(round(minutes * 60 / 80)), strict=False)]
        (folder / "list.txt").write_text("".join(f"file '{path.resolve()}'\n" for path in paths), "utf-8")
        command = [_FFMPEG, "-v", "error", "-y", "-f", "concat", "-safe", "0", "-i", str(folder / "list.txt")]
        subprocess.run([*command, "-c", "copy", str(folder / "episodes" / "Bench S01E001.mkv")], check=True)
        _write_series(config, material)
    return config


def _until(material: Material, samples: int) -> Iterator[Sound]:
    for seed, base in enumerate(cycle(material.episodes)):
        if samples <= 0:
            return
        for part in varied(decoded(base), seed):
            yield part[:samples]
            samples -= len(part)
            if samples <= 0:
                return


def varied(sound: Sound, seed: int) -> Iterator[Sound]:
    """Pieces of a recording (samples, 2), parted where it is quietest, in another order; each at its own level, all
    at a speed and width of their own."""
    random = np.random.default_rng(seed)
    speed, width = random.uniform(0.96, 1.04), random.uniform(0.7, 1.3)
    pieces = _pieces(sound)
    random.shuffle(pieces)
    fade = np.minimum(1, np.arange(1, 1 << 20, dtype=np.float32) / (_FADE * RATE_HZ))
    yield np.zeros((round(random.uniform(0.05, 0.8) * RATE_HZ), 2), np.float32)
    for piece in pieces:
        mid, side = piece.mean(axis=1), (piece[:, 0] - piece[:, 1]) / 2 * np.float32(width)
        level = np.float32(10 ** (random.uniform(-4, 0) / 20))
        wide = np.stack((mid + side, mid - side), axis=1) * level
        ramp = fade[: len(wide)]
        yield soxr.resample(wide * np.minimum(ramp, ramp[::-1])[:, None], RATE_HZ * speed, RATE_HZ).astype(np.float32)


def _pieces(sound: Sound) -> list[Sound]:
    """Cut within half a second of every 4 s, where 20 ms are quietest."""
    size, reach, step = round(PIECE_SECONDS * RATE_HZ), RATE_HZ // 2, RATE_HZ // 50
    edges, at = [0], size
    while at + size < len(sound):
        near = np.square(sound[at - reach : at + reach].mean(axis=1)).reshape(-1, step).sum(axis=1)
        edges.append(at - reach + int(near.argmin()) * step)
        at = edges[-1] + size
    return [sound[a:b] for a, b in zip(edges, [*edges[1:], len(sound)], strict=True)]


def decoded(path: Path) -> Sound:
    command = [_FFMPEG, "-v", "error", "-i", str(path), "-vn", "-ac", "2", "-ar", str(RATE_HZ), "-f", "f32le", "-"]
    raw = subprocess.run(command, check=True, capture_output=True).stdout
    return np.frombuffer(raw, np.float32).reshape(-1, 2)


def write(path: Path, parts: Iterator[Sound]) -> None:
    """A video: AAC of 128 kbit/s beside a plain picture; appears whole."""
    partial = path.with_suffix(".partial.mkv")
    command = [
        *(_FFMPEG, "-v", "error", "-y", "-f", "f32le", "-ar", str(RATE_HZ), "-ac", "2", "-i", "pipe:0"),
        *("-f", "lavfi", "-i", "color=c=gray:s=320x180:r=5"),
        *("-map", "1:v", "-map", "0:a", "-shortest", "-c:v", "libx264", "-preset", "ultrafast"),
        *("-c:a", "aac", "-b:a", "128k", "-metadata:s:a:0", "language=jpn", str(partial)),
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin
        for part in parts:
            process.stdin.write(np.clip(part, -1, 1).astype("<f4").tobytes())
        process.stdin.close()
    if process.returncode:
        raise RuntimeError(f"FFmpeg made no {path.name}")
    partial.rename(path)


def seconds_of(config: Path) -> float:
    """Of all episodes of a series file made here."""
    import av

    total = 0.0
    for path in sorted((config.parent / "episodes").glob("*.mkv")):
        with av.open(str(path)) as container:
            total += float(container.duration or 0) / 1_000_000
    return total


def _write_series(config: Path, material: Material) -> None:
    lines = ["series: bench", "episodes: episodes", "language: ja", "characters:"]
    for folder in material.references:
        lines.append(
            f"  {folder.name.lower()}: {{name: {folder.name}, references: '{folder.resolve()}/*', "
            "rights: {basis: bench, by: bench, date: 2026-11-22}}"
        )
    partial = config.with_suffix(".partial")
    partial.write_text("\n".join(lines) + "\n", "utf-8")
    partial.rename(config)
