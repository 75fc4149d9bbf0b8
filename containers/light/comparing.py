"""Stage compare: whether a stretch of a recording is one of an earlier recording again, and what else is in it.

Windows spread over the stretch are looked for in the earlier recording; where enough of them say the same lag, the
earlier recording is moved by it, to a part of a sample, and taken off at one level. What is left is what another
encoder did, and whatever is new: its level beside what was taken off, and the detector of stage detect, which
listens to what is left alone, tell the two apart. Deciding is the house's.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import scipy.ndimage
import scipy.signal
import soundfile
import soxr
from numpy.typing import NDArray

from containers.contract.item import Item
from containers.contract.stages import COMPARED, Compared, CompareRequest, CompareResult, Stretch

from .audio import Samples, decodable
from .detection import detected
from .earlier import laid_under
from .exact_sum import Recording
from .speech import SAMPLE_RATE_HZ, WINDOW, WINDOW_SECONDS

_BIT_DEPTH = 24
_WINDOW = 1 << 16
"""Samples (1.4 s at 48 kHz) that are looked for at once, in so many places of a stretch."""
_PLACES = 12
_REACH = 0.25
"""Seconds by which a lag may be another than was thought."""
_ALIKE = 0.5
"""Correlation from which a window counts as found; with another encode it is 0.99, with loud new speech 0.7."""
_AT_LEAST = 3
_TOGETHER = 0.1
"""Samples by which windows may differ that go together: more is another speed, or a different cut."""
_GAINS = (0.1, 10.0)
_LOW_HZ, _HIGH_HZ = 250.0, 4000.0
_ROWS_TOGETHER = 9
"""Rows (0.3 s) over which levels are taken."""
_FLOOR = 1e-10
_FAINT = 1e-6
"""Mean square (-60 dBFS): what is left over fainter sound than this counts as if it were left over this."""
_BLOCK_SECONDS = 20


def compare(request: CompareRequest, item: Item) -> CompareResult:
    """Raises RecordingError for what is no sound. Of other rates or channels nothing goes together."""
    here, there = item.input(request.recording), item.input(request.earlier)
    found: list[Compared] = []
    rows: list[NDArray[np.float32]] = [np.zeros((0, len(COMPARED)), np.float32)]
    with decodable(here), decodable(there), soundfile.SoundFile(here) as one, soundfile.SoundFile(there) as two:
        recording, earlier = Recording(one, _BIT_DEPTH), Recording(two, _BIT_DEPTH)
        same = (recording.rate_hz, recording.channels) == (earlier.rate_hz, earlier.channels)
        for number, stretch in enumerate(request.stretches if same else ()):
            move = _move(recording, earlier, stretch)
            if move is not None:
                table = _differences(recording, earlier, stretch, *move, item.path / "left.wav")
                rate = recording.rate_hz
                found.append(
                    Compared(start=stretch.start, end=stretch.end, lag=move[0] / rate, gain=move[1], rows=len(table))
                )
                rows.append(table)
            item.progress(min(0.99, (number + 1) / len(request.stretches)))
    path = item.output("differences.npy")
    np.save(path, np.concatenate(rows).astype("<f4"), allow_pickle=False)
    return CompareResult(differences=item.file(path), hop=WINDOW_SECONDS, stretches=tuple(found))


# ---------------------------------------------------------------- laying one over the other


def _move(recording: Recording, earlier: Recording, stretch: Stretch) -> tuple[float, float] | None:
    """Lag in samples and gain of a stretch; None where too little of it goes together."""
    rate = recording.rate_hz
    first, last = round(stretch.start * rate), min(round(stretch.end * rate), recording.length)
    places = np.unique(np.linspace(first, max(first, last - _WINDOW), _PLACES).round().astype(int)).tolist()
    hits = {
        place: lag for place in places if (lag := _found(recording, earlier, place, stretch.lag * rate)) is not None
    }
    if not hits:
        return None
    lags = np.array(list(hits.values()))
    best = lags[np.argmax([(np.abs(lags - lag) < _TOGETHER).sum() for lag in lags])]
    together = np.abs(lags - best) < _TOGETHER
    lag = round(float(np.median(lags[together])), 3)
    gain = float(
        np.median([_gain(recording, earlier, place, lag) for place in np.array(list(hits))[together].tolist()])
    )
    if together.sum() < _AT_LEAST or not _GAINS[0] <= gain <= _GAINS[1]:
        return None
    return lag, round(gain, 5)


def _found(recording: Recording, earlier: Recording, place: int, lag: float) -> float | None:
    """Lag (samples) of one window, if the earlier recording has it about there."""
    reach = round(_REACH * recording.rate_hz)
    here = _middle(recording.floats(place, place + _WINDOW))
    begin = place - round(lag) - reach
    there = _middle(earlier.floats(begin, begin + _WINDOW + 2 * reach))
    likeness = scipy.signal.correlate(there, here, mode="valid", method="fft")
    at = int(np.abs(likeness).argmax())
    cut = there[at : at + _WINDOW]
    power = float(cut @ cut)
    if power < _FLOOR * _WINDOW or abs(likeness[at]) < _ALIKE * np.sqrt(power * float(here @ here)):
        return None
    return place - begin - at + _part(here, cut, recording.rate_hz)


def _gain(recording: Recording, earlier: Recording, place: int, lag: float) -> float:
    here = _middle(recording.floats(place, place + _WINDOW))
    there = _middle(laid_under(earlier, lag, 1.0, place, place + _WINDOW))
    return float(here @ there) / max(float(there @ there), _FLOOR)


def _middle(samples: Samples) -> NDArray[np.float64]:
    return samples.mean(axis=0, dtype=np.float64)


def _part(here: NDArray[np.float64], there: NDArray[np.float64], rate_hz: int) -> float:
    """By how much of a sample `here` comes later than `there`: the slope of the phase between them."""
    window = np.hanning(len(here))
    both = np.fft.rfft(here * window) * np.conj(np.fft.rfft(there * window))
    turn = 2 * np.pi * np.fft.rfftfreq(len(here))
    used = (turn > 2 * np.pi * _LOW_HZ / rate_hz) & (turn < 2 * np.pi * _HIGH_HZ / rate_hz)
    weight = np.abs(both[used])
    slope = float((weight * turn[used] * np.angle(both[used])).sum() / (weight * turn[used] ** 2).sum())
    return -slope


# ---------------------------------------------------------------- what is left


def _differences(
    recording: Recording, earlier: Recording, stretch: Stretch, lag: float, gain: float, path: Path
) -> NDArray[np.float32]:
    """Rows COMPARED of a stretch; memory grows by its rows only. `path`: where what is left may lie meanwhile."""
    left, taken = _Levels(recording), _Levels(recording)
    with soundfile.SoundFile(path, "w", SAMPLE_RATE_HZ, recording.channels, "FLOAT") as file:
        for ours, theirs in _blocks(recording, earlier, stretch, lag, gain):
            file.write(left.push(ours - theirs))
            taken.push(theirs)
        file.write(left.finish())
        taken.finish()
    heard = detected(path, _Quiet(path.parent))
    path.unlink()
    over = 10 * np.log10((_smooth(left.rows) / np.maximum(_smooth(taken.rows), _FAINT)).max(axis=1))
    count = min(len(over), len(heard))
    table: NDArray[np.float32] = np.column_stack((over[:count], heard[:count])).astype(np.float32)
    return table


class _Quiet(Item):
    """An item that says nothing of how far it is."""

    def progress(self, done: float) -> None:
        """The stretch is only a part of the item."""


def _blocks(
    recording: Recording, earlier: Recording, stretch: Stretch, lag: float, gain: float
) -> Iterator[tuple[Samples, Samples]]:
    rate = recording.rate_hz
    first, last = round(stretch.start * rate), min(round(stretch.end * rate), recording.length)
    for begin in range(first, last, _BLOCK_SECONDS * rate):
        end = min(begin + _BLOCK_SECONDS * rate, last)
        yield recording.floats(begin, end), laid_under(earlier, lag, gain, begin, end)


class _Levels:
    """Blocks of sound in, mean squares in the band of speech out: a row a window, for each channel and the middle."""

    def __init__(self, recording: Recording) -> None:
        channels = recording.channels
        self._stream = soxr.ResampleStream(recording.rate_hz, SAMPLE_RATE_HZ, channels, dtype="float32", quality="HQ")
        self._band = scipy.signal.butter(4, (_LOW_HZ, _HIGH_HZ), "bandpass", fs=SAMPLE_RATE_HZ, output="sos")
        self._state = np.zeros((len(self._band), channels, 2))
        self._rest = np.zeros((channels, 0))
        self._rows: list[NDArray[np.float64]] = [np.zeros((0, channels + 1))]

    @property
    def rows(self) -> NDArray[np.float64]:
        return np.concatenate(self._rows)

    def push(self, block: Samples, *, last: bool = False) -> NDArray[np.float32]:
        """Gives the sound at SAMPLE_RATE_HZ, (samples, channels)."""
        slow = self._stream.resample_chunk(np.ascontiguousarray(block.T), last=last).reshape(-1, len(block))
        if len(slow):
            heard, self._state = scipy.signal.sosfilt(self._band, slow.T, axis=1, zi=self._state)
            waiting = np.concatenate((self._rest, heard), axis=1)
            whole = waiting.shape[1] // WINDOW * WINDOW
            self._rest = waiting[:, whole:]
            both = np.concatenate((waiting[:, :whole], waiting[:, :whole].mean(axis=0, keepdims=True)))
            self._rows.append(np.square(both).reshape(len(both), -1, WINDOW).mean(axis=2).T)
        return slow

    def finish(self) -> NDArray[np.float32]:
        return self.push(np.zeros((len(self._rest), 0), np.float32), last=True)


def _smooth(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    smoothed: NDArray[np.float64] = scipy.ndimage.uniform_filter1d(rows, _ROWS_TOGETHER, axis=0, mode="nearest")
    return np.maximum(smoothed, _FLOOR)
