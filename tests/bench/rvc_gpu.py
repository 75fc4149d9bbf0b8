"""What a night on a GPU is worth: rvc's training against a plain loop, in one run, on the same clips and weights.

`.engines/rvc/bin/python -m tests.bench.rvc_gpu` wants torch with CUDA and the engine's wheels, and no network: clips
are made here, and weights are random, which changes no cost. The plain loop is fp32 and hears content and f0 of each
piece anew, one by one, each time it comes along. On a CPU (`--size tiny --minutes 0.2 --epochs 1`) it shows that it
works, and no more.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from transformers import HubertConfig, HubertModel

from containers.contract.item import sha256_of
from containers.contract.stages import File
from containers.rvc.batches import Batch, Lessons, Material, material_of
from containers.rvc.clips import read_clips
from containers.rvc.content import ContentEncoder, doubled
from containers.rvc.conversion import Listening
from containers.rvc.f0 import f0_of
from containers.rvc.learner import Beginning, Learner, Speed
from containers.rvc.shape import FRAMES_PER_SECOND, Shape, shape_for
from containers.rvc.sound import LISTEN_HZ, resampled

RATE_HZ, CLIP_SECONDS, BATCH = 40000, 4, 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=25.0, help="of clips to learn from")
    parser.add_argument("--size", choices=["full", "tiny"], default="full")
    parser.add_argument("--f0", default="crepe")
    parser.add_argument("--epochs", type=int, default=3, help="that are timed, after a step to warm up")
    parser.add_argument("--plain-steps", type=int, default=20, help="of the plain loop that are timed")
    parser.add_argument("--precision", choices=["auto", "fp32", "bf16", "fp16"], default="auto")
    parser.add_argument("--compiled", choices=["no", "yes", "cuda-graphs"], default="no")
    given = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    with tempfile.TemporaryDirectory() as folder:
        figures = measured(Path(folder), given, device)
    name = torch.cuda.get_device_name() if device.type == "cuda" else f"CPU, {torch.get_num_threads()} threads"
    print(json.dumps({**vars(given), "device": name, **figures}, indent=1))


def measured(folder: Path, given: argparse.Namespace, device: torch.device) -> dict[str, Any]:
    os.environ["VOICECAST_WEIGHTS"], os.environ["VOICECAST_CACHE"] = str(folder), str(folder / "cache")
    HubertModel(HubertConfig()).save_pretrained(folder / "content")
    encoder = ContentEncoder("content", device)
    listening = Listening(method=given.f0, crepe_hop=128, device=device)
    shape = shape_for(RATE_HZ, given.size)
    files, paths = _clips(folder, given.minutes)
    began = time.monotonic()
    clips = read_clips(files, paths, RATE_HZ, listening, encoder, lambda _: None)
    figures: dict[str, Any] = {"features_once_s": round(time.monotonic() - began, 1), "clips": len(clips)}
    material = material_of(clips)
    with torch.backends.cudnn.flags(enabled=True, benchmark=True, allow_tf32=True):
        speed = Speed(precision=given.precision, compiled=given.compiled)
        figures["ours"] = ours(material, shape, _learner(shape, given.size, speed, device), given.epochs)
    figures["plain"] = plain(
        material, shape, _learner(shape, given.size, Speed(precision="fp32"), device), (listening, encoder), given
    )
    return figures | {"times_as_fast": round(figures["plain"]["epoch_s"] / figures["ours"]["epoch_s"], 2)}


def _learner(shape: Shape, size: str, speed: Speed, device: torch.device) -> Learner:
    nothing = Beginning(generator=None, discriminator=None, thinner=64 if size == "tiny" else 1)
    return Learner(shape, nothing, speed, 0, device)


def _clips(folder: Path, minutes: float) -> tuple[tuple[File, ...], list[Path]]:
    """Harmonics whose pitch glides, so that f0 and content have something to hear."""
    time_s, paths = np.arange(CLIP_SECONDS * RATE_HZ) / RATE_HZ, []
    for number in range(max(1, round(minutes * 60 / CLIP_SECONDS))):
        phase = 2 * np.pi * np.cumsum(220 * 2 ** (0.5 * np.sin(2 * np.pi * 0.4 * time_s + number))) / RATE_HZ
        paths.append(folder / f"{number}.wav")
        soundfile.write(paths[-1], 0.1 * sum(np.sin(each * phase) / each for each in range(1, 8)), RATE_HZ)
    return tuple(File(path=path.name, sha256=sha256_of(path)) for path in paths), paths


def ours(material: Material, shape: Shape, learner: Learner, epochs: int) -> dict[str, Any]:
    """The engine's own way: features at hand, on the device where they fit; losses looked at each 25 steps."""
    lessons = Lessons(material, shape, BATCH, 0, learner.device)
    learner.step(*lessons.batch(0), 1e-4).tolist()
    steps, seen = lessons.steps_per_epoch * epochs, []

    def run() -> None:
        for number, batch in enumerate(lessons.fed(0, steps), 1):
            seen.append(learner.step(*batch, 1e-4))
            if number % 25 == 0 or number == steps:
                torch.stack(seen).tolist()
                seen.clear()

    kept = {"precision": learner.precision, "clips_on_device": lessons.on_device}
    return kept | _timed(run, steps, lessons, material)


