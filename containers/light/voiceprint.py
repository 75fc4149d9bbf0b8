"""What a voice is like, as a vector: Resemblyzer's encoder, its weights as they come in the wheel.

A vector stands for a window of 1.6 s; cosines between windows of one voice are
near 0.8, between two voices near 0.6. The mel spectrogram is linear, not
logarithmic, so the level of the speech matters and is set first. The library's
own front end cuts pauses out of the sound; this one keeps the timeline.
"""

from __future__ import annotations

import functools
import importlib.util
import itertools
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import scipy.ndimage
import torch
from numpy.typing import NDArray

from containers.contract.errors import EngineError

from . import mel
from .audio import Samples, read_mono
from .speech import SAMPLE_RATE_HZ, single_thread

MODEL = "resemblyzer 0.1.4"
DIMENSION = 256
FRAME_SECONDS = 0.01
WINDOW_FRAMES = 160
"""Frames that the encoder was trained on: 1.6 s (resemblyzer.hparams)."""
LEVEL_DBFS = -30.0
"""Root mean square that the encoder's training speech was raised to (resemblyzer.hparams)."""
_FFT, _HOP, _MELS = 400, 160, 40
_BATCH = 32
_PAUSE, _PAUSE_KEPT = 20, 6

Vectors = NDArray[np.float32]


def speech_mel(path: Path, start: float, end: float) -> NDArray[np.float32]:
    """Mel frames of a stretch of speech in a file, brought to the encoder's level: float32 (frames, 40)."""
    return levelled_mel(read_mono(path, SAMPLE_RATE_HZ, start, end))


def levelled_mel(samples: Samples) -> NDArray[np.float32]:
    """The same of a stretch's samples at 16 kHz."""
    level = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if len(samples) else 0.0
    return mel_frames(samples * np.float32(10 ** (LEVEL_DBFS / 20) / level if level > 1e-7 else 1.0))


def mel_frames(samples: Samples) -> NDArray[np.float32]:
    """Mel power of mono 16 kHz sound, one frame each 10 ms centred on its time: float32 (frames, 40)."""
    padded = np.pad(samples.astype(np.float32, copy=False), _FFT // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[::_HOP]
    window, bank = _front_end()
    power = np.abs(np.fft.rfft(frames * window, axis=1)) ** 2
    return (power @ bank.T).astype(np.float32)


def without_pauses(mel: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mel frames of a turn without the inside of its pauses, at the level of what is left.

    A pause is what stays 30 dB under the loud frames for 0.2 s; 60 ms of it are kept on each side,
    as the encoder's training speech had it (resemblyzer.audio.trim_long_silences).
    """
    power = mel.sum(axis=1, dtype=np.float64)
    quiet = power < np.percentile(power, 90) / 1000
    inside = scipy.ndimage.binary_erosion(quiet, np.ones(2 * _PAUSE_KEPT + 1), border_value=1)
    inside = scipy.ndimage.binary_opening(inside, np.ones(_PAUSE - 2 * _PAUSE_KEPT))
    kept = mel[~inside]
    return kept * np.float32(power.mean() / power[~inside].mean()) if power.any() else mel


def spans(frames: int, width: int, hop: int) -> list[tuple[int, int]]:
    """Windows (first, last + 1) of `width` frames that cover `frames`; one narrower window if they are fewer."""
    if frames <= width:
        return [(0, frames)]
    starts = list(range(0, frames - width + 1, hop))
    if frames - width - starts[-1] >= hop / 2:
        starts.append(frames - width)
    return [(start, start + width) for start in starts]


def filled(window: NDArray[np.float32], frames: int = WINDOW_FRAMES) -> NDArray[np.float32]:
    """A window said again and again until it has `frames`.

    The encoder is used to 1.6 s. Of 0.4 s windows of ten speakers 94 % find their speaker so,
    79 % left short and 69 % filled up with silence.
    """
    return np.resize(window, (frames, _MELS))


def encode(windows: Iterable[NDArray[np.float32]]) -> Vectors:
    """Unit vectors (n, 256) of mel windows of one and the same length (frames, 40); deterministic."""
    return encode_with_beginnings(windows, None)[0]


def encode_with_beginnings(windows: Iterable[NDArray[np.float32]], frames: int | None) -> tuple[Vectors, Vectors]:
    """The same, and the vectors of what the first `frames` of each window are by themselves, which cost nothing more:
    the encoder goes over a window frame by frame, and is there on its way."""
    network, pending = _network(), iter(windows)
    wholes, beginnings = [np.zeros((0, DIMENSION), np.float32)], [np.zeros((0, DIMENSION), np.float32)]
    with single_thread(), torch.inference_mode():
        while batch := list(itertools.islice(pending, _BATCH)):
            whole, beginning = network(torch.from_numpy(np.stack(batch)), frames)
            wholes.append(whole.numpy())
            beginnings.append(beginning.numpy())
    return np.concatenate(wholes), np.concatenate(beginnings)


def mel_centres_hz() -> NDArray[np.float64]:
    """Frequency that each mel band is centred on."""
    return mel.edges_hz(_MELS, SAMPLE_RATE_HZ / 2)[1:-1]


def unit(vectors: Vectors) -> Vectors:
    """Vectors scaled to length 1 along the last axis."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


class _Network(torch.nn.Module):
    """resemblyzer.VoiceEncoder without its loading, timing and printing."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = torch.nn.LSTM(_MELS, 256, 3, batch_first=True)
        self.linear = torch.nn.Linear(256, DIMENSION)

    def forward(self, mels: torch.Tensor, frames: int | None) -> tuple[torch.Tensor, torch.Tensor]:
        said, (hidden, _) = self.lstm(mels)
        whole = self._vectors(hidden[-1])
        return whole, whole if frames is None else self._vectors(said[:, frames - 1])

    def _vectors(self, hidden: torch.Tensor) -> torch.Tensor:
        raw = torch.relu(self.linear(hidden))
        return raw / torch.linalg.vector_norm(raw, dim=1, keepdim=True).clamp_min(1e-9)


@functools.cache
def _network() -> _Network:
    found = importlib.util.find_spec("resemblyzer")
    if found is None or found.origin is None:
        raise EngineError("the package resemblyzer is missing; install the light engine's requirements")
    path = Path(found.origin).parent / "pretrained.pt"
    tensors = torch.load(path, map_location="cpu", weights_only=True)["model_state"]
    network = _Network()
    network.load_state_dict({name: tensors[name] for name in network.state_dict()})
    return network.eval()


@functools.cache
def _front_end() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_FFT) / _FFT)).astype(np.float32)
    return window, mel.filters(SAMPLE_RATE_HZ, _FFT, _MELS)
