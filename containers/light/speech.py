"""Where somebody speaks: Silero VAD, its weights as they come in the wheel.

The network is built here from the wheel's tensors, so that a whole block of
windows goes through at once (the wheel's own model takes them one by one, at a
tenth of the speed, with the same answers). It is not a speaker model, and it
takes singing for speech as often as not.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
import torch
from numpy.typing import NDArray

from containers.contract.errors import EngineError

from .audio import Samples, blocks, mono

SAMPLE_RATE_HZ = 16000
WINDOW = 512
"""Samples a probability stands for: 32 ms."""
WINDOW_SECONDS = WINDOW / SAMPLE_RATE_HZ
_CONTEXT = 64
"""Samples of the past that each window is read with (silero_vad.utils_vad)."""
_BLOCK_SECONDS = 30.0
_QUIET_DBFS, _NORMAL_DBFS, _SILENT_DBFS = -45.0, -25.0, -85.0


@dataclass(frozen=True, kw_only=True)
class Rule:
    """How probabilities become segments (the defaults are Silero's own, but for the pause).

    Speech begins at `on` and ends where it stays under `off` for `min_pause` seconds; what is
    shorter than `min_speech` is dropped, and so is what stays under `certain` on average: music
    (measured: 0.1 % of speech, with music under it, is lost so). What is longer than `max_speech`
    is parted where it is least like speech. `margin` seconds are added on both sides.
    """

    on: float = 0.5
    off: float = 0.35
    min_speech: float = 0.25
    min_pause: float = 0.2
    max_speech: float = 30.0
    certain: float = 0.65
    margin: float = 0.03

    def __post_init__(self) -> None:
        if not 0 < self.off <= self.on < 1:
            raise ValueError(f"a speech rule needs 0 < off <= on < 1, got {self.off} and {self.on}")


class SpeechDetector:
    """Silero VAD over a stream: blocks in, one probability a whole window out; deterministic, one thread."""

    def __init__(self) -> None:
        self._network = _network()
        self._state: tuple[torch.Tensor, torch.Tensor] | None = None
        self._past = np.zeros(_CONTEXT, np.float32)
        self._rest = np.zeros(0, np.float32)

    def push(self, samples: Samples) -> NDArray[np.float32]:
        """Probabilities of the windows that `samples` (mono, 16 kHz) completes."""
        waiting = np.concatenate((self._rest, samples.astype(np.float32, copy=False)))
        whole = len(waiting) // WINDOW * WINDOW
        self._rest = waiting[whole:].copy()
        if not whole:
            return np.zeros(0, np.float32)
        windows = np.lib.stride_tricks.sliding_window_view(
            np.concatenate((self._past, waiting[:whole])), _CONTEXT + WINDOW
        )[::WINDOW]
        self._past = waiting[whole - _CONTEXT : whole].copy()
        with single_thread():
            probabilities, self._state = self._network(torch.from_numpy(windows.copy()), self._state)
        return probabilities.numpy()

    def finish(self) -> NDArray[np.float32]:
        """The probability of the last window, filled up with zeros; nothing if none is begun."""
        missing = -len(self._rest) % WINDOW
        return self.push(np.zeros(missing, np.float32))


def speech_probabilities(samples: Samples) -> NDArray[np.float32]:
    """Speech probability of each 32 ms window of `samples` (mono float32, 16 kHz), the last one filled up."""
    detector = SpeechDetector()
    size = round(_BLOCK_SECONDS * SAMPLE_RATE_HZ)
    parts = [detector.push(samples[first : first + size]) for first in range(0, len(samples), size)]
    return np.concatenate([*parts, detector.finish()])


def file_speech_probabilities(path: Path) -> NDArray[np.float32]:
    """The same for a sound file of any rate and channels, in blocks: memory stays flat however long it is.

    A quiet file is listened to again at a normal level: the detector does not mind levels down to
    about -45 dBFS. Under -85 dBFS there is nothing left to hear.
    """
    probabilities, level = _listen(path, 1.0)
    if _SILENT_DBFS <= level < _QUIET_DBFS:
        probabilities, _ = _listen(path, 10 ** ((_NORMAL_DBFS - level) / 20))
    return probabilities


def _listen(path: Path, gain: float) -> tuple[NDArray[np.float32], float]:
    """Speech probabilities, and the level in dBFS that 5 % of the windows exceed."""
    detector, parts, powers = SpeechDetector(), [], [np.zeros(1)]
    for block in mono_blocks(path):
        parts.append(detector.push(np.clip(block * np.float32(gain), -1.0, 1.0)))
        whole = block[: len(block) // WINDOW * WINDOW].reshape(-1, WINDOW)
        powers.append(np.mean(np.square(whole, dtype=np.float64), axis=1))
    level = 10 * float(np.log10(np.percentile(np.concatenate(powers), 95) + 1e-20))
    return np.concatenate([*parts, detector.finish()]), level


def mono_blocks(path: Path, rate_hz: int = SAMPLE_RATE_HZ, seconds: float = _BLOCK_SECONDS) -> Iterator[Samples]:
    """A sound file as one channel at `rate_hz`, block by block without seams: float32 (samples,)."""
    stream = soxr.ResampleStream(soundfile.info(path).samplerate, rate_hz, 1, dtype="float32", quality="HQ")
    for block in blocks(path, seconds):
        yield stream.resample_chunk(mono(block))
    yield stream.resample_chunk(np.zeros(0, np.float32), last=True)


def speech_segments(
    probabilities: NDArray[np.float32], length: float, rule: Rule | None = None
) -> list[tuple[float, float]]:
    """Stretches of speech as (start, end) in seconds, in order, none over another, inside 0..`length`."""
    rule = rule or Rule()
    found = [
        part
        for first, last in _runs(probabilities, rule)
        if (last - first) * WINDOW_SECONDS >= rule.min_speech and probabilities[first:last].mean() >= rule.certain
        for part in _parted(probabilities, first, last, round(rule.max_speech / WINDOW_SECONDS))
    ]
    return _with_margin([(a * WINDOW_SECONDS, b * WINDOW_SECONDS) for a, b in found], rule.margin, length)


def _runs(probabilities: NDArray[np.float32], rule: Rule) -> list[tuple[int, int]]:
    """Windows (first, last + 1) of speech, by hysteresis, pauses bridged."""
    pause = rule.min_pause / WINDOW_SECONDS
    found: list[tuple[int, int]] = []
    first = end = -1
    for index in np.flatnonzero(probabilities >= rule.off).tolist():
        if first >= 0 and index - end >= pause:
            found.append((first, end))
            first = -1
        if first < 0 and probabilities[index] >= rule.on:
            first = index
        end = index + 1
    return [*found, (first, end)] if first >= 0 else found


def _parted(probabilities: NDArray[np.float32], first: int, last: int, longest: int) -> list[tuple[int, int]]:
    parts = []
    while last - first > longest:
        middle = first + longest // 2
        cut = middle + int(probabilities[middle : first + longest].argmin())
        parts.append((first, cut))
        first = cut
    return [*parts, (first, last)]


def _with_margin(segments: list[tuple[float, float]], margin: float, length: float) -> list[tuple[float, float]]:
    """Each segment grown by `margin`, but never past the middle of the pause to its neighbour."""
    padded: list[tuple[float, float]] = []
    for index, (start, end) in enumerate(segments):
        before = (segments[index - 1][1] + start) / 2 if index else 0.0
        after = (end + segments[index + 1][0]) / 2 if index + 1 < len(segments) else length
        first, last = max(start - margin, before), min(end + margin, after)
        if last > first:
            padded.append((first, last))
    return padded


@contextlib.contextmanager
def single_thread() -> Iterator[None]:
    """One CPU thread for torch inside the block: sums in one order, so the same bits on every run."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


class _Network(torch.nn.Module):
    """Silero VAD 6 at 16 kHz, layer by layer as silero_vad/tinygrad_model.py writes it down."""

    def __init__(self, tensors: dict[str, torch.Tensor]) -> None:
        super().__init__()
        self.stft = tensors["stft.forward_basis_buffer"]
        self.encoder = [
            (tensors[f"encoder.{i}.reparam_conv.weight"], tensors[f"encoder.{i}.reparam_conv.bias"], stride)
            for i, stride in enumerate((1, 2, 2, 1))
        ]
        self.lstm = torch.nn.LSTM(128, 128)
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        self.lstm.load_state_dict({f"{name}_l0": tensors[f"decoder.rnn.{name}"] for name in names})
        self.final = (tensors["decoder.decoder.2.weight"][:, :, 0], tensors["decoder.decoder.2.bias"])

    @torch.inference_mode()
    def forward(
        self, windows: torch.Tensor, state: tuple[torch.Tensor, torch.Tensor] | None
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
        """Windows (n, 576) that follow each other -> probabilities (n,) and the state after them."""
        functional = torch.nn.functional
        x = functional.pad(windows[:, None], (0, 64), mode="reflect")
        spectrum = functional.conv1d(x, self.stft, stride=128)
        x = torch.hypot(spectrum[:, :129], spectrum[:, 129:])
        for weight, bias, stride in self.encoder:
            x = functional.relu(functional.conv1d(x, weight, bias, stride=stride, padding=1))
        hidden, state = self.lstm(x.transpose(1, 2), state)
        weight, bias = self.final
        return torch.sigmoid(functional.linear(functional.relu(hidden), weight, bias))[:, 0, 0], state


@functools.cache
def _network() -> _Network:
    found = importlib.util.find_spec("silero_vad")
    if found is None or found.origin is None:
        raise EngineError("the package silero-vad is missing; install the light engine's requirements")
    path = Path(found.origin).parent / "data" / "silero_vad.jit"
    tensors = torch.jit.load(path, map_location="cpu").state_dict()
    ours = {name.removeprefix("_model."): tensor for name, tensor in tensors.items() if name.startswith("_model.")}
    return _Network(ours).eval()
