"""How much clearer the voices are after `separate`: `CASES=... python -m tests.bench.separation_quality`.

Prints one JSON object: for each episode of season_small SI-SDR in dB of the recording's and of the vocals' mid
against the exact speech, the gain, speed and peak memory. A recording from AAC lies later than the stems; the truth
file says by how many samples. Needs nothing but the light engine's environment.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import soundfile
from numpy.typing import NDArray

from containers.contract.item import sha256_of

Samples = NDArray[np.float64]


def si_sdr_db(estimate: Samples, reference: Samples) -> float:
    """Scale-invariant signal-to-distortion ratio (Le Roux et al. 2019), means removed."""
    estimate, reference = estimate - estimate.mean(), reference - reference.mean()
    target = reference * (estimate @ reference) / (reference @ reference)
    distortion = estimate - target
    return float(10 * np.log10((target @ target) / (distortion @ distortion)))


def separated(engine: str, recordings: dict[str, Path], work: Path) -> None:
    """Run the stage as the house does, all recordings in one start."""
    for name, recording in recordings.items():
        folder = work / "items" / name
        (folder / "in").mkdir(parents=True)
        (folder / "in" / "recording.flac").hardlink_to(recording)
        file = {"path": "in/recording.flac", "sha256": sha256_of(recording)}
        request = {"contract": 1, "stage": "separate", "request": {"recording": file}}
        (folder / "request.json").write_text(json.dumps(request), "utf-8")
    command = [sys.executable, "-m", "containers.contract", engine, str(work)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def decoded(video: Path, to: Path) -> Path:
    """The first audio track as 48 kHz stereo FLAC, as FFmpeg decodes it."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(video), "-vn", "-ac", "2", "-ar", "48000"]
    subprocess.run([*command, "-sample_fmt", "s16", str(to)], check=True)
    return to


def quality(season: Path, episode: str, folder: Path) -> dict[str, Any]:
    truth = json.loads((season / "truth" / f"{episode}.json").read_text("utf-8"))
    lag = truth["measured"]["decoded_lag_samples_vs_stems"]
    speech, rate = soundfile.read(season / "stems" / episode / "speech.flac")

    def mid(path: Path) -> Samples:
        samples = soundfile.read(path, always_2d=True)[0].mean(axis=1)[lag : lag + len(speech)]
        return np.pad(samples, (0, len(speech) - len(samples)))

    before = si_sdr_db(mid(folder / "in" / "recording.flac"), speech)
    after = si_sdr_db(mid(folder / "out" / "vocals.flac"), speech)
    run = json.loads((folder / "run.json").read_text("utf-8"))
    return {
        "before_db": round(before, 2),
        "after_db": round(after, 2),
        "gain_db": round(after - before, 2),
        "times_realtime": round(len(speech) / rate / run["seconds"], 1),
        "peak_memory_mb": run["peak_memory_mb"],
    }


def main() -> int:
    cases = os.environ.get("CASES")
    if not cases:
        print("skipped: set CASES to the folder of real audio (season_small)")
        return 0
    engine = sys.argv[1] if len(sys.argv) > 1 else "light"
    season = Path(cases) / "season_small"
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        videos = sorted((season / "episodes").glob("*.mkv"))
        recordings = {video.stem: decoded(video, work / f"{video.stem}.flac") for video in videos}
        separated(engine, recordings, work)
        print(json.dumps({name: quality(season, name, work / "items" / name) for name in recordings}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
