"""One recording: vocals window by window, and the background as what is left, in integers that add up exactly.

Memory does not grow with the recording: at most a window and its neighbour's edge are held. The library would
read a whole file, or cut it into pieces and put these side by side, with a seam at each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from containers.contract.errors import RecordingError
from containers.contract.item import Item
from containers.contract.stages import SeparateRequest, SeparateResult

from . import library
from .recording import Recording, StemWriter, split

Floats = NDArray[np.float32]
"""(channels, samples) in -1..1."""
Said = Callable[[float], None]

WINDOW_SECONDS = 120
GUARD_SECONDS = 3
"""Left out at each end of a window, where a model lacks what comes before or after."""
FADE_SECONDS = 2
"""Over which one window's vocals go over into the next one's."""


@dataclass(frozen=True, kw_only=True)
class Ensemble:
    """The models that separate together, and how their vocals become one."""

    members: tuple[library.Separation, ...]
    joined: Any

    @classmethod
    def load(cls, names: tuple[str, ...], algorithm: str, overlap: int) -> Ensemble:
        """Raises EngineError for weights that are not here, or that the library cannot load."""
        import logging

        from audio_separator.separator.ensembler import Ensembler

        members = tuple(library.Separation(name, overlap) for name in names)
        return cls(members=members, joined=Ensembler(logging.getLogger(__name__), algorithm))

    def vocals(self, mix: Floats, said: Said) -> Floats:
        """(2, samples) at 44.1 kHz in and out; silence is not put before a model at all."""
        if not mix.any():
            return mix
        count = len(self.members)
        found = [
            member.vocals(mix, lambda done, before=number: said((before + done) / count))
            for number, member in enumerate(self.members)
        ]
        joined: Floats = self.joined.ensemble(found)
        return joined


def separate_by(ensemble: Ensemble, request: SeparateRequest, item: Item) -> SeparateResult:
    """Raises RecordingError for what is no sound."""
    vocals, background = item.output("vocals.flac"), item.output("background.flac")
    try:
        with soundfile.SoundFile(item.input(request.recording)) as file:
            if file.channels > 2:
                raise RecordingError(f"the recording has {file.channels} channels; extract it as stereo or mono")
            if not file.frames:
                raise RecordingError("the recording holds no sound at all; extract it again")
            recording = Recording(file, request.bit_depth)
            with StemWriter(vocals, recording) as voices, StemWriter(background, recording) as rest:
                begin = 0
                for found in _vocals(ensemble, recording, item.progress):
                    end = begin + found.shape[1]
                    voice, left = split(recording.integers(begin, end), found, recording.highest)
                    voices.write(voice)
                    rest.write(left)
                    begin = end
    except soundfile.LibsndfileError as error:
        raise RecordingError(
            f"the recording cannot be read as sound ({error.error_string}); extract it again"
        ) from error
    return SeparateResult(
        vocals=item.file(vocals),
        background=item.file(background),
        sample_rate_hz=recording.rate_hz,
        duration=recording.length / recording.rate_hz,
    )


def _vocals(ensemble: Ensemble, recording: Recording, said: Said) -> Iterator[Floats]:
    """The vocals of a recording at its own rate and channels, from begin to end."""
    rate = recording.rate_hz

    def of(first: int, last: int) -> Floats:
        sound = recording.floats(first, last)
        mix = _resampled(sound if recording.channels == 2 else np.repeat(sound, 2, axis=0), rate, library.RATE_HZ)
        share = (last - first) / recording.length
        found = ensemble.vocals(mix, lambda done: said(min(1.0, first / recording.length + share * done)))
        back = _resampled(found, library.RATE_HZ, rate)[:, : last - first]
        back = np.pad(back, ((0, 0), (0, last - first - back.shape[1])))
        return back if recording.channels == 2 else back.mean(axis=0, keepdims=True)

    yield from blended(recording.length, WINDOW_SECONDS * rate, GUARD_SECONDS * rate, FADE_SECONDS * rate, of)


def _resampled(sound: Floats, rate_hz: int, wanted_hz: int) -> Floats:
    return sound if rate_hz == wanted_hz else soxr.resample(sound.T, rate_hz, wanted_hz, quality="HQ").T


def blended(length: int, window: int, guard: int, fade: int, of: Callable[[int, int], Floats]) -> Iterator[Floats]:
    """What `of` makes of overlapping windows (first sample, last exclusive), as one sound in pieces without a seam.

    The last window is moved back so that it is as long as the others.

    >>> ramp = np.arange(100, dtype=np.float32)[None]
    >>> pieces = list(blended(100, 40, 4, 6, lambda first, last: ramp[:, first:last].copy()))
    >>> np.allclose(np.concatenate(pieces, axis=1), ramp), [piece.shape[1] for piece in pieces]
    (True, [30, 26, 8, 36])
    """
    step = window - 2 * guard - fade
    starts = [0]
    while starts[-1] + window < length:
        starts.append(min(starts[-1] + step, length - window))
    rise = ((np.arange(fade) + 0.5) / fade).astype(np.float32)
    before: Floats | None = None
    for start, following in zip(starts, [*starts[1:], None], strict=True):
        sound = of(start, min(start + window, length))
        begin = guard if before is not None else 0
        if before is not None:
            faded = slice(guard, guard + fade)
            sound[:, faded] = rise * sound[:, faded] + (1 - rise) * before
        end = sound.shape[1] if following is None else following + guard - start
        before = sound[:, end : end + fade].copy()
        yield sound[:, begin:end]
