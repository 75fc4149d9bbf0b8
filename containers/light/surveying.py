"""Stage survey: what the background does over time, 50 times a second.

Loudness as ITU-R BS.1770 weighs it, how far a hop stands out of the seconds
around it (effects), and how uneven the spectrum is (notes or noise). Reads in
blocks; what stays in memory is 24 bands a hop.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import scipy.fft
import soundfile
from numpy.typing import NDArray
from pyloudnorm.iirfilter import IIRfilter
from scipy.signal import lfilter

from containers.contract.item import Item
from containers.contract.stages import SURVEYED, SurveyRequest, SurveyResult

from .audio import Samples, decodable

Rows = NDArray[np.float32]

HOPS_PER_SECOND = 50
_BLOCK_HOPS = 1000
_WINDOW_SECONDS = 0.043
_BANDS_HZ = np.geomspace(90.0, 16000.0, 25)
_FLOOR = 1e-9
"""Power of a band below which nothing stands out of anything: -90 dBFS."""
_TONAL_HZ = (200.0, 5000.0)
_NEIGHBOURS = 16  # bins that are compared with each other, about 370 Hz

_USUAL_SECONDS, _USUAL_PERCENTILE, _USUAL_STEP = 12.0, 95, 25
"""What is usual in a band: the level that 95 % of the 12 s around do not reach, found anew each half second."""
_MOST = 4
"""Bands that count for how far a hop stands out: those that do most. A coin rings in few."""


def survey(request: SurveyRequest, item: Item) -> SurveyResult:
    background, vocals = item.input(request.background), item.input(request.vocals)
    with decodable(background):
        heard = [(block.power, block.bands, block.tonal) for block in _blocks(background, spectra=True)]
        rate = soundfile.info(background).samplerate
    power, bands, tonal = (np.concatenate(each) for each in zip(*heard, strict=True))
    item.progress(0.6)
    with decodable(vocals):
        voice = np.concatenate([block.power for block in _blocks(vocals, spectra=False)])
    voice = np.pad(voice, (0, max(0, len(power) - len(voice))))[: len(power)]
    columns = {
        "background_power": power,
        "vocals_power": voice,
        "stands_out_db": stands_out_db(bands),
        "tonal_db": tonal,
    }
    path = item.output("survey.npy")
    np.save(path, np.stack([columns[name] for name in SURVEYED], axis=1).astype("<f4"), allow_pickle=False)
    return SurveyResult(levels=item.file(path), hop=_hop(rate) / rate, rows=len(power))


@dataclass(frozen=True, kw_only=True)
class _Block:
    """Rows of some hops: K-weighted power, dB of each band, tonality in dB."""

    power: Rows
    bands: Rows
    tonal: Rows


def _blocks(path: Path, *, spectra: bool) -> Iterator[_Block]:
    """Every block of a file; the last hop is filled up with silence."""
    with soundfile.SoundFile(path) as sound:
        rate, total = sound.samplerate, sound.frames
        hop = _hop(rate)
        around = round((_WINDOW_SECONDS * rate - hop) / 2)
        weighting = Weighting(rate, sound.channels)
        for first in range(0, max(1, -(-total // hop)), _BLOCK_HOPS):
            count = min(_BLOCK_HOPS, max(1, -(-total // hop)) - first)
            samples = _with_surroundings(sound, first * hop - around, (first + count) * hop + around)
            core = samples[:, around : around + count * hop]
            power = np.square(weighting(core)).reshape(len(core), count, hop).mean(axis=2).sum(axis=0)
            if spectra:
                window = hop + 2 * around
                found = _spectra(samples, hop, window)
                yield _Block(power=power, bands=_in_bands(found, rate, window), tonal=tonal_db(found, rate, window))
            else:
                yield _Block(power=power, bands=power, tonal=power)


def _hop(rate_hz: int) -> int:
    return round(rate_hz / HOPS_PER_SECOND)


def _with_surroundings(sound: soundfile.SoundFile, first: int, last: int) -> Samples:
    """Samples first to last (channels, n); outside the file is silence."""
    begin, end = min(max(first, 0), sound.frames), min(max(last, 0), sound.frames)
    sound.seek(begin)
    read = sound.read(end - begin, dtype="float32", always_2d=True).T
    return np.pad(read, ((0, 0), (begin - first, last - first - (begin - first) - read.shape[1])))


class Weighting:
    """The K-weighting of BS.1770 over a stream of blocks (channels, n)."""

    def __init__(self, rate_hz: int, channels: int) -> None:
        shelf = IIRfilter(4.0, 1 / np.sqrt(2), 1500.0, rate_hz, "high_shelf")
        high = IIRfilter(0.0, 0.5, 38.0, rate_hz, "high_pass")
        self._filters = [(each.b, each.a) for each in (shelf, high)]
        self._states = [np.zeros((channels, 2)) for _ in self._filters]

    def __call__(self, samples: Samples) -> NDArray[np.float64]:
        weighted = samples.astype(np.float64)
        for index, (b, a) in enumerate(self._filters):
            weighted, self._states[index] = lfilter(b, a, weighted, axis=1, zi=self._states[index])
        return weighted


def _spectra(samples: Samples, hop: int, window: int) -> Rows:
    """Power of each bin in a window around each hop: (channels, hops, bins)."""
    shape = np.hanning(window).astype(np.float32)
    scale = np.float32(2.0 / (window * np.sum(np.square(shape))))
    frames = np.lib.stride_tricks.sliding_window_view(samples, window, axis=1)[:, ::hop]
    return np.stack([np.square(np.abs(scipy.fft.rfft(channel * shape, axis=1))) for channel in frames]) * scale


def _in_bands(power: Rows, rate_hz: int, window: int) -> Rows:
    """dB of each band of `_BANDS_HZ`, channels added so that nothing cancels; bands above the file's own: the floor."""
    edges = np.round(_BANDS_HZ / rate_hz * window).astype(int)
    sums = [power[..., low:high].sum(axis=(0, 2)) for low, high in pairwise(edges)]
    return 10 * np.log10(np.stack(sums, axis=1) + np.float32(_FLOOR))


