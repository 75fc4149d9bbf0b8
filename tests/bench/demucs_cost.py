"""What separation by demucs costs: ours against the library's own command, and many segments at once against one.

`<engine's python> -m tests.bench.demucs_cost` prints JSON. Weights are random, of htdemucs's full size (or tiny):
time and memory do not ask what a model has learnt. Both commands run as a user would start them, each in a process
of its own, on the CPU, with the same number of threads; seconds are CPU seconds, so that other work on the machine
spoils them less. Batches are measured where there is a GPU (`--batches`: here too).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FULL = {"channels": 48, "t_layers": 5, "t_heads": 8, "bottom_channels": 512, "dconv_mode": 3}
"""What makes an HTDemucs of 42.0 M parameters, as htdemucs is; the rest are the library's defaults."""
SEGMENT = Fraction(39, 5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="length of the recording")
    parser.add_argument("--model", choices=["full", "tiny"], default="full")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batches", action="store_true", help="measure batches without a GPU too, and nothing else")
    parser.add_argument("--prepare", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--compare", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.prepare:
        prepare(chosen.prepare, chosen.model, chosen.seconds)
    elif chosen.compare:
        print(json.dumps(compare(chosen.compare, chosen.seconds)))
    else:
        print(json.dumps(measure(chosen), indent=1))


def measure(chosen: argparse.Namespace) -> dict[str, Any]:
    """This process stays small: what a child is said to have used begins with what its parent had."""
    with tempfile.TemporaryDirectory(prefix="voicecast-bench-") as name:
        folder = Path(name)
        os.environ |= {
            "OMP_NUM_THREADS": str(chosen.threads),
            "VOICECAST_WEIGHTS": str(folder / "weights"),
            "VOICECAST_CACHE": str(folder / "cache"),
            "HF_HOME": str(folder),
            "HF_HUB_OFFLINE": "1",
        }
        own = [sys.executable, "-m", "tests.bench.demucs_cost", "--seconds", str(chosen.seconds)]
        run([*own, "--model", chosen.model, "--prepare", name])
        figures: dict[str, Any] = {"model": chosen.model, "seconds": chosen.seconds, "threads": chosen.threads}
        if not chosen.batches:
            figures |= against_the_command(folder, chosen.seconds)
        if chosen.batches or _has_gpu():
            done = subprocess.run([*own, "--compare", name], check=True, cwd=ROOT, stdout=subprocess.PIPE)
            figures["batches"] = json.loads(done.stdout.splitlines()[-1])
        else:
            figures["batches"] = "not measured: no GPU"
    return figures


def against_the_command(folder: Path, seconds: float) -> dict[str, Any]:
    """Both on the CPU; the library's command writes vocals and the rest, as the engine does."""
    recording = folder / "work" / "items" / "one" / "in" / "recording.flac"
    quiet = {"CUDA_VISIBLE_DEVICES": ""}
    ours = run([sys.executable, "-m", "containers.contract", "demucs", str(folder / "work")], **quiet)
    if not (folder / "work" / "items" / "one" / "result.json").exists():
        raise SystemExit((folder / "work" / "items" / "one" / "error.json").read_text("utf-8"))
    stems = ["--two-stems", "vocals", "--other-method", "minus"]
    command = [sys.executable, "-m", "demucs", "-n", "htdemucs", "-d", "cpu", "--shifts", "0", *stems]
    theirs = run([*command, "-o", str(folder / "separated"), str(recording)], **quiet)
    return {
        name: {
            "cpu_seconds_per_second": round(cost["cpu_seconds"] / seconds, 3),
            "wall_seconds": round(cost["wall_seconds"], 1),
            "peak_memory_mb": round(cost["peak_memory_mb"]),
        }
        for name, cost in (("ours", ours), ("library_command", theirs))
    } | {
        "ours_over_library": {
            each: round(ours[each] / theirs[each], 3) for each in ("cpu_seconds", "wall_seconds", "peak_memory_mb")
        }
    }


def run(command: list[str], **more: str) -> dict[str, float]:
    """What a process used, with the programs it started."""
    began = time.monotonic()
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ | more, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return {
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "wall_seconds": time.monotonic() - began,
        "peak_memory_mb": used.ru_maxrss / 1024,
    }


def _has_gpu() -> bool:
    look = "import sys, torch; sys.exit(not torch.cuda.is_available())"
    return subprocess.run([sys.executable, "-c", look], check=False).returncode == 0


# ---------------------------------------------------------------- in a process of its own


def prepare(folder: Path, size: str, seconds: float) -> None:
    """A model in the weights folder and in the hub's cache, and an item that asks for the stems of noisy tones."""
    import torch
    from demucs.htdemucs import HTDemucs

    from containers.contract.codec import canonical, encode
    from containers.contract.stages import CONTRACT
    from tests.contract.tiny import demucs as tiny
    from tests.engines.demucs.sounds import asked, music
    from tests.engines.demucs.tiny import lay, lay_hub

    torch.manual_seed(20261122)
    shape = FULL if size == "full" else tiny.TINY
    lay(folder / "weights" / "htdemucs", [HTDemucs(tiny.SOURCES, segment=SEGMENT, **shape)])
    lay_hub(folder / "weights", "htdemucs", folder / "hub")
    item = folder / "work" / "items" / "one"
    request, _ = asked(item, music(seconds, 1))
    envelope = {"contract": CONTRACT, "stage": "separate", "request": encode(request)}
    (item / "request.json").write_text(canonical(envelope), "utf-8")
    (folder / "work" / "options.json").write_text(canonical({"model": "htdemucs"}), "utf-8")


def compare(folder: Path, seconds: float) -> dict[str, Any]:
    """One segment at a time against many, and half precision where the device has it, in one process.

    Each setting runs twice and the second time counts; `difference_db`: level of the vocals of float32, one by one,
    over that of what a setting changes in them.
    """
    import torch

    gpu = torch.cuda.is_available()
    settings = [("float32", 1), ("float32", 0 if gpu else 4)]
    if gpu:
        settings += [(precision, at_once) for precision in ("bfloat16", "float16") for at_once in (1, 0)]
    elif torch.ops.mkldnn._is_mkldnn_bf16_supported():
        settings.append(("bfloat16", 1))
    rows, first = [], None
    for precision, at_once in settings:
        row, vocals = _separated(folder, precision, at_once)
        first = vocals if first is None else first
        distance = float(((vocals - first) ** 2).mean())
        row["difference_db"] = round(_db(float((first**2).mean()) / distance), 1) if distance else None
        row["x_realtime"] = round(seconds / row["wall_seconds"], 2)
        rows.append(row)
    name = torch.cuda.get_device_name() if gpu else "cpu"
    return {"device": name, "torch": torch.__version__, "settings": rows}


def _separated(folder: Path, precision: str, at_once: int) -> tuple[dict[str, Any], Any]:
    import soundfile
    import torch

    from containers.contract.item import Item
    from containers.demucs import backend
    from tests.engines.demucs.sounds import request

    item = Item(folder / "work" / "items" / "one")
    options = backend.setup(backend.Options(model="htdemucs", precision=precision, segments_at_once=at_once))
    for _ in range(2):
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
        began, cpu = time.monotonic(), time.process_time()
        result = backend.separate(options, request(item.path, 24), item)
        row = {
            "precision": precision,
            "at_once": backend._model(options).at_once,
            "wall_seconds": round(time.monotonic() - began, 2),
            "cpu_seconds": round(time.process_time() - cpu, 2),
        }
    if torch.cuda.is_available():
        row["gpu_memory_mb"] = round(torch.cuda.max_memory_allocated() / 2**20)
    backend._model.cache_clear()
    return row, soundfile.read(item.path / result.vocals.path, dtype="float64")[0]


def _db(ratio: float) -> float:
    import math

    return 10 * math.log10(ratio)


if __name__ == "__main__":
    main()
