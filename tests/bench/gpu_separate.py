"""What separation is worth on a GPU: the demucs engine against the unmodified library, in one run on one sound.

`python -m tests.bench.gpu_separate` prints JSON: torch with CUDA, demucs and the engine's other wheels, no network.
Weights are of htdemucs's size and random, which changes no cost. The library's time is `apply_model` alone, on sound
in memory; the engine's is the whole stage, from FLAC to the stems' FLAC. `sdr_change_db`: what the engine's difference
to the library's float32 vocals makes of an SDR of 8 dB (a truth is made that they reach it by).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch

from containers.contract.item import Item, sha256_of
from containers.contract.stages import File, SeparateRequest
from tests.bench.demucs_cost import FULL, SEGMENT
from tests.bench.gpu_watch import busy, device_name, profile, spent

RATE_HZ = 44100
SDR_DB = 8.0
SETTINGS = ("float32", "bfloat16", "float16")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=24.0)
    parser.add_argument("--size", choices=["full", "tiny"], default="full")
    parser.add_argument("--settings", nargs="+", default=list(SETTINGS), help="precisions to compare")
    parser.add_argument(
        "--files", type=int, default=3, help="recordings of that length in one start, measured too; 0: none"
    )
    parser.add_argument("--profile", type=Path, help="folder for tables of where the time goes")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="voicecast-bench-") as name:
        figures = measured(Path(name), given)
    print(json.dumps({"minutes": given.minutes, "size": given.size, "device": device_name(), **figures}))


def measured(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    os.environ["VOICECAST_WEIGHTS"] = str(folder / "weights")
    _lay_weights(folder / "weights" / "htdemucs", given.size)
    seconds = 60 * given.minutes
    item = _asked(folder / "long", _sound(seconds))
    warm = _asked(folder / "short", _sound(min(seconds, 120.0)))
    rows: dict[str, Any] = {}
    rows["library"], expected = by_the_library(folder / "weights" / "htdemucs", item, warm, seconds)
    for precision in given.settings if torch.cuda.is_available() else ["float32"]:
        rows[precision], vocals = by_the_engine(precision, item, warm, seconds, given.profile)
        rows[precision] |= compared(vocals, expected)
        rows[precision]["times_as_fast"] = round(rows["library"]["seconds"] / rows[precision]["seconds"], 2)
    if not given.files:
        return rows
    rows["several"] = several(
        given.settings[0], [_copy(item, folder / str(each)) for each in range(given.files)], seconds
    )
    rows["at_48_khz"] = several(given.settings[0], [_asked(folder / "48", _sound(seconds, 48000), 48000)], seconds)
    return rows


def several(precision: str, items: list[Item], seconds: float) -> dict[str, Any]:
    """Recordings in one start of the engine; it is warm already."""
    from containers.demucs import backend

    options = backend.setup(backend.Options(model="htdemucs", precision=precision))
    backend._model(options)
    began = time.monotonic()
    with busy() as seen:
        answers = list(backend.separate_many(options, iter([(_request(item), item) for item in items])))
        taken = time.monotonic() - began
    failed = [answer for _, answer in answers if isinstance(answer, Exception)]
    if failed:
        raise failed[0]
    rate = seconds * len(items) / taken
    return {"files": len(items), "seconds": round(taken, 2), "x_realtime": round(rate, 1), **spent(seen)}


def by_the_library(weights: Path, item: Item, warm: Item, seconds: float) -> tuple[dict[str, Any], np.ndarray]:
    """As `demucs.api.Separator` calls it: one segment at a time, all sources, the whole sound in memory."""
    from demucs.apply import apply_model
    from demucs.hf import load_safetensors_model

    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = load_safetensors_model(next(weights.glob("*.safetensors"))).eval()
    vocals = model.sources.index("vocals")

    def separated(of: Item) -> tuple[float, np.ndarray]:
        mix = torch.from_numpy(soundfile.read(of.path / "in" / "recording.flac", dtype="float32")[0].T)
        level = mix.mean(0)
        mean, spread = level.mean(), level.std() + 1e-8
        began = time.monotonic()
        with torch.no_grad():
            found = apply_model(model, ((mix - mean) / spread)[None], shifts=0, overlap=0.25, device=device)
        taken = time.monotonic() - began
        return taken, (found[0, vocals].cpu() * spread + mean).numpy()

    separated(warm)
    with busy() as seen:
        taken, found = separated(item)
    return {"seconds": round(taken, 2), "x_realtime": round(seconds / taken, 1), **spent(seen)}, found


def by_the_engine(
    precision: str, item: Item, warm: Item, seconds: float, tables: Path | None
) -> tuple[dict[str, Any], np.ndarray]:
    from containers.demucs import backend

    options = backend.setup(backend.Options(model="htdemucs", precision=precision))
    began = time.monotonic()
    backend.separate(options, _request(warm), warm)
    first = time.monotonic() - began
    model, inside = backend._model(options), [0.0]
    heard = model._heard

    def timed(segments: Any) -> Any:
        start = time.monotonic()
        found = heard(segments)
        inside[0] += time.monotonic() - start
        return found

    model._heard = timed  # type: ignore[method-assign]
    cpu, began = time.process_time(), time.monotonic()
    with busy() as seen:
        result = backend.separate(options, _request(item), item)
        taken = time.monotonic() - began
    row = {
        "seconds": round(taken, 2),
        "x_realtime": round(seconds / taken, 1),
        "seconds_in_the_model": round(inside[0], 2),
        "cpu_seconds": round(time.process_time() - cpu, 1),
        "segments_at_once": model.at_once,
        "first_two_minutes_s": round(first, 1),
        **spent(seen),
    }
    if tables:
        profile(lambda: backend.separate(options, _request(warm), warm), tables / f"separate_{precision}.txt")
    backend._model.cache_clear()
    vocals = soundfile.read(item.path / result.vocals.path, dtype="float32")[0].T
    del model
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return row, vocals


def compared(vocals: np.ndarray, expected: np.ndarray) -> dict[str, float]:
    """How far below the library's vocals the difference to them lies, and what it makes of an SDR of 8 dB."""
    noise = np.random.default_rng(1).standard_normal(expected.shape[1], dtype=np.float32)
    noise *= np.float32(np.sqrt(np.mean(expected**2)) * 10 ** (-SDR_DB / 20))
    truth = expected + noise
    before, after = _ratio_db(truth, truth - expected), _ratio_db(truth, truth - vocals)
    return {
        "difference_db": round(_ratio_db(expected, expected - vocals), 1),
        "sdr_change_db": round(after - before, 4),
    }


