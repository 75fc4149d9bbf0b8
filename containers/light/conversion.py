"""Converting speech or song into a light voice: each frame is looked up in the voice.

Kept from the source: time, level, the course of the pitch, and part of the
consonants. Taken from the voice: the spectral envelope and the breath, a
weighted mean of the frames nearest in content, with the spread put back that
the mean takes away. Recognisably shifted, approximate; the figure says how far.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import soundfile
from threadpoolctl import threadpool_limits

from containers.contract.errors import RecordingError, RequestError
from containers.contract.item import Item
from containers.contract.stages import ConvertRequest, ConvertResult, File

from . import voice_file, world
from .audio import decodable
from .frame_store import FrameStore
from .likeness import similarity
from .matching import ACTIVE, Adaptation, Mask, Scale, Target, content
from .voice_file import Voice
from .world import Floats, Frames

_STEP = world.FRAMES_PER_SECOND // voice_file.FRAMES_PER_SECOND
_SAMPLE_SECONDS = 60  # of the source that its speaker is known from
_BLOCK_SECONDS, _CUT_SECONDS = 10.0, 2.0  # a block ends at the quietest frame of its last 2 s
_CONTEXT = 40  # frames (0.2 s) to both sides of a block
_SEAM = 441  # samples (10 ms) over which blocks are faded into each other, to both sides of a cut
_CONSONANTS = 0.25  # of an unvoiced frame's envelope is the source's
_MOST_SPREAD = 1.5
_F0_HZ = (40.0, 1600.0)
_PEAK = 0.98
_KEPT = 4  # voices that are kept at hand, 15 minutes of speech being 40 MB
_READY: dict[str, tuple[Voice, Target]] = {}


def convert(request: ConvertRequest, item: Item) -> ConvertResult:
    voice, target = _ready(_voice(request), item)
    source = item.input(request.source)
    with decodable(source), threadpool_limits(1, user_api="blas"):  # sums in one order: the same bytes on every run
        _check(source)
        speech = item.output("speech.wav")
        shift = into(voice, source, speech, item.state, request.pitch_shift_semitones, item.progress, target)
        before = similarity(source, voice.mean_vector)
    return ConvertResult(
        speech=item.file(speech),
        sample_rate_hz=world.RATE_HZ,
        duration=soundfile.info(speech).duration,
        pitch_shift_semitones=shift,
        source_similarity=before,
        similarity=similarity(speech, voice.mean_vector),
    )


def _voice(request: ConvertRequest) -> File:
    found = [each for each in request.voice if each.path.endswith(".safetensors")]
    if len(found) != 1:
        raise RequestError("light converts with a light voice, one .safetensors file; train one with light")
    return found[0]


def _ready(file: File, item: Item) -> tuple[Voice, Target]:
    """The voice and what is searched in it; lines that follow each other in one voice read it once."""
    path, found = item.input(file), _READY.pop(file.sha256, None)
    if found is None:
        voice = voice_file.load(path)
        found = voice, Target(voice.sound)
    _READY[file.sha256] = found
    while len(_READY) > _KEPT:
        del _READY[next(iter(_READY))]
    return found


def _check(source: Path) -> None:
    if soundfile.info(source).frames == 0:
        raise RecordingError(f"{source.name} is empty; give a recording with speech or song in it")


def into(
    voice: Voice,
    source: Path,
    speech: Path,
    scratch: Path,
    semitones: float | None = None,
    progress: Callable[[float], None] = lambda _: None,
    target: Target | None = None,
) -> float:
    """Write `source` as said by `voice`; the answer is the pitch shift in semitones. `scratch` is a folder."""
    frames, raw = scratch / "frames.f32", scratch / "speech.f32"
    stored = FrameStore.analysed(source, frames)
    progress(0.5)
    shift = _median_shift(stored, voice) if semitones is None else semitones
    converter = Converter(stored, voice, shift, target)
    peak = 0.0
    with open(raw, "wb") as file:
        for samples, done in _spoken(converter, stored):
            peak = max(peak, float(np.abs(samples).max(initial=0.0)))
            samples.astype(np.float32).tofile(file)
            progress(0.5 + 0.45 * done)
    _write(raw, speech, min(1.0, _PEAK / peak) if peak else 1.0)
    for each in (frames, raw):
        each.unlink()
    return shift


def _median_shift(stored: FrameStore, voice: Voice) -> float:
    """Semitones from the source's median f0 to the voice's; 0 where one has no pitch."""
    voiced = stored.f0[(stored.f0 > 0) & _active(stored)]
    if voice.f0_median_hz is None or len(voiced) < 10:
        return 0.0
    return round(float(12 * np.log2(voice.f0_median_hz / np.median(voiced))), 3)


def _active(stored: FrameStore) -> Mask:
    return stored.power > np.percentile(stored.power, 95) + ACTIVE


class Converter:
    """Turns stretches of a source's frames into a voice's."""

    def __init__(self, stored: FrameStore, voice: Voice, semitones: float, target: Target | None = None) -> None:
        self._sound, self._semitones = voice.sound, semitones
        self._target = target or Target(voice.sound)
        stretches = list(_sample(stored))
        frames = [stored.read(first, last)[::_STEP] for first, last in stretches]
        lengths = [len(each) for each in frames]
        voiced = np.concatenate([each.f0 for each in frames]) > 0
        active = np.concatenate([_active(stored)[first:last:_STEP] for first, last in stretches])
        active = active if active.any() else np.ones(len(active), bool)
        values = content(np.concatenate([each.envelope for each in frames]))
        starts = np.cumsum([0, *lengths[:-1]]).astype(np.int32)
        self._adaptation = Adaptation(values, starts, voiced, active, self._target)
        looked_up = [self._looked_up(each) for each in frames]
        self._spread = {
            kind: self._restored(np.concatenate([each for each, _ in looked_up]), active & (voiced == kind), kind)
            for kind in (True, False)
        }

    def __call__(self, frames: Frames) -> Frames:
        envelope, breath = (_between(each, len(frames)) for each in self._looked_up(frames[::_STEP]))
        voiced = frames.f0 > 0
        for kind, (mean, wanted, ratio) in self._spread.items():
            which = voiced == kind
            envelope[which] = (envelope[which] - mean) * ratio + wanted
        level = np.zeros(len(frames), np.float32)
        own = world.with_log_power(frames.envelope, level)
        envelope = world.with_log_power(envelope, level)
        envelope[~voiced] += _CONSONANTS * (own - envelope)[~voiced]
        breath[~voiced] = frames.breath[~voiced]
        shifted = frames.shifted(self._semitones).f0
        return Frames(
            f0=np.where(voiced, np.clip(shifted, *_F0_HZ), 0).astype(np.float32),
            envelope=world.with_log_power(envelope, world.log_power(frames.envelope)),
            breath=breath,
        )

    def _looked_up(self, frames: Frames) -> tuple[Floats, Floats]:
        """Envelopes and breath of the voice for frames of the source, 100 a second."""
        queries = self._adaptation.queries(content(frames.envelope))
        envelope, breath = np.empty_like(frames.envelope), np.empty_like(frames.breath)
        for kind in (True, False):
            which = (frames.f0 > 0) == kind
            found, weights = self._target.nearest(queries[which], kind)
            envelope[which] = _mean(self._sound.envelope, found, weights)
            breath[which] = _mean(self._sound.breath, found, weights)
        return envelope, breath

    def _restored(self, envelope: Floats, which: Mask, kind: bool) -> tuple[Floats, Floats, Floats]:
        """Mean of what was looked up, the mean and the spread it should have: half-way and wholly the voice's."""
        theirs = Scale.of(self._sound.envelope[self._target.frames[kind]].astype(np.float32))
        if which.sum() < 50:
            return theirs.mean, theirs.mean, np.ones_like(theirs.mean)
        ours = Scale.of(envelope[which])
        ratio = np.clip(theirs.spread / ours.spread, 1.0, _MOST_SPREAD)
        return ours.mean, (ours.mean + theirs.mean) / 2, ratio


