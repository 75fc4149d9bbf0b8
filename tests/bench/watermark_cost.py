"""What AudioSeal costs, on random weights of its own architecture.

`PYTHONPATH=.engines/.pytest .engines/audioseal/bin/python -m tests.bench.watermark_cost`

CPU-seconds a second of speech to mark and to look, and the peak memory, on one thread.
"""

from __future__ import annotations

import os
import resource
import tempfile
import time
from pathlib import Path

SECONDS, RATE_HZ = 60, 44100


def main() -> None:
    import numpy as np
    import soundfile

    from containers.audioseal import backend
    from containers.contract.item import Item, sha256_of
    from containers.contract.stages import DetectWatermarkRequest, File, WatermarkRequest
    from tests.engines.audioseal.conftest import tiny

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tiny().make(folder / "weights" / "audioseal-16bits")
        os.environ["VOICECAST_WEIGHTS"] = str(folder / "weights")
        (folder / "in").mkdir()
        path = folder / "in" / "speech.wav"
        soundfile.write(path, 0.1 * np.random.default_rng(1).standard_normal(SECONDS * RATE_HZ), RATE_HZ, "PCM_16")
        file = File(path="in/speech.wav", sha256=sha256_of(path))
        models, item = backend.setup(backend.Options(model="audioseal-16bits", threads=1)), Item(folder)
        for what, act in (
            ("mark", lambda: backend.watermark(models, WatermarkRequest(speech=file, message=1), item)),
            ("look", lambda: backend.detect_watermark(models, DetectWatermarkRequest(sound=file), item)),
        ):
            act()
            began = time.process_time()
            act()
            print(f"{what}: {(time.process_time() - began) / SECONDS:.3f} CPU-seconds a second")
        print(f"peak: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
