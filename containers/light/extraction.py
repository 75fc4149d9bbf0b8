"""Extract: from a video to a recording, with its subtitles, on one timeline.

One streaming pass decodes, mixes down, resamples and writes; what was heard
on the way says what is wrong with the recording, and a second pass over the
FLAC puts right what can be (one-sided, inverted, offset). Most files need none.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt, sosfilt_zi

from containers.contract import stages
from containers.contract.errors import RecordingError
from containers.contract.item import Item
from containers.contract.stages import Problem

from .audio import FLAC_LEVEL
from .decoding import Block, Decoder, Findings
from .downmix import Downmix
from .media import choose_track, duration_of, open_media, tracks_of
from .soundness import Repair, Soundness
from .subtitles import SubtitleWriter

_USUAL_HZ = 48000


def extract(request: stages.ExtractRequest, item: Item) -> stages.ExtractResult:
    """The recording of one audio track: FLAC, stereo (or mono where that is all there is)."""
    path = item.output("recording.flac")
    with open_media(item.input(request.video)) as container:
        tracks = tracks_of(container)
        track, about_track = choose_track(tracks, request.language, request.track)
        if tracks[track].codec == "unknown":
            raise RecordingError(f"nobody here knows the codec of audio track {track}; convert it with FFmpeg")
        subtitles = SubtitleWriter(container)
        decoder = Decoder(container, track, subtitles)
        rate_hz, blocks = _at_rate(decoder.blocks(), request.sample_rate_hz)
        soundness = Soundness(rate_hz)
        with _Flac(path, rate_hz, request.bit_depth) as flac:
            _write_blocks(blocks, flac, soundness, item, duration_of(container))
        saved = subtitles.write(item)
    _refuse_empty(soundness, decoder.findings, tracks[track])
    repair = soundness.repair()
    if repair.needed:
        repair_recording(path, repair, request.bit_depth)
    return stages.ExtractResult(
        recording=item.file(path),
        duration=soundness.seconds,
        sample_rate_hz=rate_hz,
        channels=2 if repair.keep is None else 1,
        track=track,
        subtitles=saved,
        problems=(*about_track, *_of_file(decoder.findings, soundness.seconds), *soundness.problems()),
    )


def _at_rate(blocks: Iterator[Block], wanted_hz: int | None) -> tuple[int, Iterator[Block]]:
    """The rate to write at, for None that of the first block, and all the blocks."""
    first = next(blocks, None)
    if first is None:
        return wanted_hz or _USUAL_HZ, blocks
    return wanted_hz or first.rate_hz, chain((first,), blocks)


def _write_blocks(
    blocks: Iterator[Block], flac: _Flac, soundness: Soundness, item: Item, duration: float | None
) -> None:
    downmix = Downmix()
    for block in blocks:
        soundness.hear_native(block.samples)
        for stereo, rate_hz in downmix.mix(block.samples, block.channels, block.rate_hz):
            flac.write(stereo, rate_hz, soundness)
        if duration:
            item.progress(min(0.99, soundness.seconds / duration))
    for stereo, rate_hz in downmix.finish():
        flac.write(stereo, rate_hz, soundness)
    flac.finish(soundness)


def _refuse_empty(soundness: Soundness, findings: Findings, track: stages.Track) -> None:
    if soundness.seconds > 0 and not (findings.cut_at and soundness.seconds < 1.0):
        return
    cause = "the file ends too early" if findings.cut_at else findings.stopped or "it is damaged or of an unknown kind"
    raise RecordingError(f"audio track {track.index} ({track.codec}) cannot be decoded: {cause}; get a whole copy")


def _of_file(findings: Findings, seconds: float) -> tuple[Problem, ...]:
    found = []
    if findings.cut_at:
        ends, said = findings.cut_at
        text = f"the file is cut off: {ends:.1f} of {said:.1f} s of sound are there; get a whole copy if there is one"
        found.append(Problem(kind="truncated", text=text))
    elif findings.stopped:
        found.append(Problem(kind="corrupt", text=findings.stopped))
    if findings.missing >= 0.1 or findings.errors >= 3:
        text = f"{findings.missing:.1f} of {seconds:.1f} s are lost and silent ({findings.errors} broken packets)"
        found.append(Problem(kind="corrupt", text=text))
    if findings.not_finite:
        text = f"{findings.not_finite} samples were no numbers (NaN or infinite) and are silence now"
        found.append(Problem(kind="corrupt", text=text))
    return tuple(found)


class _Flac:
    """Writes stereo blocks of any rate as FLAC of one rate; integers up to the bit depth pass unchanged."""

    def __init__(self, path: Path, rate_hz: int, bit_depth: int) -> None:
        self._file = soundfile.SoundFile(
            path, "w", rate_hz, 2, f"PCM_{bit_depth}", format="FLAC", compression_level=FLAC_LEVEL
        )
        self._rate, self._depth = rate_hz, bit_depth
        self._from: int | None = None
        self._resampler: soxr.ResampleStream | None = None

    def __enter__(self) -> _Flac:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, stereo: NDArray[np.float32], rate_hz: int, soundness: Soundness) -> None:
        """Write (2, n); `soundness` hears what has come out of the resampler."""
        if rate_hz != self._from:
            self.finish(soundness)
            self._from = rate_hz
            differs = rate_hz != self._rate
            self._resampler = soxr.ResampleStream(rate_hz, self._rate, 2, quality="HQ") if differs else None
        if self._resampler is not None:
            stereo = self._resampler.resample_chunk(np.ascontiguousarray(stereo.T)).T
        self._put(stereo, soundness)

    def finish(self, soundness: Soundness) -> None:
        """Write what the resampler still holds."""
        if self._resampler is not None:
            self._put(self._resampler.resample_chunk(np.zeros((0, 2), np.float32), last=True).T, soundness)
        self._resampler = self._from = None

    def _put(self, stereo: NDArray[np.float32], soundness: Soundness) -> None:
        self._file.write(to_integers(stereo.T, self._depth))
        soundness.hear(stereo)


def to_integers(samples: NDArray[np.floating], bit_depth: int) -> NDArray[np.int32]:
    """Rounded to `bit_depth` and clipped, as libsndfile takes them: in the upper bits of 32."""
    scale = 2 ** (bit_depth - 1)
    whole = np.clip(np.rint(samples.astype(np.float64) * scale), -scale, scale - 1).astype(np.int32)
    return whole << (32 - bit_depth)


def repair_recording(path: Path, repair: Repair, bit_depth: int) -> None:
    """Rewrite a FLAC with what `repair` says; channels are taken and turned to the bit."""
    partial = path.with_name(f".{path.name}.repaired")
    sections = butter(2, 10.0, "highpass", fs=soundfile.info(path).samplerate, output="sos")
    state: NDArray[np.float64] | None = None
    with soundfile.SoundFile(path) as source:
        channels = 2 if repair.keep is None else 1
        kind = f"PCM_{bit_depth}"
        with soundfile.SoundFile(partial, "w", source.samplerate, channels, kind, format="FLAC") as target:
            for block in source.blocks(source.samplerate * 10, dtype="int32", always_2d=True):
                samples = block if repair.keep is None else block[:, repair.keep : repair.keep + 1]
                if repair.flip_right:
                    samples = np.stack([samples[:, 0], -np.maximum(samples[:, 1], -(2**31 - 1))], axis=1)
                if repair.high_pass:
                    wide = samples / 2.0**31
                    if state is None:
                        state = sosfilt_zi(sections)[:, :, None] * wide[0]
                    wide, state = sosfilt(sections, wide, axis=0, zi=state)
                    samples = to_integers(wide, bit_depth)
                target.write(samples)
    os.replace(partial, path)