def _mean(values: voice_file.Half, found: np.ndarray, weights: Floats) -> Floats:
    return np.einsum("nkd,nk->nd", values[found].astype(np.float32), weights)


def _between(values: Floats, count: int) -> Floats:
    """Values at 100 a second brought to 200 a second, linearly."""
    whole = np.repeat(values, _STEP, axis=0)
    whole[1:-1:_STEP] = (values[:-1] + values[1:]) / 2
    return whole[:count]


def _sample(stored: FrameStore) -> Iterator[tuple[int, int]]:
    """Stretches of 1 s, evenly over the source, 60 at most."""
    second = world.FRAMES_PER_SECOND
    starts = np.arange(0, len(stored), second)
    for first in starts[:: -(-len(starts) // _SAMPLE_SECONDS)]:
        yield int(first), min(int(first) + second, len(stored))


def _spoken(converter: Converter, stored: FrameStore) -> Iterator[tuple[world.Samples, float]]:
    """The converted recording in blocks that follow each other, and how far it is; to the sample as long."""
    hop = world.RATE_HZ * _STEP // world.FRAMES_PER_SECOND
    fade = np.linspace(0, 1, 2 * _SEAM, endpoint=False, dtype=np.float32)
    said, tail = 0, np.zeros(0, np.float32)
    for first, last in _blocks(stored):
        begin, end = max(first - _CONTEXT, 0), min(last + _CONTEXT, len(stored))
        sound = world.synthesise(converter(stored.read(begin, end)))
        start = (first - begin) // _STEP * hop
        stop = start + (last - first) // _STEP * hop if last < len(stored) else len(sound)
        if first:
            sound = sound[start - _SEAM :]
            sound[: 2 * _SEAM] = sound[: 2 * _SEAM] * fade + tail
            stop += _SEAM - start
        if last < len(stored):
            tail = sound[stop - _SEAM : stop + _SEAM] * (1 - fade)
            sound = sound[: stop - _SEAM]
        sound = sound[: stored.samples - said]
        said += len(sound)
        if last == len(stored):
            sound = np.pad(sound, (0, stored.samples - said))
        yield sound, last / len(stored)


def _blocks(stored: FrameStore) -> Iterator[tuple[int, int]]:
    """Stretches of about 10 s that end where the source is quietest; bounds are even, so 10 ms each."""
    size, room = (round(each * world.FRAMES_PER_SECOND) for each in (_BLOCK_SECONDS, _CUT_SECONDS))
    first = 0
    while first + size + room < len(stored):
        around = stored.power[first + size - room : first + size]
        last = (first + size - room + int(np.argmin(around))) // _STEP * _STEP
        yield first, last
        first = last
    yield first, len(stored)


def _write(raw: Path, speech: Path, gain: float) -> None:
    with soundfile.SoundFile(speech, "w", world.RATE_HZ, 1, "PCM_16") as out, open(raw, "rb") as file:
        while len(samples := np.fromfile(file, np.float32, 1 << 20)):
            out.write(np.rint(samples * gain * 32767).astype(np.int16))
