"""Voices and all the rest, without a trained separator: a subtraction that the stereo picture guides.

Not Demucs: it needs accompaniment that is wider than the voice, and takes only steady sound from a mono
recording. It goes over the file block by block, first to learn (where the voices are, what the rests between
them tell), then to split; memory grows by less than 3 KB for each second, the measurements.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import TypeVar

import numpy as np
import scipy.ndimage
import soundfile
import soxr
from numpy.typing import NDArray

from containers.contract.errors import RecordingError
from containers.contract.item import Item
from containers.contract.stages import SeparateRequest, SeparateResult

from . import voice_mask
from .audio import refusal, unpacked
from .exact_sum import Integers, Recording, StemWriter, split
from .spectra import Grid, Spectra
from .speech import SAMPLE_RATE_HZ, WINDOW_SECONDS, SpeechDetector
from .voice_mask import CONTEXT, SLOT, by_frame

Array = NDArray[np.float32]
Measured = TypeVar("Measured", voice_mask.Picture, voice_mask.Accompaniment)

HEARD_SLOTS = 12
"""Slots in which speech is looked for at once: about 12 s."""
BLOCK_SLOTS = 3
"""Slots whose spectra are worked on at once: few, so that they stay in the processor's cache."""
_NO_SIDE = 1e-4
"""Power aside over power ahead of a recording that is one channel in truth (-40 dB)."""


def separate(request: SeparateRequest, item: Item) -> SeparateResult:
    """Vocals and background; their sum is the recording in every sample, in integers of `bit_depth`.

    Vocals of a stereo recording hold the voice where it stands, without the width of what surrounds it. Several
    voices in different places at once: the strongest is kept best. Raises RecordingError for what is no sound.
    """
    vocals, background = item.output("vocals.flac"), item.output("background.flac")
    try:
        with unpacked(item.input(request.recording), item.path) as plain, soundfile.SoundFile(plain) as file:
            if file.channels > 2:
                raise RecordingError(f"the recording has {file.channels} channels; extract it as stereo or mono")
            if not file.frames:
                raise RecordingError("the recording holds no sound at all; extract it again")
            recording = Recording(file, request.bit_depth)
            splitter = Splitter(recording, item.progress)
            with StemWriter(vocals, recording) as voices, StemWriter(background, recording) as rest:
                for voice, left in splitter.blocks():
                    voices.write(voice)
                    rest.write(left)
    except soundfile.LibsndfileError as error:
        said = f"the recording cannot be read as sound ({error.error_string}); extract it again"
        raise refusal(error, said) from error
    return SeparateResult(
        vocals=item.file(vocals),
        background=item.file(background),
        sample_rate_hz=recording.rate_hz,
        duration=recording.length / recording.rate_hz,
    )


@dataclass(frozen=True, kw_only=True)
class Stereo:
    """`sign`: -1 where the right channel is inverted; `wide`: there is a side to learn from."""

    sign: float
    wide: bool


class _Width:
    """Hears blocks (channels, samples) and tells whether there is a side: recordings of one channel, or with one
    silent, or with two alike, have none."""

    def __init__(self) -> None:
        self._left = self._right = self._both = 0.0
        self._mono = False

    def hear(self, samples: Array) -> None:
        self._mono = len(samples) == 1
        if not self._mono:
            left, right = samples.astype(np.float64)
            self._left, self._right, self._both = (
                self._left + left @ left,
                self._right + right @ right,
                self._both + left @ right,
            )

    def stereo(self) -> Stereo:
        if self._mono:
            return Stereo(sign=1.0, wide=False)
        left, right, both = self._left, self._right, self._both
        sign = -1.0 if both < -0.25 * (left + right) else 1.0
        ahead, aside = left + right + 2 * sign * both, left + right - 2 * sign * both
        wide = min(left, right) > _NO_SIDE * max(left, right) and aside > _NO_SIDE * ahead
        return Stereo(sign=sign, wide=bool(wide))


