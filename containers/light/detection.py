"""Stage detect: where somebody may speak in a recording as it is, music and effects included; one thread, no seams.

It would rather hear too much. The detector (Silero, `speech`) is listened to twice: over the whole recording, as it is
meant to be used, and anew every two seconds on the sound at an even level. Its memory makes it deaf for a while after
long noise, and to voices far below what came before: in meetings it missed turns of up to 1.5 s so.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import scipy.ndimage
import soundfile
import soxr
from numpy.typing import NDArray

from containers.contract.item import Item
from containers.contract.stages import DETECTED, DetectRequest, DetectResult

from .audio import Samples, blocks, decodable
from .speech import SAMPLE_RATE_HZ, WINDOW, WINDOW_SECONDS, SpeechDetector, speech_probabilities

Rows = NDArray[np.float32]
"""Probabilities, a row each WINDOW_SECONDS, columns DETECTED."""

_BLOCK_SECONDS = 32.0
_AFRESH, _WARMED_UP = 63, 63
"""Windows (2 s each) that are judged together, and those before them that the detector begins with."""
_LEVEL_DBFS, _MOST_GAIN_DB, _LEVEL_SECONDS = -25.0, 30.0, 1.0
_INVERTED = -0.25
"""Share of the power that the channels have in common, from which one of them is taken to be upside down."""


def detect(request: DetectRequest, item: Item) -> DetectResult:
    """Raises RecordingError for what is no sound."""
    path = item.input(request.recording)
    with decodable(path):
        rows = detected(path, item)
    speech = item.output("speech.npy")
    np.save(speech, rows.astype("<f4"))
    return DetectResult(speech=item.file(speech), hop=WINDOW_SECONDS, rows=len(rows))


def detected(path: Path, item: Item) -> Rows:
    """Probabilities of speech over a sound file of any rate; memory grows by its rows only."""
    in_course, afresh = SpeechDetector(), _Afresh()
    parts: dict[str, list[NDArray[np.float32]]] = {name: [] for name in DETECTED}
    length, done = soundfile.info(path).frames / soundfile.info(path).samplerate, 0.0
    for block in _mono(path):
        parts["in_course"].append(in_course.push(block))
        parts["afresh"].append(afresh.push(block))
        done += len(block) / SAMPLE_RATE_HZ
        item.progress(min(0.99, done / max(length, 1e-9)))
    parts["in_course"].append(in_course.finish())
    parts["afresh"].append(afresh.finish())
    return np.stack([np.concatenate(parts[name]) for name in DETECTED], axis=1)


class _Afresh:
    """Blocks in, probabilities of whole groups of windows out, each group with nothing remembered but its start."""

    def __init__(self) -> None:
        self._past = np.zeros(0, np.float32)
        self._rest = np.zeros(0, np.float32)

    def push(self, samples: Samples) -> NDArray[np.float32]:
        waiting = np.concatenate((self._rest, samples))
        whole = len(waiting) // (_AFRESH * WINDOW) * (_AFRESH * WINDOW)
        self._rest = waiting[whole:]
        return self._heard(waiting[:whole])

    def finish(self) -> NDArray[np.float32]:
        return self._heard(np.pad(self._rest, (0, -len(self._rest) % WINDOW)))

    def _heard(self, samples: Samples) -> NDArray[np.float32]:
        parts = [np.zeros(0, np.float32)]
        for first in range(0, len(samples), _AFRESH * WINDOW):
            group = samples[first : first + _AFRESH * WINDOW]
            known = len(self._past) // WINDOW
            both = np.concatenate((self._past, group))
            parts.append(speech_probabilities(levelled(both))[known:])
            self._past = both[len(both) - min(len(both), _WARMED_UP * WINDOW) :]
        return np.concatenate(parts)


def levelled(samples: Samples) -> Samples:
    """Quiet places raised to -25 dBFS, by 30 dB at most, as loud as they are over a second."""
    window = round(_LEVEL_SECONDS * SAMPLE_RATE_HZ)
    power = scipy.ndimage.uniform_filter1d(np.square(samples, dtype=np.float64), window, mode="nearest")
    gain_db = np.clip(_LEVEL_DBFS - 10 * np.log10(np.maximum(power, 1e-12)), 0.0, _MOST_GAIN_DB)
    return np.clip(samples * 10 ** (gain_db / 20), -1.0, 1.0).astype(np.float32)


def _mono(path: Path) -> Iterator[Samples]:
    """A file as one channel at 16 kHz, block by block; where one channel is upside down, their difference."""
    stream = soxr.ResampleStream(soundfile.info(path).samplerate, SAMPLE_RATE_HZ, 1, dtype="float32", quality="HQ")
    for block in blocks(path, _BLOCK_SECONDS):
        yield stream.resample_chunk(np.ascontiguousarray(_mixed(np.nan_to_num(block))))
    yield stream.resample_chunk(np.zeros(0, np.float32), last=True)


def _mixed(block: Samples) -> Samples:
    if len(block) != 2:
        return block.mean(axis=0)
    left, right = block
    inverted = 2 * float(left @ right) < _INVERTED * float(left @ left + right @ right)
    return (left - right if inverted else left + right) / 2
