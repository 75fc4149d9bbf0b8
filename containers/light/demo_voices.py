"""The voices of the demo series: Open JTalk's one voice, rebuilt with another throat for each character.

WORLD takes a sentence apart; the vocal tract is made longer or shorter, the
pitch moved, the breath and the colour changed. Nobody's voice, so anybody may
use it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyworld
from numpy.typing import NDArray

from .audio import Samples
from .demo_script import WALK_ON, Line
from .japanese import JTALK_RATE_HZ as RATE_HZ
from .japanese import japanese
from .sentences import sentences

_PERIOD_MS = 10.0
_FFT = 2048
LEVEL_DBFS = -20.0
"""Root mean square of every line."""


@dataclass(frozen=True, kw_only=True)
class Throat:
    """`tract` scales all formants (1.2 = shorter, a child's); `f0_hz` is the median; `lively` scales the
    melody; `breath` 0..1; `tilt` in dB an octave; `formants` are (Hz, dB) of the character's own resonances."""

    tract: float
    f0_hz: float
    lively: float
    breath: float
    tilt: float
    rate: float
    formants: tuple[tuple[float, float], ...] = ()


THROATS = {
    "haruto": Throat(
        tract=1.0, f0_hz=215, lively=1.25, breath=0.15, tilt=1.0, rate=1.4, formants=((1500, 7), (2900, 5), (700, -5))
    ),
    "goro": Throat(
        tract=0.8, f0_hz=98, lively=0.9, breath=0.05, tilt=-0.5, rate=1.3, formants=((450, 6), (2300, 5), (1200, -6))
    ),
    "mio": Throat(
        tract=1.2, f0_hz=335, lively=1.0, breath=0.45, tilt=-1.0, rate=1.4, formants=((1100, 5), (3800, 7), (2300, -5))
    ),
    WALK_ON: Throat(
        tract=0.92, f0_hz=150, lively=0.7, breath=0.7, tilt=-2.5, rate=1.1, formants=((900, 8), (3000, -6), (300, -5))
    ),
}


def say(line: Line) -> Samples:
    """A line in its speaker's voice: mono float32 at 48 kHz, without silence around it."""
    throat = THROATS[line.speaker]
    base = np.concatenate([japanese(each, throat.rate) for each in sentences(line.text)])
    speech = _trimmed(_rebuilt(base / 32768, throat))
    level = np.sqrt(np.mean(np.square(speech[np.abs(speech) > 0.05 * np.abs(speech).max()])))
    speech = speech * (10 ** (LEVEL_DBFS / 20) / level)
    return (np.tanh(speech / 0.8) * 0.8).astype(np.float32)


def _rebuilt(base: NDArray[np.float64], throat: Throat) -> NDArray[np.float64]:
    f0, times = pyworld.dio(base, RATE_HZ, frame_period=_PERIOD_MS)
    f0 = pyworld.stonemask(base, f0, times, RATE_HZ)
    spectrum = pyworld.cheaptrick(base, f0, times, RATE_HZ, fft_size=_FFT)
    hz = np.linspace(0, RATE_HZ / 2, spectrum.shape[1])
    place = np.clip(hz / throat.tract / hz[1], 0, len(hz) - 1)
    below = np.minimum(place.astype(int), len(hz) - 2)
    part = place - below
    warped = spectrum[:, below] * (1 - part) + spectrum[:, below + 1] * part
    noise = np.clip(throat.breath + hz / 12000, 0.01, 0.999) ** 2
    shaped = np.ascontiguousarray(warped * _colour(hz, throat))
    return pyworld.synthesize(_melody(f0, throat), shaped, np.tile(noise, (len(f0), 1)), RATE_HZ, _PERIOD_MS)


def _melody(f0: NDArray[np.float64], throat: Throat) -> NDArray[np.float64]:
    voiced = f0 > 0
    log = np.log(f0, where=voiced, out=np.zeros_like(f0))
    moved = throat.f0_hz * np.exp(throat.lively * (log - np.median(log[voiced])))
    return np.where(voiced, moved, 0.0)


def _colour(hz: NDArray[np.float64], throat: Throat) -> NDArray[np.float64]:
    octaves = np.log2(np.clip(hz, 100, 8000) / 1000)
    gain_db = throat.tilt * octaves
    for centre, peak_db in throat.formants:
        gain_db = gain_db + peak_db * np.exp(-(np.log2(np.maximum(hz, 20) / centre) ** 2) / (2 * 0.22**2))
    return 10 ** (gain_db / 10)


def _trimmed(speech: NDArray[np.float64]) -> NDArray[np.float64]:
    heard = np.flatnonzero(np.abs(speech) > 0.02 * np.abs(speech).max())
    room = round(0.03 * RATE_HZ)
    return speech[max(heard[0] - room, 0) : heard[-1] + room]
