"""The stage convert: speech or song said by a voice of so-vits-svc-fork, as `svc infer` does it.

The source is split at its silences; what is silent stays silent, the rest goes through content encoder, f0 and
generator stretch by stretch (40 s at most). Time is kept to the sample.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import librosa
import numpy as np
import soundfile
import torch
from numpy.typing import NDArray
from so_vits_svc_fork import utils
from so_vits_svc_fork.hparams import HParams
from so_vits_svc_fork.inference.core import Svc

from containers.contract.errors import RecordingError, RequestError
from containers.contract.item import Item
from containers.contract.stages import ConvertRequest, ConvertResult

from . import library, voice_file
from .lessons import RATE_HZ, SILENT_PEAK, pitch_hz
from .voice_file import Voice

Samples = NDArray[np.float32]
_PEAK = 0.98
_MEDIAN_BLOCK = 30 * RATE_HZ


def convert(engine: library.Engine, request: ConvertRequest, item: Item) -> ConvertResult:
    voice = voice_file.load(item, request.voice)
    voice_file.check(voice, engine)
    source = _read(item.input(request.source))
    shift = request.pitch_shift_semitones
    if shift is None:
        shift = _median_shift(source, voice, engine.options.f0_method)
    item.progress(0.1)
    speech = item.output("speech.wav")
    samples = Speaker(voice, engine, item).said(source, shift)
    peak = float(np.abs(samples).max(initial=0.0))
    samples = samples * min(1.0, _PEAK / peak if peak else 1.0)
    soundfile.write(speech, np.rint(samples * 32767).astype(np.int16), RATE_HZ)
    return ConvertResult(
        speech=item.file(speech),
        sample_rate_hz=RATE_HZ,
        duration=len(samples) / RATE_HZ,
        pitch_shift_semitones=shift,
    )


def _read(path: Path) -> Samples:
    """The source as one channel of 44.1 kHz, as long as it is to the sample."""
    try:
        samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise RecordingError(
            f"{path.name} cannot be read as sound ({error.error_string}); give a recording with speech or song in it"
        ) from error
    if not len(samples):
        raise RecordingError(f"{path.name} is empty; give a recording with speech or song in it")
    mono = np.nan_to_num(samples.mean(axis=1))
    length = round(len(mono) * RATE_HZ / rate_hz)
    if rate_hz != RATE_HZ:
        mono = librosa.resample(mono, orig_sr=rate_hz, target_sr=RATE_HZ)
    return librosa.util.fix_length(mono, size=length)


def _median_shift(source: Samples, voice: Voice, method: str) -> float:
    """Semitones from the source's median f0 to the voice's; 0 where one has none."""
    wanted = voice.about.get("f0_median_hz")
    if not wanted:
        return 0.0
    blocks = [source[at : at + _MEDIAN_BLOCK] for at in range(0, len(source), _MEDIAN_BLOCK)]
    found = np.concatenate([pitch_hz(each, method) for each in blocks if _audible(each)] or [np.zeros(0)])
    voiced = found[found > 0]
    return round(float(12 * np.log2(wanted / np.median(voiced))), 3) if len(voiced) >= 10 else 0.0


def _audible(samples: Samples) -> bool:
    """The library divides by the quantile: a stretch that is all but silent would come to no numbers."""
    return float(np.quantile(np.abs(samples), 0.999)) > SILENT_PEAK


class Speaker(Svc):  # type: ignore[misc]
    """The library's conversion with a voice that is in memory, and the engine's content encoder."""

    def __init__(self, voice: Voice, engine: library.Engine, item: Item) -> None:
        self._item, self._voice, self._engine = item, voice, engine
        self._said, self._total = 0, 1
        self.device, self.dtype = engine.device, torch.float32
        self.hps = HParams(**voice.config)
        self.target_sample, self.hop_size = self.hps.data.sampling_rate, self.hps.data.hop_length
        self.spk2id, self.hubert_model = self.hps.spk, engine.content
        self.contentvec_final_proj = False
        self.load_model()

    def load_model(self) -> None:
        network = voice_file.network(self._voice.config)
        try:
            voice_file.fill(network, self._voice.tensors)
        except ValueError as error:
            raise RequestError(f"the voice is not as its config says: {error}; train it again") from error
        for module in network.eval().modules():
            utils.remove_weight_norm_if_exists(module)
        self.net_g = network.to(self.device)

    def said(self, source: Samples, semitones: float) -> Samples:
        """As many samples as the source has."""
        self._total = len(source)
        torch.manual_seed(0)
        method = self._engine.options.f0_method
        found = self.infer_silence(source, speaker=0, transpose=semitones, f0_method=method)
        return librosa.util.fix_length(np.asarray(found, np.float32), size=len(source))

    def infer(self, speaker: int, transpose: float, audio: Samples, **options: Any) -> tuple[torch.Tensor, int]:
        self._said += len(audio)
        self._item.progress(0.1 + 0.85 * min(1.0, self._said / self._total))
        if not _audible(audio):
            return torch.zeros(len(audio)), len(audio)
        return super().infer(speaker, transpose, audio, **options)
