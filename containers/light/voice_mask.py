"""How much of each spectral bin is voice: the voice lies in one direction of the stereo picture, music does not.

The channels are turned so that one holds the voice's direction (`ahead`) and the other nothing of the
voice (`aside`). In the rests between the voices is measured how loud the accompaniment is ahead for
its loudness aside; while somebody speaks, its loudness aside then tells moment by moment what to
subtract ahead. A voice with a wide reverberation is loud aside itself: where the sound aside falls silent with
the voice, it is held for the voice's own. A recording without a side (mono, dual mono, one-sided) has only
the floor measured in the rests: it takes away steady noise and pads, not a tune or a hit.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from .spectra import Spectra

Array = NDArray[np.float32]

SLOT = 48
"""Frames that share one measurement: about a second."""
CONTEXT = 8
"""Frames that are worked on before and after some slots, so that what is smoothed, and put together again, is at their
edges as at any other place: half of all smoothing, and the four windows over a sample, reach over 6."""
DIRECTIONS = 60
"""Directions told apart, 3 degrees each; the middle one is the centre."""

_AT_ONCE = 256
"""Columns that a processor's cache holds."""
_BANDS = 8
"""Bins that share one measurement."""
_SMOOTHING = 5
"""Frames over which powers are averaged: about 0.1 s."""
_SUBTRACTION = 3.0
"""Times the expected power of the accompaniment that is subtracted: its bins scatter around what is expected."""
_FLOOR_SUBTRACTION = 2.0
_FLOOR_CUT = 0.9
"""The most that a floor alone may take of a bin's amplitude: it does not know the moment."""
_REACH_SLOTS = 15
_VOICE_REACH_SLOTS = 1
_USUAL_RATIO = 1.5
"""Power ahead over power aside of stereo music, where nothing could be measured."""
_OWN_SIDE = 1.5
"""A side more than this many times as loud in speech as in rests has that from the voice, not from the music."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """Where the sound comes from, slot by slot: amplitudes by direction (slots, DIRECTIONS), in frames with
    speech and in rests, and how many frames those are (slots,)."""

    speech: Array
    rest: Array
    speech_frames: Array
    rest_frames: Array


@dataclass(frozen=True, kw_only=True)
class Accompaniment:
    """Sums over the resting frames of each slot: logarithms of power ahead over aside, and of power ahead
    (slots, bands); frames and power aside in rests and in speech (slots,)."""

    ratio: Array
    floor: Array
    rest_frames: Array
    speech_frames: Array
    side_in_rest: Array
    side_in_speech: Array


@dataclass(frozen=True, kw_only=True)
class Rests:
    """What the rests tell of each slot: logarithms of power (slots, bands), and `side` (slots,), the share of the
    sound aside that is no echo of the voice."""

    ratio: Array
    floor: Array
    side: Array


def picture(mid: Spectra, side: Spectra, speech: Array) -> Picture:
    """Each bin's direction: half the angle of its (power difference, cross power), weighted by its amplitude."""
    along, across = _power(mid), _power(side)
    doubled = np.arctan2(2 * (mid * side.conj()).real, along - across)
    place = np.floor((doubled / (2 * np.pi) + 0.5) * DIRECTIONS + 0.5).astype(np.int64)
    place[place == DIRECTIONS] = 0
    amplitude = np.sqrt(along + across)
    rest = _rest(speech)
    return Picture(
        speech=_histogram(place, amplitude, speech),
        rest=_histogram(place, amplitude, rest),
        speech_frames=_by_slot(speech),
        rest_frames=_by_slot(rest),
    )


def directions(seen: Picture) -> Array:
    """Angle of the voice in each slot, in radians: 0 the centre, pi/4 left only; the centre where in doubt.

    The voice is where speech is louder than the rests around it, seen over about a second and a half.
    """
    speech = _near(seen.speech, seen.speech_frames, _VOICE_REACH_SLOTS)
    surplus = np.maximum(speech - _near(seen.rest, seen.rest_frames, _REACH_SLOTS), 0)
    surplus = scipy.ndimage.uniform_filter1d(surplus, 3, axis=1, mode="wrap")
    centre = DIRECTIONS // 2
    mode = surplus.argmax(axis=1)
    clear = (surplus.max(axis=1) > 1.5 * surplus[:, centre]) & (np.abs(mode - centre) > 1)
    return np.where(clear, (mode - centre) * np.pi / DIRECTIONS, 0.0).astype(np.float32)


