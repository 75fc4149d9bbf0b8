"""From a character's clips to what the network learns from: trimmed sound, and its features beside it.

The library's steps pre-resample and pre-hubert, clip by clip, through its own functions; what is done stays in
the item's state. Its pre-hubert itself cannot be used: it reads with `torchaudio.load`, which wants torchcodec.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray
from so_vits_svc_fork import f0, utils
from so_vits_svc_fork.hparams import HParams
from so_vits_svc_fork.modules.mel_processing import spec_to_mel_torch, spectrogram_torch
from so_vits_svc_fork.preprocessing.preprocess_resample import _preprocess_one

from containers.contract.errors import RecordingError
from containers.contract.item import Item
from containers.contract.stages import File

from . import library

RATE_HZ = 44100
SILENT_PEAK = 1e-3
"""A sound that never comes above 60 dB below full scale holds no voice."""
_TRIM = {"top_db": 30, "frame_seconds": 0.1, "hop_seconds": 0.05}  # defaults of `svc pre-resample`


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """A clip that is ready: its sound (WAV, with the features in `<sound>.data.pt`), and how much of it is used."""

    sound: Path
    seconds: float


def lesson(file: File, item: Item, engine: library.Engine, config: dict[str, Any]) -> Lesson | None:
    """A clip made ready; None where it is silent or, its silence trimmed off, shorter than 0.3 s."""
    path = item.input(file)
    length = _length(path)
    if not length:
        return None
    folder = item.state / "lessons"
    folder.mkdir(exist_ok=True)
    sound = folder / f"{file.sha256}.wav"
    features = features_of(sound)
    if not features.exists():
        sound.unlink(missing_ok=True)
        _preprocess_one(path, sound, sr=RATE_HZ, **_TRIM)
        if not sound.exists():
            return None
        found = analysed(sound, HParams(**config), engine)
        partial = features.with_suffix(".partial")
        torch.save(found, partial)
        os.replace(partial, features)
    return Lesson(sound=sound, seconds=min(length, soundfile.info(sound).duration))


def features_of(sound: Path) -> Path:
    """Where the library's data set looks for the features of a sound."""
    return sound.with_name(f"{sound.name}.data.pt")


def _length(path: Path) -> float:
    """Seconds of a clip that has sound in it; 0.0 for a silent one, RecordingError for what is no sound."""
    try:
        about, peak = soundfile.info(path), 0.0
        for block in soundfile.blocks(path, 1 << 20, dtype="float32", always_2d=True):
            peak = max(peak, float(np.abs(block).max(initial=0.0)))
    except soundfile.LibsndfileError as error:
        raise RecordingError(
            f"{path.name} cannot be read as sound ({error.error_string}); clean the clips again"
        ) from error
    return float(about.duration) if peak > SILENT_PEAK else 0.0


def analysed(sound: Path, config: HParams, engine: library.Engine) -> dict[str, torch.Tensor]:
    """Features of one sound, frame by frame (512 samples), as the library's pre-hubert makes them.

    spec (1025, n), mel_spec (80, n), content (hidden size, n), f0 in Hz through unvoiced stretches (n), uv 1 where
    voiced (n), audio (1, samples), spk.
    """
    samples = read(sound)
    pitch, voiced = f0.interpolate_f0(pitch_hz(samples, engine.options.f0_method))
    audio = torch.from_numpy(samples)
    content = utils.get_content(engine.content, audio.to(engine.device), engine.device, RATE_HZ)
    content = utils.repeat_expand_2d(content.squeeze(0), len(pitch)).cpu()
    spec = spectrogram_torch(audio[None], config).squeeze(0)
    mel = spec_to_mel_torch(spec, config)
    n = min(spec.shape[1], mel.shape[1], len(pitch), content.shape[1])
    return {
        "spec": spec[:, :n].clone(),
        "mel_spec": mel[:, :n].clone(),
        "f0": torch.from_numpy(pitch[:n]).float(),
        "uv": torch.from_numpy(voiced[:n]).float(),
        "content": content[:, :n].clone(),
        "audio": audio[None],
        "spk": torch.tensor(0),
    }


def read(path: Path) -> NDArray[np.float32]:
    """A sound of 44.1 kHz as one channel."""
    return soundfile.read(path, dtype="float32", always_2d=True)[0].mean(axis=1)


def pitch_hz(samples: NDArray[np.float32], method: str) -> NDArray[np.float64]:
    """f0 each 512 samples, 0 where unvoiced (crepe: never 0)."""
    return np.asarray(f0.compute_f0(samples, sampling_rate=RATE_HZ, hop_length=512, method=method), np.float64)
