"""A mark put into speech, and looked for.

The mark is made at 16 kHz, brought to the speech's own rate and added: the speech itself is resampled nowhere. Long
sound goes through the models window by window; each window is heard with a second around it, which is thrown away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from audioseal.libs.moshi.utils.compile import no_compile
from audioseal.models import AudioSealDetector, AudioSealWM

from containers.contract.errors import EngineError
from containers.contract.item import Item
from containers.contract.stages import (
    MESSAGE_BITS,
    DetectWatermarkRequest,
    DetectWatermarkResult,
    WatermarkRequest,
    WatermarkResult,
)

from . import sound
from .sound import MODEL_HZ, Mono

_WINDOW, _AROUND = 20 * MODEL_HZ, MODEL_HZ
_SHORTEST = 640
"""Samples that the models need at least; shorter sound is heard with silence behind it."""
_AUDIBLE_DB = -12.0
"""AudioSeal's marks lie 20 dB and more under speech; one that is louder than this comes from other weights."""


def watermark(generator: AudioSealWM, request: WatermarkRequest, item: Item) -> WatermarkResult:
    """EngineError if the mark could be heard."""
    path = item.input(request.speech)
    speech = sound.read(path)
    message = bits_of(request.message)
    heard = sound.heard(speech)

    def mark_of(window: torch.Tensor) -> torch.Tensor:
        return generator.get_watermark(window, message=message)

    mark = np.concatenate([np.zeros(0, np.float32), *(part for part, _ in _through(mark_of, heard, item))])
    there = sound.at(mark, MODEL_HZ, speech.rate_hz, len(speech.samples))
    speech_db, mark_db = sound.level_db(speech.mono), sound.level_db(there)
    if speech_db is None:
        there = np.zeros_like(there)
    over = None if speech_db is None or mark_db is None else mark_db - speech_db
    if over is not None and over > _AUDIBLE_DB:
        raise EngineError(
            f"the mark would lie {-over:.0f} dB under the speech and could be heard, which AudioSeal's own weights "
            "never do; run: voicecast weights verify"
        )
    made = item.output("speech.wav")
    sound.write(made, _fitting(speech.samples + there[:, None], speech.subtype), speech)
    return WatermarkResult(speech=item.file(made), mark_db=None if over is None else round(over, 2))


def detect(detector: AudioSealDetector, request: DetectWatermarkRequest, item: Item) -> DetectWatermarkResult:
    heard = sound.heard(sound.read(item.input(request.sound)))
    marked, votes = 0, np.zeros(MESSAGE_BITS)
    for found, length in _through(detector.detector, heard, item):
        marks = torch.softmax(torch.from_numpy(found[:2]), dim=0)[1] > 0.5
        marked += int(marks.sum())
        votes += found[2:].mean(axis=1) * length
    said = "".join("1" if each > 0 else "0" for each in votes)
    return DetectWatermarkResult(certainty=round(marked / max(1, len(heard)), 4), message=int(said, 2))


def bits_of(message: int) -> torch.Tensor:
    """Shaped (1, MESSAGE_BITS), the highest bit first."""
    return torch.tensor([[int(each) for each in f"{message:0{MESSAGE_BITS}b}"]])


def _through(
    model: Callable[[torch.Tensor], torch.Tensor], heard: Mono, item: Item
) -> Iterator[tuple[np.ndarray, int]]:
    """What a model says of each window, (samples,) or (values, samples), and the window's length."""
    for first in range(0, len(heard), _WINDOW):
        last = min(first + _WINDOW, len(heard))
        begin, end = max(0, first - _AROUND), min(len(heard), last + _AROUND)
        window = torch.from_numpy(np.pad(heard[begin:end], (0, max(0, _SHORTEST - (end - begin)))))
        with torch.inference_mode(), no_compile():  # a compiler is what images lack, and it gains nothing
            said = model(window[None, None])[0].float().numpy()
        if not np.isfinite(said).all():
            raise EngineError("AudioSeal gave numbers that are no sound; run: voicecast weights verify")
        item.progress(last / len(heard))
        part = said[..., first - begin : last - begin]
        yield (part[0] if len(part) == 1 else part), last - first


def _fitting(samples: np.ndarray, subtype: str) -> np.ndarray:
    """Within what the form can hold; 16-bit samples as the nearest integers, so that silence in a mark changes none."""
    if subtype in ("FLOAT", "DOUBLE"):
        return samples
    if subtype == "PCM_16":
        return np.clip(np.rint(samples * 32768), -32768, 32767).astype(np.int16)
    return np.clip(samples, -1, 1)
