"""Damaged media through the light engine's real process: each item is answered, in time, by a result or a refusal.

A refusal that helps is of kind `recording` (leave it out) and says what is wrong. A start that dies, hangs or answers
with `machine` has failed.
"""

from __future__ import annotations

import json
import os
import random
import resource
import subprocess
import sys
import time
from pathlib import Path

from containers.contract.item import sha256_of
from tests.fuzz.mutations import BINARY, damaged
from tests.fuzz.texts import Counts

ROOT = Path(__file__).parents[2]
SECONDS_A_FILE = 20.0
MEMORY_BYTES = 6 << 30
BATCH = 50
TALK = ("-f", "lavfi", "-i", "sine=220:duration=3:sample_rate=48000")
PICTURE = ("-f", "lavfi", "-i", "color=size=64x64:rate=10:duration=3")
FORMS: dict[str, tuple[str, ...]] = {
    "mkv": (*PICTURE, *TALK, "-c:v", "libx264", "-c:a", "aac"),
    "mp4": (*PICTURE, *TALK, "-c:v", "libx264", "-c:a", "aac"),
    "webm": (*TALK, "-c:a", "libopus"),
    "ts": (*PICTURE, *TALK, "-c:v", "mpeg2video", "-c:a", "ac3"),
    "avi": (*PICTURE, *TALK, "-c:v", "mpeg4", "-c:a", "mp3"),
    "wav": (*TALK, "-c:a", "pcm_s16le"),
    "flac": (*TALK, "-c:a", "flac"),
    "ogg": (*TALK, "-c:a", "libvorbis"),
    "mp3": (*TALK, "-c:a", "mp3"),
}


def make_whole(folder: Path, ffmpeg: str) -> dict[str, bytes]:
    """A short file of each form; forms that this FFmpeg cannot write are left out."""
    made = {}
    for ending, said in FORMS.items():
        path = folder / f"whole.{ending}"
        done = subprocess.run([ffmpeg, "-v", "error", "-y", *said, str(path)], check=False, capture_output=True)
        if done.returncode == 0:
            made[ending] = path.read_bytes()
    return made


def fuzz_media(folder: Path, whole: dict[str, bytes], cases: int, seed: int) -> tuple[Counts, list[str]]:
    """As texts.fuzz; probe and extract are asked of every file."""
    counts, failures = Counts(), list[str]()
    endings = sorted(whole)
    for first in range(0, cases, BATCH):
        names = [f"{endings[n % len(endings)]} {n}" for n in range(first, min(cases, first + BATCH))]
        workdir = folder / f"start {first}"
        for name in names:
            dice = random.Random(f"{seed} media {name}")
            lay(workdir, name, damaged(dice, whole[name.split()[0]], BINARY))
        said = run(workdir, len(names) * 2)
        for item in sorted((workdir / "items").iterdir()):
            judge(item, said, counts, failures)
    return counts, failures


def lay(workdir: Path, name: str, data: bytes) -> None:
    for stage in ("probe", "extract"):
        folder = workdir / "items" / f"{stage}-{name.replace(' ', '-')}"
        (folder / "in").mkdir(parents=True)
        (folder / "in" / "video").write_bytes(data)
        video = {"path": "in/video", "sha256": sha256_of(folder / "in" / "video")}
        (folder / "request.json").write_text(
            json.dumps({"contract": 1, "stage": stage, "request": {"video": video, "language": "ja"}})
        )


def run(workdir: Path, items: int) -> str:
    """One start, bounded in time and memory; what it said in the end, for a failure."""
    command = [sys.executable, "-m", "containers.contract", "light", str(workdir)]
    known = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "VOICECAST_CACHE": str(workdir / "cache")}
    began = time.monotonic()
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=known, capture_output=True, timeout=60 + SECONDS_A_FILE * items, check=False,
            encoding="utf-8", errors="replace", preexec_fn=_bounded,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"hung: {time.monotonic() - began:.0f} s"
    return f"exit {done.returncode}: {done.stderr[-300:]}"


def _bounded() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


def judge(item: Path, said: str, counts: Counts, failures: list[str]) -> None:
    if (item / "result.json").exists():
        counts.read += 1
        return
    error = json.loads((item / "error.json").read_text("utf-8")) if (item / "error.json").exists() else None
    if error and error["kind"] == "recording" and len(error["message"]) > 10:
        counts.refused += 1
        return
    counts.failed += 1
    failures.append(f"{item.name}: {error['kind'] + ': ' + error['message'] if error else 'no answer, ' + said}")