def tonal_db(power: Rows, rate_hz: int, window: int) -> Rows:
    """Arithmetic over geometric mean of neighbouring bins, in dB, averaged from 200 Hz to 5 kHz: (hops,).

    Neighbours and not the whole spectrum, so that coloured noise is noise: 2.5 dB, whatever its colour. The louder
    a channel is, the more it counts.
    """
    low, high = (round(each / rate_hz * window) for each in _TONAL_HZ)
    bins = power[..., low:high] + np.float32(_FLOOR / 100)
    groups = bins[..., : bins.shape[-1] // _NEIGHBOURS * _NEIGHBOURS].reshape(*bins.shape[:2], -1, _NEIGHBOURS)
    uneven = (10 * np.log10(groups.mean(axis=3)) - 10 * np.log10(groups).mean(axis=3)).mean(axis=2)
    loud = bins.sum(axis=2)
    return np.sum(uneven * loud, axis=0) / loud.sum(axis=0)


def stands_out_db(bands: Rows) -> Rows:
    """How far each hop is above what is usual around it, in the bands where it is most: (hops, bands) -> (hops,)."""
    width = round(_USUAL_SECONDS * HOPS_PER_SECOND)
    padded = np.pad(bands, ((width // 2, width // 2), (0, 0)), mode="symmetric")
    windows = np.lib.stride_tricks.sliding_window_view(padded, width, axis=0)[::_USUAL_STEP]
    usual = np.concatenate(
        [np.percentile(windows[at : at + 64], _USUAL_PERCENTILE, axis=2) for at in range(0, len(windows), 64)]
    )
    known, found = np.arange(len(usual)) * _USUAL_STEP, [np.zeros(0)]
    for first in range(0, len(bands), _BLOCK_HOPS):
        block = bands[first : first + _BLOCK_HOPS]
        places = np.arange(first, first + len(block))
        usually = [np.interp(places, known, usual[:, each]) for each in range(bands.shape[1])]
        over = np.maximum(block - np.stack(usually, axis=1), 0.0)
        found.append(np.sort(over, axis=1)[:, -_MOST:].mean(axis=1))
    return np.concatenate(found).astype(np.float32)