def _ratio_db(signal: np.ndarray, rest: np.ndarray) -> float:
    powers = [float(np.mean(np.square(each, dtype=np.float64))) for each in (signal, rest)]
    return float(10 * np.log10(powers[0] / max(powers[1], 1e-30)))


def _lay_weights(folder: Path, size: str) -> None:
    from demucs.htdemucs import HTDemucs

    from tests.contract.tiny import demucs as tiny
    from tests.engines.demucs.tiny import lay

    torch.manual_seed(20261122)
    lay(folder, [HTDemucs(tiny.SOURCES, segment=SEGMENT, **(FULL if size == "full" else tiny.TINY))])


def _sound(seconds: float, rate_hz: int = RATE_HZ) -> np.ndarray:
    """Noisy tones, a minute of them again and again at another level."""
    from tests.engines.demucs.sounds import music

    minute = music(min(60.0, seconds), 1)
    times = int(np.ceil(seconds * rate_hz / len(minute)))
    levels = np.random.default_rng(2).uniform(0.3, 1.0, times)
    return np.concatenate([level * minute for level in levels])[: round(seconds * rate_hz)].astype(np.float32)


def _asked(folder: Path, sound: np.ndarray, rate_hz: int = RATE_HZ) -> Item:
    (folder / "in").mkdir(parents=True)
    soundfile.write(folder / "in" / "recording.flac", sound, rate_hz, subtype="PCM_24")
    return Item(folder)


def _copy(item: Item, folder: Path) -> Item:
    (folder / "in").mkdir(parents=True)
    shutil.copy(item.path / "in" / "recording.flac", folder / "in")
    return Item(folder)


def _request(item: Item) -> SeparateRequest:
    path = item.path / "in" / "recording.flac"
    return SeparateRequest(recording=File(path="in/recording.flac", sha256=sha256_of(path)), bit_depth=24)


if __name__ == "__main__":
    main()
