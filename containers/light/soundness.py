"""What a person should know about a recording, and what is put right in it.

Measured while the recording is written, a block at a time, so memory stays
flat. Thresholds are far from ordinary programmes on purpose: a problem that is
shown for every episode is read by nobody.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from containers.contract.stages import Problem

_FFT = 4096
_SILENT_PEAK = 2.0**-15
"""Nothing above half a step of 16 bits beside zero: digital silence."""


@dataclass(frozen=True, kw_only=True)
class Repair:
    """What is done to the written recording; nothing, if nothing is said.

    `keep`: the one channel that becomes a mono recording. `flip_right`: the right channel changes
    sign. `high_pass`: zero-frequency offset removed (10 Hz, second-order Butterworth).
    """

    keep: int | None = None
    flip_right: bool = False
    high_pass: bool = False

    @property
    def needed(self) -> bool:
        return self != Repair()


class Soundness:
    """Listens to the blocks of a recording; `problems()` and `repair()` once all have been heard."""

    def __init__(self, rate_hz: int) -> None:
        self._rate = rate_hz
        self._samples = self._native = self._flat = 0
        self._mono = True
        self._peak = 0.0
        self._sum, self._squares, self._product = np.zeros(2), np.zeros(2), 0.0
        self._same = True
        self._levels: list[float] = []
        self._spectrum = np.zeros(_FFT // 2 + 1)
        self._window = np.hanning(_FFT).astype(np.float32)

    def hear_native(self, samples: NDArray[np.float32]) -> None:
        """A block as decoded, (channels, n) at the track's rate, before anything rounds off flat tops."""
        self._mono = self._mono and samples.shape[0] == 1
        self._native += samples.size
        loud = np.abs(samples) >= 0.25
        if loud.any():
            self._flat += _in_flat_tops(samples, loud)

    def hear(self, stereo: NDArray[np.float32]) -> None:
        """The same block as it will be written: (2, n) at the recording's rate."""
        wide = stereo.astype(np.float64)
        self._samples += stereo.shape[1]
        self._peak = max(self._peak, float(np.abs(stereo).max(initial=0.0)))
        self._sum += wide.sum(axis=1)
        self._squares += (wide**2).sum(axis=1)
        self._product += float((wide[0] * wide[1]).sum())
        self._same = self._same and bool(np.array_equal(stereo[0], stereo[1]))
        if stereo.shape[1]:
            self._levels.append(float(wide.var(axis=1).mean()))
        for first in range(0, stereo.shape[1] - _FFT + 1, _FFT * 3):
            piece = stereo[:, first : first + _FFT]
            bent = (piece - piece.mean(axis=1, keepdims=True)) * self._window
            self._spectrum += (np.abs(np.fft.rfft(bent, axis=1)) ** 2).sum(axis=0)

    @property
    def seconds(self) -> float:
        return self._samples / self._rate

    def repair(self) -> Repair:
        left, right = self._power()
        if self._mono:
            keep: int | None = 0
        else:
            keep = 0 if right < left * 1e-4 else 1 if left < right * 1e-4 else None
        offset = bool((np.abs(self._sum) > 0.005 * max(1, self._samples)).any())
        inverted = keep is None and self._correlation() < -0.7
        return Repair(keep=keep, flip_right=inverted, high_pass=offset)

    def problems(self) -> tuple[Problem, ...]:
        """In the order in which a person would ask."""
        found = [_problem("short", f"only {self.seconds:.1f} s long")] if round(self.seconds, 1) < 5.0 else []
        if self._peak <= _SILENT_PEAK:
            return (*found, _problem("silent", "the track is digital silence; another track may have the sound"))
        found += self._level_problems()
        found += self._channel_problems()
        bandwidth = self._bandwidth_hz()
        if bandwidth < 4300.0:
            said = f"hardly any sound above {bandwidth:.0f} Hz: telephone quality, whatever the sample rate says"
            found.append(_problem("telephone", said))
        return tuple(found)

    def _level_problems(self) -> list[Problem]:
        found = []
        sounding = [each for each in self._levels if each > _SILENT_PEAK**2]
        loud = 10.0 * np.log10(np.percentile(sounding or self._levels, 95) + 1e-20)
        if loud < -50.0:
            found.append(_problem("quiet", f"the loudest seconds reach {loud:.0f} dBFS only; noise will be heard"))
        share = self._flat / max(1, self._native)
        if share > 0.002:
            found.append(_problem("clipping", f"{100 * share:.1f} % of the samples are flat tops: recorded too loud"))
        return found

    def _channel_problems(self) -> list[Problem]:
        found = []
        repair = self.repair()
        if self._mono or self._same:
            found.append(_problem("mono", "one channel: voices cannot be told from music by their place"))
        elif repair.keep is not None:
            side = ("left", "right")[repair.keep]
            found.append(_problem("one_sided", f"only the {side} channel has sound: the recording is that one, mono"))
        if repair.flip_right:
            found.append(_problem("phase_inverted", "right is the inverse of left: the right channel was turned back"))
        if repair.high_pass:
            offset = float((np.abs(self._sum) / self._samples).max())
            found.append(_problem("other", f"a constant offset of {offset:.2f} was removed (high-pass at 10 Hz)"))
        return found

    def _power(self) -> tuple[float, float]:
        """Mean square of each channel, without its offset."""
        count = max(1, self._samples)
        power = np.maximum(self._squares / count - (self._sum / count) ** 2, 0.0)
        return float(power[0]), float(power[1])

    def _correlation(self) -> float:
        left, right = self._power()
        count = max(1, self._samples)
        shared = self._product / count - self._sum[0] * self._sum[1] / count**2
        return float(shared / max((left * right) ** 0.5, 1e-20))

    def _bandwidth_hz(self) -> float:
        """Highest band of about 100 Hz that is less than 60 dB below the loudest one."""
        bins = max(1, round(100.0 * _FFT / self._rate))
        count = self._spectrum.size // bins
        bands = self._spectrum[: count * bins].reshape(count, bins).mean(axis=1)
        if not bands.any():
            return self._rate / 2
        return float((np.flatnonzero(bands > bands.max() * 1e-6)[-1] + 1) * bins * self._rate / _FFT)


def _in_flat_tops(samples: NDArray[np.float32], loud: NDArray[np.bool_]) -> int:
    """Samples in runs of at least three that stand still at the block's own ceiling, or beyond full scale."""
    ceiling = np.abs(samples).max(axis=1, keepdims=True)
    top = loud & ((np.abs(samples) >= 0.995 * ceiling) | (np.abs(samples) >= 0.999))
    still = top[:, 1:] & top[:, :-1] & (np.abs(np.diff(np.clip(samples, -1.0, 1.0), axis=1)) <= 2.0**-14)
    return int((still[:, 1:] & still[:, :-1]).sum())


def _problem(kind: str, text: str) -> Problem:
    return Problem(kind=kind, text=text)  # type: ignore[arg-type]
