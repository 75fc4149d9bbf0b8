"""Stage clean: kept clips made ready for training.

Noise is taken off only where that helps, silence that this brings to light is
trimmed, and every clip leaves as 44.1 kHz mono 16-bit WAV at one loudness, with
triangular dither of two steps (TPDF), so that fades and faint ends are not torn by rounding.
"""

from __future__ import annotations

import warnings

import numpy as np

from containers.contract.errors import RecordingError
from containers.contract.item import Item
from containers.contract.stages import CleanClip, CleanRequest, CleanResult, File

from .audio import Samples, mono, read, resample
from .clip_files import faded, readable, write_pcm16
from .loudness import at_loudness, loudness_lufs, true_peak_dbfs
from .measuring import snr_db

with warnings.catch_warnings():
    warnings.simplefilter("ignore", RuntimeWarning)  # says that FFmpeg is missing, which is not needed here
    from pydub import AudioSegment
    from pydub.silence import detect_leading_silence

RATE_HZ = 44100
KEPT_SILENCE = 0.15
"""Seconds of silence that stay at either end."""
_SILENT_UNDER_DB = 45.0
_SHORTEST = 1.0
_RECORDING_CLEAN_DB = 16.0
"""Measured SNR from which a recording that is to be converted is left alone: from 18 dB on taking noise off costs the
voice up to 2 dB of SI-SDR (tests/bench/recordings_quality.py)."""


def clean(request: CleanRequest, item: Item) -> CleanResult:
    clips = []
    for index, file in enumerate(request.clips):
        clips.append(_clean(file, index, request, item))
        item.progress((index + 1) / len(request.clips))
    return CleanResult(clips=tuple(clips))


def _clean(file: File, index: int, request: CleanRequest, item: Item) -> CleanClip:
    source = item.input(file)
    with readable(source):
        channels, rate = read(source)
    if not channels.shape[1] or not np.isfinite(channels).all():
        raise RecordingError(f"{source.name} has no sound that can be used; leave the clip out")
    samples = mono(channels)
    before = snr_db(samples, rate)
    quieter, denoised_by, after = _without_noise(samples, rate, request, before)
    if request.whole:
        length = round(len(samples) * RATE_HZ / rate)
        sound = np.pad(quieter[:length], (0, max(0, length - len(quieter))))
    else:
        sound = at_loudness(quieter, RATE_HZ, request.loudness_lufs, request.peak_dbfs)
    path = write_pcm16(item.output(f"clips/{index:04d}.wav"), dithered(sound, file.sha256), RATE_HZ)
    written = read(path)[0][0]
    loudness = loudness_lufs(written, RATE_HZ)
    return CleanClip(
        file=item.file(path),
        duration=len(written) / RATE_HZ,
        denoised_by=denoised_by,
        snr_db_before=before,
        snr_db_after=after,
        loudness_lufs=None if loudness is None else round(loudness, 2),
        peak_dbfs=round(true_peak_dbfs(written, RATE_HZ), 2),
    )


def dithered(samples: Samples, seed: str) -> Samples:
    """Triangular noise from -1 to 1 step of 16 bits added, the same for the same `seed` (hex); silence stays silence.

    Lipshitz, Wannamaker, Vanderkooy, "Quantization and Dither" (JAES 1992).
    """
    if not samples.any():
        return samples
    random = np.random.default_rng(int(seed[:16], 16))
    noise = random.random(len(samples), np.float32) - random.random(len(samples), np.float32)
    return samples + noise / np.float32(32768)


def _without_noise(
    samples: Samples, rate_hz: int, request: CleanRequest, before: float | None
) -> tuple[Samples, str | None, float | None]:
    """The clip at 44.1 kHz, what took the noise off, and the SNR after."""
    if request.denoise != "never":
        from . import denoising

        enough = _RECORDING_CLEAN_DB if request.whole else denoising.CLEAN_ENOUGH_DB
        if request.denoise == "always" or (before is not None and before < enough):
            wide = resample(samples, rate_hz, denoising.RATE_HZ)
            quieter, by = denoising.denoised(wide, request.denoise)
            if by:
                after = snr_db(quieter, denoising.RATE_HZ)
                kept = quieter if request.whole else trimmed(quieter, denoising.RATE_HZ)
                return resample(kept, denoising.RATE_HZ, RATE_HZ), by, after
    return resample(samples, rate_hz, RATE_HZ), None, before


def trimmed(samples: Samples, rate_hz: int) -> Samples:
    """Without the silence at the ends, but for 0.15 s; a second of sound stays in any case."""
    whole = np.clip(np.rint(samples * 32768), -32768, 32767).astype("<i2")
    segment = AudioSegment(whole.tobytes(), frame_rate=rate_hz, sample_width=2, channels=1)
    line = segment.dBFS - _SILENT_UNDER_DB
    first = max(0.0, detect_leading_silence(segment, line) / 1000 - KEPT_SILENCE)
    last = max(0.0, detect_leading_silence(segment.reverse(), line) / 1000 - KEPT_SILENCE)
    start, end = round(first * rate_hz), len(samples) - round(last * rate_hz)
    if end - start < min(_SHORTEST * rate_hz, len(samples)) or (start == 0 and end == len(samples)):
        return samples
    return faded(samples[start:end], rate_hz)
