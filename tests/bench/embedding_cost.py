"""How much the voice encoder works for a second of an episode in diarize and embed, and how often for the same window.

    CASES=... python -m tests.bench.embedding_cost

The light engine on the true speech of CASES/season_small, in one process: frames of mel that go through the encoder a
second of recording, windows that came twice (byte by byte, in both stages together), CPU-seconds of each stage and of
the encoder in it; and diarize as it was, when narrow windows were encoded by themselves, with the turns of both. JSON.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from containers.contract.item import Item, sha256_of
from containers.contract.stages import CutRequest, DiarizeRequest, DiarizeResult, EmbedRequest, File, Turn
from containers.light import diarization, voiceprint
from containers.light.cutting import cut
from containers.light.diarization import Spans, diarize
from containers.light.embedding import embed
from containers.light.voiceprint import Vectors


class Silent(Item):
    """An item that says nothing of how far it is."""

    def progress(self, done: float) -> None:
        """Nobody listens."""


class Watch:
    """Counts what goes through the encoder."""

    def __init__(self) -> None:
        self.frames, self.windows, self.seconds = 0, Counter[bytes](), 0.0
        self._encode = voiceprint.encode_with_beginnings

    def __call__(self, windows: Iterable[Any], frames: int | None) -> tuple[Vectors, Vectors]:
        every = list(windows)
        self.frames += sum(len(each) for each in every)
        self.windows.update(hashlib.sha256(each.tobytes()).digest() for each in every)
        began = time.process_time()
        answer = self._encode(every, frames)
        self.seconds += time.process_time() - began
        return answer


@contextmanager
def watched() -> Iterator[Watch]:
    watch, before = Watch(), voiceprint.encode_with_beginnings
    voiceprint.encode_with_beginnings = watch
    try:
        yield watch
    finally:
        voiceprint.encode_with_beginnings = before


@contextmanager
def narrow_by_themselves() -> Iterator[None]:
    """Diarize as it was: no vector of a narrow window is taken from a wide one."""

    def narrow(mels: Sequence[Any], spans: Sequence[Spans], *_: object) -> list[Vectors]:
        windows = (
            voiceprint.filled(mel[first:last], diarization._NARROW)
            for mel, each in zip(mels, spans, strict=True)
            for first, last in each
        )
        return np.split(voiceprint.encode(windows), np.cumsum([len(each) for each in spans])[:-1])

    before = diarization._narrow
    diarization._narrow = narrow
    try:
        yield
    finally:
        diarization._narrow = before


def main() -> None:
    if "CASES" not in os.environ:
        raise SystemExit("the variable CASES must name the folder of real audio")
    files = sorted((Path(os.environ["CASES"]) / "season_small" / "stems").glob("*/speech.flac"))
    seconds = sum(soundfile.info(path).duration for path in files)
    with tempfile.TemporaryDirectory(prefix="voicecast-bench-") as name:
        items = [_item(Path(name) / path.parent.name, path) for path in files]
        with narrow_by_themselves():
            before, turns_before = _measured(items, seconds)
        after, turns = _measured(items, seconds)
        report = {
            "seconds": round(seconds, 1),
            "diarize, narrow windows by themselves": before,
            "diarize": after,
            "turns are the same": turns == turns_before,
        }
        with watched() as watch:
            began = time.process_time()
            for (item, file), each in zip(items, turns, strict=True):
                diarize(DiarizeRequest(vocals=file), item)
                clips = cut(CutRequest(vocals=file, turns=each.exclusive, overlap=each.overlap), item).clips
                spans = tuple(Turn(start=clip.start, end=clip.end, speaker=clip.speaker) for clip in clips)
                embed(EmbedRequest(vocals=file, turns=spans), item)
            report["diarize, cut and embed"] = _figures(watch, time.process_time() - began, seconds)
    print(json.dumps(report, indent=1))


def _item(folder: Path, path: Path) -> tuple[Item, File]:
    (folder / "in").mkdir(parents=True)
    os.symlink(path.resolve(), folder / "in" / "vocals.flac")
    return Silent(folder), File(path="in/vocals.flac", sha256=sha256_of(path))


def _measured(items: Sequence[tuple[Item, File]], seconds: float) -> tuple[dict[str, float], list[DiarizeResult]]:
    with watched() as watch:
        began = time.process_time()
        turns = [diarize(DiarizeRequest(vocals=file), item) for item, file in items]
        return _figures(watch, time.process_time() - began, seconds), turns


def _figures(watch: Watch, used: float, seconds: float) -> dict[str, float]:
    return {
        "frames_a_second": round(watch.frames / seconds, 1),
        "windows": watch.windows.total(),
        "windows_seen_before": sum(count - 1 for count in watch.windows.values()),
        "cpu_seconds": round(used, 2),
        "cpu_seconds_of_the_encoder": round(watch.seconds, 2),
    }


if __name__ == "__main__":
    main()