class Splitter:
    """Learns a recording when it is made, then splits it; `progress` hears how far it is, 0 to 1."""

    def __init__(self, recording: Recording, progress: Callable[[float], None], block_slots: int = BLOCK_SLOTS) -> None:
        self._recording = recording
        self._progress = progress
        self._grid = Grid.at(recording.rate_hz)
        self._slot = self._grid.hop * SLOT
        self._slots = -(-recording.length // self._slot)
        self._block_slots = block_slots
        self._stereo, self._speech = self._listen()
        self._angles = np.zeros(self._slots, np.float32)
        if self._stereo.wide:
            self._angles = voice_mask.directions(self._measured(self._picture, 0.2))
        self._rests = voice_mask.rests(self._measured(self._accompaniment, 0.4), self._grid.silence)

    def blocks(self) -> Iterator[tuple[NDArray[np.int32], NDArray[np.int32]]]:
        """Vocals and background as integers (channels, samples), from begin to end."""
        for first, last in self._spans(0.7, 1.0, self._block_slots):
            begin, end = first * self._slot, min(last * self._slot, self._recording.length)
            since, until = self._reach(first, last)
            heard = self._recording.integers(since, until)
            samples = self._vocals(first, last, heard)[:, : end - begin]
            yield split(heard[:, begin - since : end - since], samples, self._recording.highest)

    def _spans(self, before: float, after: float, slots: int) -> Iterator[tuple[int, int]]:
        """First and last slot (exclusive) of each block of so many; progress goes from `before` to `after`."""
        for first in range(0, self._slots, slots):
            self._progress(before + (after - before) * first / self._slots)
            yield first, min(first + slots, self._slots)

    def _listen(self) -> tuple[Stereo, Array]:
        """One pass for the width and the speech; once more where the right channel is inverted, which extract mends."""
        width = _Width()
        speech = self._speech_in(1.0, 0.0, 0.2, width)
        stereo = width.stereo()
        return stereo, speech if stereo.sign > 0 else self._speech_in(stereo.sign, 0.1, 0.2, width)

    def _speech_in(self, sign: float, before: float, after: float, width: _Width) -> Array:
        """Probability of speech, one a window of 32 ms, the highest of 0.1 s before and after; `width` hears along."""
        detector = SpeechDetector()
        stream = soxr.ResampleStream(self._recording.rate_hz, SAMPLE_RATE_HZ, 1, dtype="float32", quality="HQ")
        parts = []
        for first, last in self._spans(before, after, HEARD_SLOTS):
            samples = self._recording.floats(first * self._slot, min(last * self._slot, self._recording.length))
            width.hear(samples)
            mid = samples[0] if len(samples) == 1 else (samples[0] + np.float32(sign) * samples[1]) / 2
            parts.append(detector.push(stream.resample_chunk(mid)))
        parts.append(detector.push(stream.resample_chunk(np.zeros(0, np.float32), last=True)))
        probabilities = np.concatenate([*parts, detector.finish()])
        return scipy.ndimage.maximum_filter1d(probabilities, 7) if len(probabilities) else np.zeros(1, np.float32)

    def _mid_and_side(self, samples: Array) -> Array:
        """(channels, ...) -> mid, and side of a stereo recording."""
        if self._recording.channels == 1:
            return samples
        right = np.float32(self._stereo.sign) * samples[1]
        both = np.empty_like(samples)
        np.add(samples[0], right, out=both[0])
        np.subtract(samples[0], right, out=both[1])
        both /= 2
        return both

    def _reach(self, first: int, last: int, context: int = CONTEXT) -> tuple[int, int]:
        """First and last sample (exclusive) of the frames of these slots with context."""
        return self._grid.span(first * SLOT - context, last * SLOT + context)

    def _spectra(self, samples: Array) -> Spectra:
        return self._grid.analyse(self._mid_and_side(samples))

    def _speech_of(self, first: int, last: int) -> Array:
        """The probability of speech in each frame of these slots."""
        middles = (np.arange(first * SLOT, last * SLOT) - 1) * self._grid.hop / self._recording.rate_hz
        windows = (np.arange(len(self._speech)) + 0.5) * WINDOW_SECONDS
        return np.interp(middles, windows, self._speech, left=0, right=0).astype(np.float32)

    def _measured(self, measure: Callable[[int, int], Measured], before: float) -> Measured:
        """What `measure` tells of each slot of the file."""
        parts = [measure(first, last) for first, last in self._spans(before, before + 0.2, self._block_slots)]
        kind = type(parts[0])
        names = [field.name for field in fields(kind)]
        return kind(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})

    def _picture(self, first: int, last: int) -> voice_mask.Picture:
        mid, side = self._spectra(self._recording.floats(*self._reach(first, last, context=0)))
        return voice_mask.picture(mid, side, self._speech_of(first, last))

    def _accompaniment(self, first: int, last: int) -> voice_mask.Accompaniment:
        spectra = self._spectra(self._recording.floats(*self._reach(first, last)))
        ahead, aside = self._turned(spectra, first, last)
        return voice_mask.listen(ahead, aside, self._speech_of(first, last), self._grid.silence)

    def _turned(self, spectra: Spectra, first: int, last: int) -> tuple[Spectra, Spectra]:
        if not self._stereo.wide:
            return spectra[0], np.zeros_like(spectra[0])
        return voice_mask.turned(*spectra, by_frame(self._angles[self._known(first, last)], CONTEXT))

    def _asides(self, spectra: Spectra, known: NDArray[np.int64]) -> list[Spectra]:
        """The sound aside of the voice, and of the voices a slot earlier and later where they stand elsewhere."""
        angles = [self._angles[np.clip(known + shift, 0, self._slots - 1)] for shift in (0, -1, 1)]
        different = [each for i, each in enumerate(angles) if not any(np.array_equal(each, a) for a in angles[:i])]
        return [voice_mask.turned(*spectra, by_frame(each, CONTEXT))[1] for each in different]

    def _known(self, first: int, last: int) -> NDArray[np.int64]:
        """Which measurements speak for these slots and one more on each side: at the ends of the file the outermost."""
        return np.clip(np.arange(first - 1, last + 1), 0, self._slots - 1)

    def _vocals(self, first: int, last: int, heard: Integers) -> Array:
        """The voices in these slots, of which `heard` are the samples with context: (channels, samples)."""
        spectra = self._spectra(self._recording.as_floats(heard))
        known, silence = self._known(first, last), self._grid.silence
        nearby = voice_mask.Rests(**{each.name: getattr(self._rests, each.name)[known] for each in fields(self._rests)})
        if self._stereo.wide:
            ahead, aside = self._turned(spectra, first, last)
            gain = voice_mask.mask(ahead, self._asides(spectra, known), nearby, silence)
            own = by_frame(1 - nearby.side, CONTEXT)[:, None]
            voices = voice_mask.scaled(ahead, gain), voice_mask.scaled(aside, gain * own)
            spectra = np.stack(voice_mask.turned(*voices, -by_frame(self._angles[known], CONTEXT)))
        else:
            spectra = voice_mask.scaled(spectra, voice_mask.floor_mask(spectra[0], nearby, silence))
        needed = slice(CONTEXT, CONTEXT + (last - first) * SLOT + 3)
        samples = self._grid.synthesise(spectra[:, needed])
        if self._recording.channels == 1:
            return samples
        mid, side = samples
        return np.stack((mid + side, np.float32(self._stereo.sign) * (mid - side)))