def by_frame(slots: Array, context: int) -> Array:
    """What is known of some slots, for each of their frames; of the first and the last slot only `context` frames."""
    return np.repeat(slots, SLOT, axis=0)[SLOT - context : (len(slots) - 1) * SLOT + context]


def turned(mid: Spectra, side: Spectra, angles: Array) -> tuple[Spectra, Spectra]:
    """Mid and side, turned so that the first looks at the voice, by the angle of each frame; -angles turn it back."""
    if not angles.any():
        return mid, side
    cosine, sine = np.cos(angles)[:, None], np.sin(angles)[:, None]
    straight, across = mid.view(np.float32), side.view(np.float32)  # a real factor is for both parts of a number
    ahead, aside = cosine * straight, cosine * across
    ahead += sine * across
    aside -= sine * straight
    return ahead.view(np.complex64), aside.view(np.complex64)


def scaled(spectra: Spectra, gain: Array) -> Spectra:
    """Each bin times its own real gain: a quarter of what NumPy takes, which makes the gain a complex number first."""
    quieter = np.empty_like(spectra)
    np.multiply(spectra.real, gain, out=quieter.real)
    np.multiply(spectra.imag, gain, out=quieter.imag)
    return quieter


def listen(ahead: Spectra, aside: Spectra, speech: Array, silence: float) -> Accompaniment:
    """What whole slots tell of the accompaniment; `speech`: of their frames, beside which lie CONTEXT more."""
    loud, wide = (_smooth(_power(each))[CONTEXT:-CONTEXT] + silence for each in (ahead, aside))
    rest = _rest(speech)
    side = wide.sum(axis=1)
    ratio, floor = (np.zeros((len(rest), loud.shape[1] // _BANDS), np.float32) for _ in range(2))
    resting = np.flatnonzero(rest)
    if len(resting):
        share, loud = rest[resting, None], loud[resting]
        ratio[resting] = share * _by_band(np.log(loud / wide[resting]))
        floor[resting] = share * _by_band(np.log(loud))
    return Accompaniment(
        ratio=_by_slot(ratio),
        floor=_by_slot(floor),
        rest_frames=_by_slot(rest),
        speech_frames=_by_slot(speech),
        side_in_rest=_by_slot(rest * side),
        side_in_speech=_by_slot(speech * side),
    )


def rests(heard: Accompaniment, silence: float) -> Rests:
    """Means over the rests within about 15 s of each slot, leaning on the whole file's where there are few."""
    in_rest = _near(heard.side_in_rest, heard.rest_frames, _REACH_SLOTS)
    in_speech = _near(heard.side_in_speech, heard.speech_frames, _REACH_SLOTS)
    side = np.clip(_OWN_SIDE * in_rest / np.maximum(in_speech, silence), 0, 1)
    return Rests(
        ratio=_near(heard.ratio, heard.rest_frames, _REACH_SLOTS, np.log(_USUAL_RATIO)),
        floor=_near(heard.floor, heard.rest_frames, _REACH_SLOTS, np.log(silence)),
        side=side if heard.rest_frames.sum() > SLOT / 2 else np.ones_like(side),
    )


def _near(sums: Array, frames: Array, reach: int, usual: float = 0.0) -> Array:
    """Means around each slot: near ones count in full, the whole file as much as a slot, `usual` as 0.2 s of it."""
    shape = (-1, *[1] * (sums.ndim - 1))
    near = 1 - np.abs(np.arange(-reach, reach + 1)) / (reach + 1)
    whole = (sums.sum(axis=0) + usual * SLOT / 5) / (frames.sum() + SLOT / 5)
    total = scipy.ndimage.convolve1d(sums.astype(np.float64), near, axis=0, mode="constant") + SLOT * whole
    count = scipy.ndimage.convolve1d(frames.astype(np.float64), near, mode="constant") + SLOT
    return (total / count.reshape(shape)).astype(np.float32)


def mask(ahead: Spectra, asides: list[Spectra], known: Rests, silence: float) -> Array:
    """Share of the amplitude of each bin that is voice, 0..1, from what is known of the rests of these slots.

    `asides`: the sound aside of each direction a voice may be in; it must be loud in all to count as accompaniment.
    All frames of the slots, but of the first and the last only CONTEXT.
    """
    loud = _smooth(_power(ahead)) + silence
    wide = functools.reduce(np.minimum, (_smooth(_power(aside)) for aside in asides))
    expected = np.exp(_to_bins(known.ratio, loud.shape[1])) * known.side[:, None]
    return _softened(np.maximum(1 - _SUBTRACTION * (by_frame(expected, CONTEXT) * wide) / loud, 0))


def floor_mask(ahead: Spectra, known: Rests, silence: float) -> Array:
    """The same where there is no side to tell the moment: only the steady part is taken away."""
    loud = _smooth(_power(ahead)) + silence
    floor = by_frame(np.exp(_to_bins(known.floor, loud.shape[1])) - silence, CONTEXT)
    return _softened(np.maximum(1 - _FLOOR_SUBTRACTION * np.maximum(floor, 0) / loud, 1 - _FLOOR_CUT))


def _power(spectra: Spectra) -> Array:
    return spectra.real**2 + spectra.imag**2


def _smooth(power: Array) -> Array:
    return _along_time(power, _SMOOTHING)


def _softened(gain: Array) -> Array:
    """Neighbours averaged, so that no single bin sticks out (musical noise)."""
    return scipy.ndimage.uniform_filter1d(_along_time(gain, 3), 3, axis=1, mode="nearest")


def _along_time(values: Array, frames: int) -> Array:
    """Means over an odd number of frames, at the ends of the outermost one: scipy.ndimage.uniform_filter1d, which goes
    down the columns one by one, in half the time."""
    reach = frames // 2
    padded = np.pad(values, ((reach, reach), (0, 0)), mode="edge")
    means = np.empty_like(values)
    for first in range(0, values.shape[1], _AT_ONCE):
        columns = padded[:, first : first + _AT_ONCE].astype(np.float64)
        total = columns[: len(values)].copy()
        for shift in range(1, frames):
            total += columns[shift : shift + len(values)]
        means[:, first : first + _AT_ONCE] = total / frames
    return means


def _by_slot(values: Array) -> Array:
    return values.reshape(-1, SLOT, *values.shape[1:]).sum(axis=1)


def _by_band(values: Array) -> Array:
    """Means over bands of bins; the last bin of the spectrum (half the sample rate) is left out."""
    return values[:, :-1].reshape(len(values), -1, _BANDS).mean(axis=2)


def _to_bins(bands: Array, bins: int) -> Array:
    """(slots, bands) -> (slots, bins), without steps between bands."""
    centres = (np.arange(bands.shape[1]) + 0.5) * _BANDS - 0.5
    return np.stack([np.interp(np.arange(bins), centres, line) for line in bands]).astype(np.float32)


def _histogram(place: NDArray[np.int64], amplitude: Array, share: Array) -> Array:
    """Amplitudes by slot and place; a frame counts by its `share`, and one of none is not looked at."""
    slots, frames = len(place) // SLOT, np.flatnonzero(share)
    index = place[frames] + DIRECTIONS * (frames // SLOT)[:, None]
    weight = amplitude[frames] * share[frames, None]
    return np.bincount(index.ravel(), weight.ravel(), slots * DIRECTIONS).reshape(slots, DIRECTIONS)


def _rest(speech: Array) -> Array:
    """How surely nobody speaks: nothing from a speech probability of one half on."""
    return np.clip(1 - 2 * speech, 0, 1)
