"""What pyannote costs: this engine against the library's own call, same models, same sound, same run.

    PYTHONPATH=. .engines/pyannote/bin/python tests/bench/pyannote_cost.py [SOUND] [--seconds 30] [--threads 1]

The models have the size of speaker-diarization-community-1's and random weights: the cost is the real one, what
is heard is not. Without SOUND two synthetic voices speak.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import containers.pyannote  # noqa: F401 (telemetry off)

# isort: split
import torch
from pyannote.audio.core.plda import PLDA
from pyannote.audio.core.task import Problem, Resolution, Specifications
from pyannote.audio.models.segmentation import PyanNet
from pyannote.audio.pipelines import SpeakerDiarization

from containers.pyannote import sound
from containers.pyannote.once_a_chunk import Diarizer
from containers.pyannote.voiceprint import Voiceprint
from tests.contract.tiny import pyannote as tiny


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sound", type=Path, nargs="?")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    samples = sound.read(options.sound) if options.sound else tiny.conversation(options.seconds)
    samples = samples[: round(options.seconds * sound.RATE_HZ)]
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    at_once = 32 if device.type == "cuda" else 4
    seconds = len(samples) / sound.RATE_HZ
    file = {"waveform": torch.from_numpy(samples)[None], "sample_rate": sound.RATE_HZ}
    ours, theirs = Diarizer(_pipeline(), device, at_once), _pipeline()
    theirs.to(device)
    theirs.segmentation_batch_size = theirs.embedding_batch_size = 32  # as community-1's config.yaml
    voiceprint = Voiceprint(tiny.embedding(), "random", device, at_once)
    turns = [samples[first : first + 3 * sound.RATE_HZ] for first in range(0, len(samples), 3 * sound.RATE_HZ)]
    alone = Voiceprint(tiny.embedding(), "random", device, at_once)
    found = {
        "diarize, this engine": _timed(lambda: ours(samples, lambda _: None), seconds),
        "diarize, the library": _timed(lambda: theirs(dict(file)), seconds),
        "embed, turns of 3 s together": _timed(lambda: list(voiceprint.vectors(turns)), seconds),
        "embed, one by one": _timed(lambda: [list(alone.vectors([each])) for each in turns], seconds),
    }
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    about = {"device": str(device), "threads": options.threads, "sound_seconds": seconds, "peak_memory_mb": round(peak)}
    print(json.dumps({**about, **found}, indent=1))


def _pipeline() -> SpeakerDiarization:
    torch.manual_seed(0)
    model = PyanNet(
        lstm={"hidden_size": 128, "num_layers": 4, "bidirectional": True, "dropout": 0.5, "monolithic": True},
        linear={"hidden_size": 128, "num_layers": 2},
    )
    model.specifications = Specifications(
        problem=Problem.MONO_LABEL_CLASSIFICATION,
        resolution=Resolution.FRAME,
        duration=10.0,
        classes=["speaker#1", "speaker#2", "speaker#3"],
        powerset_max_classes=2,
        permutation_invariant=True,
    )
    model.setup()
    with torch.no_grad():
        model.classifier.weight *= 30  # several of the random classes are heard
    pipeline = SpeakerDiarization(
        segmentation=model.eval(),
        embedding=tiny.embedding(),
        plda=PLDA.__new__(PLDA),
        clustering="AgglomerativeClustering",
        embedding_exclude_overlap=True,
    )
    clustering = {"method": "centroid", "min_cluster_size": 12, "threshold": 0.7}
    return pipeline.instantiate({"clustering": clustering, "segmentation": {"min_duration_off": 0.0}})


def _timed(work: Callable[[], Any], seconds: float) -> dict[str, float]:
    """Seconds on the clock and CPU-seconds, both for each second of sound."""
    began, used = time.monotonic(), time.process_time()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return {
        "x_realtime": round(seconds / (time.monotonic() - began), 2),
        "cpu_seconds_per_second": round((time.process_time() - used) / seconds, 3),
    }


if __name__ == "__main__":
    main()
