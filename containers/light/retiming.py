"""Bringing a line of speech to a length: its ends without their silence, its tempo changed within bounds.

Words are never cut: what is taken from the ends is far below the speech, and a margin stays. The tempo is changed
by FFmpeg's `atempo` (WSOLA), which leaves pitch and formants alone.
"""

from __future__ import annotations

from fractions import Fraction

import av
import av.error
import av.filter
import numpy as np

from containers.contract.errors import RecordingError
from containers.contract.item import Item
from containers.contract.stages import RetimeRequest, RetimeResult

from . import audio, pauses
from .audio import Samples

_UNDER_SPEECH_DB = 42.0
"""So far under its loud parts (95th percentile) a line's end is silence; weak final consonants lie 35 dB under them."""
_BEFORE_SECONDS, _AFTER_SECONDS = 0.04, 0.08
_SAME_TEMPO = 0.005
"""A change of less is not worth a new waveform."""
_FRAME = 4096


def retime(request: RetimeRequest, item: Item) -> RetimeResult:
    path = item.input(request.speech)
    with audio.decodable(path):
        samples, rate_hz = audio.read(path)
    line = trimmed(samples.mean(axis=0), rate_hz)
    if not len(line):
        raise RecordingError("there is no speech in this line; say it again, or leave it out")
    natural = len(line) / rate_hz
    tempo = _tempo(natural, request)
    if tempo != 1:
        line = at_tempo(line, rate_hz, tempo)
    speech = audio.write(item.output("speech.wav"), line, rate_hz)
    return RetimeResult(
        speech=item.file(speech), sample_rate_hz=rate_hz, duration=len(line) / rate_hz, natural=natural, tempo=tempo
    )


def _tempo(natural: float, request: RetimeRequest) -> float:
    if request.seconds is None:
        return 1.0
    so_far = natural / (request.natural or natural)
    slowest, fastest = min(1.0, request.slowest * so_far), max(1.0, request.fastest * so_far)
    tempo = min(max(natural / request.seconds, slowest, 0.5), fastest, 2.0)
    return 1.0 if abs(tempo - 1) < _SAME_TEMPO else round(tempo, 4)


def trimmed(samples: Samples, rate_hz: int) -> Samples:
    """Mono samples from just before the first sound to just after the last; none of pure silence."""
    levels = pauses.levels_of(samples, rate_hz)
    if not len(levels):
        return samples if np.any(samples) else samples[:0]
    loud = np.percentile(levels, 95)
    sounding = np.flatnonzero(levels > max(loud - _UNDER_SPEECH_DB, pauses.QUANTISATION_DB + 1))
    if not len(sounding):
        return samples[:0]
    hop = pauses.hop_samples(rate_hz)
    first = sounding[0] * hop - round(_BEFORE_SECONDS * rate_hz)
    last = (sounding[-1] + 1) * hop + round(_AFTER_SECONDS * rate_hz)
    return samples[max(0, first) : last]


def at_tempo(samples: Samples, rate_hz: int, tempo: float) -> Samples:
    """Mono samples, so many times faster, at the same pitch."""
    graph = av.filter.Graph()
    source = graph.add_abuffer(sample_rate=rate_hz, format="flt", layout="mono", time_base=Fraction(1, rate_hz))
    change, sink = graph.add("atempo", f"{tempo:.6f}"), graph.add("abuffersink")
    source.link_to(change)
    change.link_to(sink)
    graph.configure()
    found = []
    for first in range(0, len(samples), _FRAME):
        block = np.ascontiguousarray(samples[None, first : first + _FRAME], np.float32)
        frame = av.AudioFrame.from_ndarray(block, format="flt", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate_hz, first, Fraction(1, rate_hz)
        source.push(frame)
        found += _pulled(sink)
    source.push(None)
    found += _pulled(sink)
    return np.concatenate(found) if found else samples[:0]


def _pulled(sink: av.filter.context.FilterContext) -> list[Samples]:
    found = []
    while True:
        try:
            found.append(sink.pull().to_ndarray().reshape(-1))
        except (av.error.BlockingIOError, av.error.EOFError):
            return found
