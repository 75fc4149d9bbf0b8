"""Speech to train and convert, said by Open JTalk and warped by WORLD, and items to hand to a stage."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pyworld
import soundfile

from containers.contract.item import Item, sha256_of
from containers.contract.stages import File
from containers.light.japanese import JTALK_RATE_HZ, japanese

TEXTS = (
    "今日はとても風が強いので、窓を閉めてください。",
    "明日の朝は、六時に駅の前で待ち合わせましょう。",
    "この本は、子どものころに父が買ってくれました。",
    "庭の桜が咲いたら、みんなで写真を撮りたいです。",
    "夕飯の前に、机の上を片づけておいてくださいね。",
)


@functools.cache
def spoken(text: str, tract: float = 1.0, pitch: float = 1.0) -> np.ndarray:
    """Mono float32 at 48 kHz; `tract` scales the formants, `pitch` the melody."""
    base = japanese(text, 1.3) / 32768
    f0, times = pyworld.dio(base, JTALK_RATE_HZ)
    spectrum = pyworld.cheaptrick(base, f0, times, JTALK_RATE_HZ, fft_size=2048)
    breath = pyworld.d4c(base, f0, times, JTALK_RATE_HZ, fft_size=2048)
    bins = np.arange(spectrum.shape[1])
    warped = np.stack([np.interp(bins / tract, bins, row) for row in spectrum])
    return pyworld.synthesize(f0 * pitch, warped, breath, JTALK_RATE_HZ).astype(np.float32)


def item_with(folder: Path, **sounds: tuple[np.ndarray, int]) -> tuple[Item, dict[str, File]]:
    """An item whose inputs are these sounds (samples, rate in Hz), as WAV."""
    (folder / "in").mkdir(parents=True, exist_ok=True)
    files = {}
    for name, (samples, rate_hz) in sounds.items():
        path = folder / "in" / f"{name}.wav"
        soundfile.write(path, samples, rate_hz, subtype="PCM_16")
        files[name] = File(path=f"in/{name}.wav", sha256=sha256_of(path))
    return Item(folder), files
