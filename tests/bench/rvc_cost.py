"""What rvc costs at full size, with random weights: `.engines/rvc/bin/python -m tests.bench.rvc_cost convert|train`.

Weights do not change the cost. Run by hand: on a GPU it says what a night is worth, on a CPU what to expect.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile
import torch
from transformers import HubertConfig, HubertModel

from containers.contract.item import Item, sha256_of
from containers.contract.stages import ConvertRequest, File
from containers.rvc import backend
from containers.rvc.batches import Lessons
from containers.rvc.clips import Clip
from containers.rvc.files import write_voice
from containers.rvc.generator import Generator
from containers.rvc.learner import Beginning, Learner, Precision
from containers.rvc.shape import Size, shape_for


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["convert", "train"])
    parser.add_argument("--minutes", type=float, default=1.0, help="of source, or of clips to learn from")
    parser.add_argument("--size", choices=["full", "tiny"], default="full")
    parser.add_argument("--f0", default="dio")
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--precision", choices=["fp32", "bf16", "fp16"], default="fp32")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if given.what == "convert":
            figures = convert(Path(folder), given.minutes, given.size, given.f0)
        else:
            figures = train(given.minutes, given.size, given.steps, given.precision)
    print(json.dumps({**vars(given), "threads": torch.get_num_threads(), **figures}))


def convert(folder: Path, minutes: float, size: Size, f0: str) -> dict[str, float]:
    os.environ["VOICECAST_WEIGHTS"], os.environ["VOICECAST_CACHE"] = str(folder), str(folder / "cache")
    HubertModel(HubertConfig()).save_pretrained(folder / "content")
    shape = shape_for(40000, size)
    (folder / "item" / "in").mkdir(parents=True)
    voice = write_voice(folder / "item" / "in" / "v.pth", shape, Generator(shape, listening=False).state_dict(), "")
    source = folder / "item" / "in" / "source.wav"
    with soundfile.SoundFile(source, "w", 48000, 1) as out:
        drawn = np.random.default_rng(0)
        for _ in range(round(6 * minutes)):
            out.write(0.05 * drawn.normal(size=480000))
    model = backend.setup(backend.Options(content="content", pretrained="", f0=f0))
    sent = [File(path=f"in/{each.name}", sha256=sha256_of(each)) for each in (source, voice)]
    model.encoder.features(np.zeros(16000, np.float32))
    before, used = time.monotonic(), time.process_time()
    backend.convert(model, ConvertRequest(source=sent[0], voice=(sent[1],)), Item(folder / "item"))
    seconds = time.monotonic() - before
    return {
        "seconds": round(seconds, 1),
        "cpu_seconds": round(time.process_time() - used, 1),
        "times_realtime": round(60 * minutes / seconds, 3),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def train(minutes: float, size: Size, steps: int, precision: Precision) -> dict[str, float]:
    """Clips of 4 s, features already there; one step to warm up."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    shape, drawn = shape_for(40000, size), np.random.default_rng(0)
    clips = [
        Clip(
            sha256=str(number),
            samples=(0.1 * drawn.normal(size=400 * shape.hop)).astype(np.float32),
            content=drawn.normal(size=(200, 768)).astype(np.float16),
            f0=np.full(400, 200, np.float32),
        )
        for number in range(round(15 * minutes))
    ]
    learner = Learner(shape, size == "tiny", Beginning(generator=None, discriminator=None), precision, 0, device)
    lessons = Lessons(clips, shape, 8, 0, device)
    before = used = 0.0
    for step in range(steps + 1):
        if step == 1:
            before, used = time.monotonic(), time.process_time()
        learner.step(*lessons.batch(step), 1e-4).tolist()
    a_step = (time.monotonic() - before) / steps
    return {
        "seconds_a_step": round(a_step, 3),
        "cpu_seconds_a_step": round((time.process_time() - used) / steps, 3),
        "seconds_an_epoch": round(a_step * lessons.steps_per_epoch, 1),
        "clips_a_second": round(8 / a_step, 2),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "gpu_peak_mb": round(torch.cuda.max_memory_allocated() / 2**20) if device.type == "cuda" else 0,
    }


if __name__ == "__main__":
    main()
