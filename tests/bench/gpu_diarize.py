"""What diarization is worth on a GPU: the pyannote engine against the library's own pipeline, in one run.

`python -m tests.bench.gpu_diarize` prints JSON: torch with CUDA, pyannote.audio and the engine's other wheels, no
network. Models are of community-1's size with random weights, the last layer of the segmentation fitted to two made
voices, so that there are turns to compare. Both hear the same sound; `same_turns` says whether both name the same.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import containers.pyannote  # noqa: F401 (telemetry off)

# isort: split
import numpy as np
import soundfile
import torch
from pyannote.audio import Model, Pipeline
from pyannote.audio.core.task import Problem, Resolution, Specifications
from pyannote.audio.models.segmentation import PyanNet

from containers.contract.item import Item, sha256_of
from containers.contract.stages import DiarizeRequest, File
from containers.pyannote import backend, sound
from containers.pyannote.diarization import _spoken
from containers.pyannote.taking import taken
from tests.bench.gpu_watch import busy, device_name, profile, spent
from tests.contract.tiny import pyannote as tiny

FULL = {"hidden_size": 128, "num_layers": 4, "bidirectional": True, "dropout": 0.5, "monolithic": True}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=24.0)
    parser.add_argument("--files", type=int, default=3, help="recordings of that length in one start of the engine")
    parser.add_argument("--size", choices=["full", "tiny"], default="full")
    parser.add_argument("--profile", type=Path, help="folder for tables of where the time goes")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="voicecast-bench-") as name:
        figures = measured(Path(name), given)
    print(json.dumps({"minutes": given.minutes, "size": given.size, "device": device_name(), **figures}))


def measured(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    weights = folder / "weights" / "speaker-diarization-community-1"
    _lay_weights(weights, given.size)
    seconds = 60 * given.minutes
    items = [_asked(folder / str(each), tiny.conversation(seconds, 7 + 1000 * each)) for each in range(given.files)]
    warm = _asked(folder / "warm", tiny.conversation(30.0, 3))
    theirs, expected = by_the_library(weights, items[:1], warm, seconds)
    ours, found = by_the_engine(weights, items, warm, seconds, given.profile)
    expected_turns = taken(*expected[0], sound.read(items[0].path / "in" / "vocals.flac").size / sound.RATE_HZ)
    return {
        "library": theirs,
        "engine": ours,
        "times_as_fast": round(ours["x_realtime"] / theirs["x_realtime"], 2),
        "turns": len(found[0].turns),
        "speakers": len({turn.speaker for turn in found[0].turns}),
        "same_turns": found[0].turns == expected_turns.turns and found[0].exclusive == expected_turns.exclusive,
        "differing_seconds": _differing(found[0].turns, expected_turns.turns),
    }


def by_the_library(weights: Path, items: Sequence[Item], warm: Item, seconds: float) -> tuple[dict[str, Any], Any]:
    pipeline = Pipeline.from_pretrained(weights)
    pipeline.to(_device())

    def heard(item: Item) -> Any:
        samples = sound.read(item.path / "in" / "vocals.flac")
        return pipeline({"waveform": torch.from_numpy(samples)[None], "sample_rate": sound.RATE_HZ, "uri": "x"})

    heard(warm)
    row, found = _timed(lambda: [heard(item) for item in items], seconds * len(items))
    return row, [(_spoken(each.speaker_diarization), _spoken(each.exclusive_speaker_diarization)) for each in found]


def by_the_engine(
    weights: Path, items: Sequence[Item], warm: Item, seconds: float, tables: Path | None
) -> tuple[dict[str, Any], Any]:
    import os

    os.environ["VOICECAST_WEIGHTS"] = str(weights.parent)
    model = backend.setup(backend.Options(model=weights.name, embedding=weights.name))
    _all(model, [warm])
    alone, _ = _timed(lambda: _all(model, items[:1]), seconds)
    row, found = _timed(lambda: _all(model, items), seconds * len(items))
    if tables:
        profile(lambda: _all(model, items[:1]), tables / "diarize.txt")
    return {"files": len(items), **row, "one_file_alone": alone}, found


def _all(model: Any, items: Sequence[Item]) -> list[Any]:
    answers = dict(backend.diarize_many(model, iter([(_request(item), item) for item in items])))
    return [answers[item] for item in items]


def _timed(work: Callable[[], Any], seconds: float) -> tuple[dict[str, Any], Any]:
    cpu, began = time.process_time(), time.monotonic()
    with busy() as seen:
        found = work()
        taken_s = time.monotonic() - began
    return {
        "seconds": round(taken_s, 2),
        "x_realtime": round(seconds / taken_s, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
        **spent(seen),
    }, found


def _differing(ours: Sequence[Any], theirs: Sequence[Any]) -> float:
    """Seconds that one of the two gives to a speaker and the other does not, in steps of 10 ms."""
    end = max([turn.end for turn in (*ours, *theirs)], default=0.0)
    names = sorted({turn.speaker for turn in (*ours, *theirs)})
    grids = [np.zeros((len(names), round(end * 100) + 1), bool) for _ in range(2)]
    for grid, turns in zip(grids, (ours, theirs), strict=True):
        for turn in turns:
            grid[names.index(turn.speaker), round(turn.start * 100) : round(turn.end * 100)] = True
    return round(float((grids[0] != grids[1]).sum()) / 100, 2)


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _lay_weights(folder: Path, size: str) -> None:
    if size == "tiny":
        tiny.community(folder)
    else:
        tiny.save(_segmentation(), folder / "segmentation")
        tiny.save(tiny.embedding(), folder / "embedding")
        tiny.plda(folder / "plda")
    (folder / "config.yaml").write_text(
        tiny.COMMUNITY_1.replace("    segmentation_step: 0.5\n", "    segmentation_step: 0.1\n"), "utf-8"
    )


def _segmentation() -> Model:
    torch.manual_seed(1)
    model = PyanNet(lstm=FULL, linear={"hidden_size": 128, "num_layers": 2})
    model.specifications = Specifications(
        problem=Problem.MONO_LABEL_CLASSIFICATION,
        resolution=Resolution.FRAME,
        duration=10.0,
        classes=["speaker#1", "speaker#2", "speaker#3"],
        powerset_max_classes=2,
        permutation_invariant=True,
    )
    model.setup()
    model.eval()
    tiny._fit(model)
    return model


def _asked(folder: Path, samples: np.ndarray) -> Item:
    (folder / "in").mkdir(parents=True)
    soundfile.write(folder / "in" / "vocals.flac", np.clip(samples, -1, 1), sound.RATE_HZ, subtype="PCM_24")
    return Item(folder)


def _request(item: Item) -> DiarizeRequest:
    path = item.path / "in" / "vocals.flac"
    return DiarizeRequest(vocals=File(path="in/vocals.flac", sha256=sha256_of(path)))


if __name__ == "__main__":
    main()
