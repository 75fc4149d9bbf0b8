"""What a night on a GPU is worth: rvc's training against a plain loop, in one run, on the same clips and weights.

`.engines/rvc/bin/python -m tests.bench.rvc_gpu` wants torch with CUDA and the engine's wheels, and no network: clips
are made here, and weights are random, which changes no cost. Features are heard in some of the clips, which then come
again and again to the wanted length. The plain loop is fp32 and hears content and f0 of each piece anew, one by one,
each time it comes along. JSON is printed after each way, what was measured before in it. On a CPU (`--size tiny
--minutes 0.2 --heard-minutes 0.2 --epochs 1 --plain-steps 1 --f0 dio`) it shows that it works, and no more.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
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
from tests.bench.gpu_watch import busy, crepe_at_hand, device_name, profile, spent

RATE_HZ, BATCH, EPOCHS = 40000, 8, 500
CLIP_SECONDS = (1.7, 2.6, 3.4, 4.0, 5.1, 6.3, 7.9)
"""Lengths of clips, in turn."""
MEAN_SECONDS = sum(CLIP_SECONDS) / len(CLIP_SECONDS)
WAYS = {"graphs": (True, False), "steps": (False, False), "graphs_tuned": (True, True), "steps_tuned": (False, True)}
"""Whether steps are recorded as CUDA graphs, and whether cuDNN tries all its algorithms for each shape first."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=25.0, help="of clips to learn from")
    parser.add_argument("--size", choices=["full", "tiny"], default="full")
    parser.add_argument("--f0", default="crepe")
    parser.add_argument("--epochs", type=int, default=3, help="that are timed, after two to warm up")
    parser.add_argument("--plain-steps", type=int, default=20, help="of the plain loop that are timed")
    parser.add_argument("--precision", choices=["auto", "fp32", "bf16", "fp16"], default="auto")
    parser.add_argument("--ways", nargs="+", choices=[*WAYS, "plain"], default=["graphs", "plain", "steps"])
    parser.add_argument("--heard-minutes", type=float, default=3.0, help="of clips that features are heard in")
    parser.add_argument("--profile", type=Path, help="folder for tables of where the time goes")
    given = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    asked = {name: value for name, value in vars(given).items() if name != "profile"}
    with tempfile.TemporaryDirectory() as folder:
        for figures in measured(Path(folder), given, device):
            print(json.dumps({**asked, "device": device_name(), **figures}), flush=True)


def measured(folder: Path, given: argparse.Namespace, device: torch.device) -> Iterator[dict[str, Any]]:
    os.environ["VOICECAST_WEIGHTS"], os.environ["VOICECAST_CACHE"] = str(folder), str(folder / "cache")
    HubertModel(HubertConfig()).save_pretrained(folder / "content")
    encoder = ContentEncoder("content", device)
    crepe = crepe_at_hand(device) if given.f0 == "crepe" else None
    listening = Listening(method=given.f0, crepe_hop=128, device=device)
    shape = shape_for(RATE_HZ, given.size)
    files, paths = _clips(folder, given.heard_minutes)
    read_clips(files[:2], paths[:2], RATE_HZ, listening, encoder, lambda _: None)
    began = time.monotonic()
    heard = read_clips(files[2:], paths[2:], RATE_HZ, listening, encoder, lambda _: None)
    rate = sum(clip.seconds for clip in heard) / (time.monotonic() - began)
    clips = (heard * round(given.minutes / given.heard_minutes + 1))[: round(60 * given.minutes / MEAN_SECONDS)]
    figures: dict[str, Any] = {"features_x_realtime": round(rate, 1), "clips": len(clips), "crepe": crepe}
    material = material_of(clips)
    for way in given.ways:
        if way == "plain":
            learner = _learner(shape, given.size, Speed(precision="fp32", cuda_graphs=False), device)
            figures[way] = plain(material, shape, learner, (listening, encoder), given)
        else:
            graphs, tuned = WAYS[way]
            with torch.backends.cudnn.flags(enabled=True, benchmark=tuned, allow_tf32=True):
                learner = _learner(shape, given.size, Speed(precision=given.precision, cuda_graphs=graphs), device)
                row = ours(material, shape, learner, given.epochs, given.profile)
            minutes = given.minutes / rate + EPOCHS * row["epoch_s"] / 60
            figures[way] = row | {"minutes_to_a_voice": round(minutes, 1)}
        del learner
        _compare(figures)
        yield figures


def _compare(figures: dict[str, Any]) -> None:
    ways = [figures[way]["epoch_s"] for way in WAYS if way in figures]
    if "plain" in figures and ways:
        figures["times_as_fast"] = round(figures["plain"]["epoch_s"] / min(ways), 2)


def _learner(shape: Shape, size: str, speed: Speed, device: torch.device) -> Learner:
    nothing = Beginning(generator=None, discriminator=None, thinner=64 if size == "tiny" else 1)
    return Learner(shape, nothing, speed, 0, device)


def _clips(folder: Path, minutes: float) -> tuple[tuple[File, ...], list[Path]]:
    """Harmonics whose pitch glides, so that f0 and content have something to hear."""
    paths: list[Path] = []
    left = 60 * minutes
    while left > 0:
        number, seconds = len(paths), CLIP_SECONDS[len(paths) % len(CLIP_SECONDS)]
        left -= seconds
        time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
        phase = 2 * np.pi * np.cumsum(220 * 2 ** (0.5 * np.sin(2 * np.pi * 0.4 * time_s + number))) / RATE_HZ
        paths.append(folder / f"{number}.wav")
        soundfile.write(paths[-1], 0.1 * sum(np.sin(each * phase) / each for each in range(1, 8)), RATE_HZ)
    return tuple(File(path=path.name, sha256=sha256_of(path)) for path in paths), paths


def ours(material: Material, shape: Shape, learner: Learner, epochs: int, tables: Path | None = None) -> dict[str, Any]:
    """The engine's own way: features at hand, on the device where they fit; losses looked at each 25 steps."""
    lessons = Lessons(material, shape, BATCH, 0, learner.device)
    each, seen = lessons.steps_per_epoch, []

    def run(first: int, steps: int) -> None:
        for number, batch in enumerate(lessons.fed(first, first + steps), 1):
            seen.append(learner.step(*batch, 1e-4))
            if number % 25 == 0 or number == steps:
                torch.stack(seen).tolist()
                seen.clear()

    began = time.monotonic()
    run(0, 1)
    first = {"first_step_s": round(time.monotonic() - began, 1)}
    print(learner.precision, learner._recorded, first, file=sys.stderr, flush=True)
    if tables:
        profile(lambda: run(1, 1), tables / f"rvc_{'graphs' if learner._recorded else 'steps'}.txt")
    began = time.monotonic()
    run(2, 2 * each - 2)
    first |= {"first_two_epochs_s": round(time.monotonic() - began, 1)}
    print(learner.precision, learner._recorded, first, file=sys.stderr, flush=True)
    kept = {"precision": learner.precision, "clips_on_device": lessons.on_device}
    return first | kept | _timed(lambda: run(2 * each, epochs * each), epochs * each, lessons, material)


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
    with busy() as seen:
        began = time.monotonic()
        run()
        seconds = time.monotonic() - began
    epoch = seconds / steps * lessons.steps_per_epoch
    return {
        "step_s": round(seconds / steps, 4),
        "epoch_s": round(epoch, 2),
        "pieces_a_second": round(lessons.pieces / epoch, 2),
        "speech_seconds_a_second": round(sum(material.lengths) / FRAMES_PER_SECOND / epoch, 1),
        **spent(seen),
    }


if __name__ == "__main__":
    main()
