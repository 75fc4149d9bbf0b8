"""What converting costs with rvc at full size: `.engines/rvc/bin/python -m tests.bench.rvc_cost --minutes 10`.

Random weights, which do not change the cost. Training is timed by rvc_gpu.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from transformers import HubertConfig, HubertModel

from containers.contract.item import Item, sha256_of
from containers.contract.stages import ConvertRequest, File
from containers.rvc import backend
from containers.rvc.files import write_voice
from containers.rvc.generator import Generator
from containers.rvc.shape import Size, shape_for
from tests.bench.gpu_watch import busy, crepe_at_hand, device_name, spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0, help="of source")
    parser.add_argument("--size", choices=["full", "tiny"], default="full")
    parser.add_argument("--f0", default="dio")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = convert(Path(folder), given.minutes, given.size, given.f0)
    print(json.dumps({**vars(given), "device": device_name(), **figures}))


def convert(folder: Path, minutes: float, size: Size, f0: str) -> dict[str, Any]:
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
    crepe = crepe_at_hand(model.device) if f0 == "crepe" else None
    if model.device.type == "cuda":
        backend.convert(model, ConvertRequest(source=_short(folder, sent[0]), voice=(sent[1],)), Item(folder / "item"))
    before, used = time.monotonic(), time.process_time()
    with busy() as seen:
        backend.convert(model, ConvertRequest(source=sent[0], voice=(sent[1],)), Item(folder / "item"))
        seconds = time.monotonic() - before
    return {
        "seconds": round(seconds, 1),
        "cpu_seconds": round(time.process_time() - used, 1),
        "times_realtime": round(60 * minutes / seconds, 3),
        "crepe": crepe,
        **spent(seen),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def _short(folder: Path, source: File) -> File:
    """The source's first 20 s: a GPU is slower at what it does for the first time."""
    path = folder / "item" / "in" / "short.wav"
    samples, rate_hz = soundfile.read(folder / "item" / source.path, stop=960_000)
    soundfile.write(path, samples, rate_hz)
    return File(path="in/short.wav", sha256=sha256_of(path))


if __name__ == "__main__":
    main()