def plain(
    material: Material,
    shape: Shape,
    learner: Learner,
    ears: tuple[Listening, ContentEncoder],
    given: argparse.Namespace,
) -> dict[str, Any]:
    lessons = Lessons(material, shape, BATCH, 0, learner.device, keep="host")
    steps = min(given.plain_steps, lessons.steps_per_epoch * given.epochs)

    def run() -> None:
        for number in range(steps):
            batch, draws = lessons.batch(number)
            learner.step(_heard_anew(batch, ears), draws, 1e-4).tolist()

    learner.step(*lessons.batch(0), 1e-4).tolist()
    return {"precision": "fp32", "steps_timed": steps} | _timed(run, steps, lessons, material)


def _heard_anew(batch: Batch, ears: tuple[Listening, ContentEncoder]) -> Batch:
    listening, encoder = ears
    contents, courses = [], []
    for samples in batch.samples.cpu().numpy():
        heard = resampled(samples, RATE_HZ, LISTEN_HZ)
        f0 = f0_of(heard, listening.method, listening.crepe_hop, listening.device)
        contents.append(torch.from_numpy(doubled(encoder.features(heard), len(f0))))
        courses.append(torch.from_numpy(f0))
    device = batch.content.device
    return Batch(
        content=torch.stack(contents).to(device),
        f0=torch.stack(courses).to(device),
        samples=batch.samples,
        lengths=batch.lengths,
        share=batch.share,
        frame_share=batch.frame_share,
    )


def _timed(run: Callable[[], None], steps: int, lessons: Lessons, material: Material) -> dict[str, Any]:
    with _busy() as busy:
        began = time.monotonic()
        run()
        seconds = time.monotonic() - began
    epoch = seconds / steps * lessons.steps_per_epoch
    return {
        "step_s": round(seconds / steps, 4),
        "epoch_s": round(epoch, 2),
        "pieces_a_second": round(lessons.pieces / epoch, 2),
        "speech_seconds_a_second": round(sum(material.lengths) / FRAMES_PER_SECOND / epoch, 1),
        "gpu_busy_percent": round(statistics.mean(busy)) if busy else None,
        "gpu_peak_mb": round(torch.cuda.max_memory_allocated() / 2**20) if torch.cuda.is_available() else None,
    }


@contextmanager
def _busy() -> Iterator[list[float]]:
    """Utilisation in percent, as nvidia-smi sees it five times a second; nothing without a GPU."""
    seen: list[float] = []
    if not torch.cuda.is_available():
        yield seen
        return
    command = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "-lms", "200", "-i", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        reader = threading.Thread(target=lambda: seen.extend(float(line) for line in child.stdout or ()), daemon=True)
        reader.start()
        try:
            yield seen
        finally:
            child.kill()
            reader.join()


if __name__ == "__main__":
    main()
