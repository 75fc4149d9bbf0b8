"""Acoustic fingerprints: what finds an opening, an ending or a recap again in another episode.

After Haitsma and Kalker, "A Highly Robust Audio Fingerprinting System" (ISMIR
2002): 33 bands, 32 bits a word, a bit being the sign of how the difference of
two neighbouring bands changes in time. Hop, window and smoothing in time are
those of Chromaprint (4,096 samples at 11,025 Hz, a third apart), so that an
offset of half a hop costs few bits; bands are compared in decibels.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from containers.contract import stages
from containers.contract.item import Item

from . import audio

RATE_HZ = 11025
WINDOW = 4096
HOP = 1365
_BANDS = 33
_LOW_HZ, _HIGH_HZ = 150.0, 4500.0
_SMOOTHING = np.array([0.25, 0.75, 1.0, 0.75, 0.25]) / 3.0
_REACH = 3
"""Bits compare the words before and after by so many hops (0.37 s): twice that is about a syllable or a beat."""

_SILENT = 1e-7
"""Mean square (-70 dBFS) below which a word is 0: silences must not look like a recurring scene."""


def fingerprint(request: stages.FingerprintRequest, item: Item) -> stages.FingerprintResult:
    """One word each 0.124 s; words of the same sound differ in about a tenth of their bits, of others in half."""
    recording = item.input(request.recording)
    with audio.decodable(recording):
        words = words_of(recording)
    path = item.output("fingerprint.npy")
    np.save(path, words, allow_pickle=False)
    return stages.FingerprintResult(
        fingerprint=item.file(path), hop=HOP / RATE_HZ, words=len(words), method="haitsma-kalker 33 bands, 1"
    )


def words_of(path: Path) -> NDArray[np.uint32]:
    """The words of a sound file, word i being centred on (i + 0.5) hops."""
    bands, power = [np.zeros((0, _BANDS), np.float32)], [np.zeros(0, np.float32)]
    for frames in _frames(path):
        spectrum = np.abs(np.fft.rfft(frames * np.hanning(WINDOW).astype(np.float32), axis=1)) ** 2
        bands.append((10.0 * np.log10(spectrum @ _FILTERS + 1e-3)).astype(np.float32))
        power.append((frames**2).mean(axis=1))
    return _words(np.concatenate(bands), np.concatenate(power))


def _words(bands: NDArray[np.float32], power: NDArray[np.float32]) -> NDArray[np.uint32]:
    count = len(bands)
    if not count:
        return np.zeros(0, np.uint32)
    padded = np.pad(bands, ((2 + _REACH, 2 + _REACH), (0, 0)), mode="edge")
    smooth = sum(weight * padded[k : k + count + 2 * _REACH] for k, weight in enumerate(_SMOOTHING))
    steps = smooth[:, :-1] - smooth[:, 1:]
    bits = steps[2 * _REACH :] > steps[: -2 * _REACH]
    words = bits.astype(np.uint32) @ (np.uint32(1) << np.arange(_BANDS - 1, dtype=np.uint32))
    words[power < _SILENT] = 0
    return words.astype("<u4")


def _frames(path: Path) -> Iterator[NDArray[np.float32]]:
    """Overlapping windows (frames, WINDOW), one for each hop that the sound reaches into."""
    ready = np.zeros((WINDOW - HOP) // 2 + 1, np.float32)
    samples = taken = 0
    for mono in _mono(path):
        samples += len(mono)
        ready = np.concatenate([ready, mono])
        count = max(0, (len(ready) - WINDOW) // HOP + 1)
        if count:
            taken += count
            yield _windows(ready, count)
            ready = ready[count * HOP :]
    left = -(-samples // HOP) - taken
    if left > 0:
        yield _windows(np.pad(ready, (0, left * HOP + WINDOW)), left)


def _windows(samples: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    every = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)
    return every[: (count - 1) * HOP + 1 : HOP]


def _mono(path: Path) -> Iterator[NDArray[np.float32]]:
    resampler = soxr.ResampleStream(soundfile.info(path).samplerate, RATE_HZ, 1, quality="HQ")
    for block in audio.blocks(path, 10.0):
        yield resampler.resample_chunk(audio.mono(block))
    yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)


def _filters() -> NDArray[np.float32]:
    """Triangles (bins, bands), equally wide on a logarithmic scale."""
    hz = np.fft.rfftfreq(WINDOW, 1 / RATE_HZ)[:, None]
    edges = np.geomspace(_LOW_HZ, _HIGH_HZ, _BANDS + 2)
    low, mid, high = edges[:-2], edges[1:-1], edges[2:]
    return np.clip(np.minimum((hz - low) / (mid - low), (high - hz) / (high - mid)), 0.0, None).astype(np.float32)


_FILTERS = _filters()
