"""Where the new track of a muxed video lies beside the original: `CASES=... python -m tests.bench.muxing`.

Each file of CASES/containers that has sound: its recording is extracted and put back as a second track, both tracks of
the new file are extracted, and compared. Prints a line a file: lag in samples of 48 kHz, and lengths.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from containers.contract.errors import StageError
from containers.contract.item import Item, sha256_of
from containers.contract.stages import ExtractRequest, File, MuxRequest
from containers.light.extraction import extract
from containers.light.muxing import mux


def main() -> int:
    if "CASES" not in os.environ:
        print("CASES must name the folder of real audio", file=sys.stderr)
        return 2
    lags = []
    for path in sorted((Path(os.environ["CASES"]) / "containers").iterdir()):
        if path.suffix == ".json":
            continue
        with tempfile.TemporaryDirectory() as folder:
            try:
                lag, lengths = lag_of(path, Path(folder))
            except StageError as error:
                print(f"{path.name:42} {str(error)[:100]}")
                continue
        lags.append(lag)
        print(f"{path.name:42} lag {lag:4} samples, lengths {lengths[0]} and {lengths[1]}")
    print(f"{len(lags)} files, lag {min(lags)} to {max(lags)} samples; {sum(lag == 0 for lag in lags)} without any")
    return 0


def lag_of(path: Path, folder: Path) -> tuple[int, tuple[int, int]]:
    """How much later the new track is than the original, and the samples of both."""
    first = laid(folder / "first", video=path)
    found = extract(ExtractRequest(video=sent(first, "video")), first)
    second = laid(folder / "second", video=path, track=first.path / found.recording.path)
    asked = MuxRequest(video=sent(second, "video"), track=sent(second, "track"), language="en", title="Dub")
    made = mux(asked, second)
    both = []
    for name, track in (("original", found.track), ("new", made.track)):
        item = laid(folder / name, video=second.path / made.video.path)
        recording = extract(ExtractRequest(video=sent(item, "video"), track=track), item).recording
        both.append(soundfile.read(item.path / recording.path, always_2d=True)[0].mean(axis=1))
    return later(both[0], both[1]), (len(both[0]), len(both[1]))


def laid(folder: Path, **files: Path) -> Item:
    (folder / "in").mkdir(parents=True)
    for name, path in files.items():
        shutil.copyfile(path, folder / "in" / name)
    return Item(folder)


def sent(item: Item, name: str) -> File:
    return File(path=f"in/{name}", sha256=sha256_of(item.path / "in" / name))


def later(one: NDArray[np.float64], other: NDArray[np.float64]) -> int:
    """The lag at which the two are most alike."""
    size = 2 * max(len(one), len(other))
    product = np.fft.irfft(np.conj(np.fft.rfft(one, size)) * np.fft.rfft(other, size), size)
    lag = int(np.argmax(product))
    return lag if lag < size // 2 else lag - size


if __name__ == "__main__":
    raise SystemExit(main())
