"""f0 of speech, 100 times a second: CREPE (torchcrepe, its weights in the package) or WORLD's Harvest or DIO.

torchcrepe's own decoding adds random dither, so that the same sound has another f0 each time; here the network is
torchcrepe's and the decoding (Viterbi, then the centre of mass around the path: Kim 2018) is exact.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from .shape import FRAMES_PER_SECOND
from .sound import LISTEN_HZ, SILENCE, Samples, loudness

Method = Literal["crepe", "crepe-tiny", "harvest", "dio"]
F0 = NDArray[np.float32]
LOWEST_HZ, HIGHEST_HZ = 50.0, 1100.0
"""What the format's coarse f0 can say."""
_BINS, _CENTS, _FIRST_CENTS = 360, 20.0, 1997.3794084376191
_JUMP = 12
"""Bins (20 cents) that a path may move between frames, as CREPE's own decoder has it."""
_VOICED = 0.21
_BATCH = 512


def f0_of(samples: Samples, method: Method, crepe_hop: int, device: torch.device) -> F0:
    """f0 in Hz at each 10 ms of 16 kHz samples, 0 = unvoiced; as many values as there are whole 10 ms."""
    frames = len(samples) * FRAMES_PER_SECOND // LISTEN_HZ
    if not frames:
        return np.zeros(0, np.float32)
    if method in ("harvest", "dio"):
        found = _world(samples.astype(np.float64), method)
    else:
        found = _at_frames(*_crepe(samples, method, crepe_hop, device), crepe_hop, frames)
    found = np.pad(found, (0, max(0, frames - len(found))))[:frames]
    hop = LISTEN_HZ // FRAMES_PER_SECOND
    heard = loudness(samples, hop, 4 * hop)[:frames] > SILENCE
    inside = (found >= LOWEST_HZ) & (found <= HIGHEST_HZ)
    return np.where(heard & inside, found, 0).astype(np.float32)


def _world(samples: NDArray[np.float64], method: Method) -> F0:
    """f0 at each 10 ms; DIO is refined by StoneMask, much faster than Harvest, and loses more of what is breathy."""
    import pyworld

    if method == "harvest":
        found, _ = pyworld.harvest(samples, LISTEN_HZ, LOWEST_HZ, HIGHEST_HZ, 10.0)
        return found
    found, times = pyworld.dio(samples, LISTEN_HZ, LOWEST_HZ, HIGHEST_HZ, frame_period=10.0)
    return pyworld.stonemask(samples, found, times, LISTEN_HZ)


def _crepe(samples: Samples, method: Method, hop: int, device: torch.device) -> tuple[F0, NDArray[np.bool_]]:
    """f0 and voicing at each `hop` samples."""
    import torchcrepe

    capacity = "tiny" if method == "crepe-tiny" else "full"
    sound, parts = torch.from_numpy(samples)[None], []
    with torch.inference_mode():
        for frames in torchcrepe.preprocess(sound, LISTEN_HZ, hop, _BATCH, device):
            parts.append(torchcrepe.infer(frames, capacity, device).float().cpu().numpy())
    shares = np.concatenate(parts)
    lowest, highest = (int((1200 * np.log2(hz / 10) - _FIRST_CENTS) / _CENTS) for hz in (LOWEST_HZ, HIGHEST_HZ))
    shares[:, : max(0, lowest)] = 0
    shares[:, highest + 1 :] = 0
    path = likeliest_path(shares)
    rows = np.arange(len(path))
    strength = _smoothed(shares[rows, path])
    near = path[:, None] + np.arange(-4, 5)
    weights = np.where((near >= 0) & (near < _BINS), shares[rows[:, None], np.clip(near, 0, _BINS - 1)], 0)
    cents = (weights * (near * _CENTS + _FIRST_CENTS)).sum(axis=1) / np.maximum(weights.sum(axis=1), 1e-9)
    return (10 * 2 ** (cents / 1200)).astype(np.float32), strength > _VOICED


def likeliest_path(shares: NDArray[np.float32]) -> NDArray[np.int64]:
    """The bin of each frame on the likeliest path (Viterbi); steps of up to 12 bins, the smaller the likelier."""
    steps = np.arange(-_JUMP + 1, _JUMP)
    costs = np.log(_JUMP - np.abs(steps)).astype(np.float32)
    seen = np.log(np.maximum(shares / np.maximum(shares.sum(axis=1, keepdims=True), 1e-9), 1e-9))
    score = seen[0]
    came = np.zeros(shares.shape, np.int16)
    for index in range(1, len(seen)):
        around = np.pad(score, _JUMP - 1, constant_values=-np.inf)
        ways = np.lib.stride_tricks.sliding_window_view(around, len(steps)) + costs
        best = ways.argmax(axis=1)
        came[index] = np.arange(_BINS) + steps[best]
        score = ways[np.arange(_BINS), best] + seen[index]
        score = score - score.max()
    path = np.empty(len(seen), np.int64)
    path[-1] = score.argmax()
    for index in range(len(seen) - 1, 0, -1):
        path[index - 1] = came[index, path[index]]
    return path


def _smoothed(strength: F0) -> F0:
    """Median of three frames: a single frame neither begins nor ends a voiced stretch."""
    around = np.lib.stride_tricks.sliding_window_view(np.pad(strength, 1, mode="edge"), 3)
    return np.median(around, axis=1)


def _at_frames(f0: F0, voiced: NDArray[np.bool_], hop: int, frames: int) -> F0:
    """f0 moved from CREPE's times to the network's: between voiced neighbours along the logarithm."""
    if not voiced.any():
        return np.zeros(frames, np.float32)
    have, want = np.arange(len(f0)) * hop / LISTEN_HZ, np.arange(frames) / FRAMES_PER_SECOND
    course = np.exp(np.interp(want, have[voiced], np.log(f0[voiced])))
    nearest = np.minimum(np.round(want * LISTEN_HZ / hop).astype(np.int64), len(f0) - 1)
    return np.where(voiced[nearest], course, 0).astype(np.float32)


def median(f0: F0) -> float | None:
    """Median of voiced frames in Hz; None where nothing is voiced."""
    voiced = f0[f0 > 0]
    return round(float(np.median(voiced)), 2) if len(voiced) else None
