"""audio-separator with one model loaded: stereo at 44.1 kHz in, its vocals out, as float.

The library writes files: 16 bits, and quieter where a peak asks for it; MDX vocals also come out multiplied by
the recording's peak (0.47.1). So the sound is taken one step before, where it leaves the model, at its own level.
"""

from __future__ import annotations

import logging
import math
import os
import pickle
import platform
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from containers.contract.errors import EngineError
from containers.contract.item import cache_folder
from containers.contract.weights import weights

from .model_folder import lay

RATE_HZ = 44100
_SHORT_SECONDS = 10
"""Below, the library gives RoFormer and MDX23C models its own segment size instead of theirs."""
_VOICES = ("vocals", "noreverb", "noecho", "dry")
Sound = NDArray[np.float32]
"""(2, samples) at 44.1 kHz, in -1..1."""


def start(threads: int) -> None:
    """Import the library, which takes seconds; before, see to it that no pickle is run and nothing is in the way."""
    os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = "1"  # whatever the library asks of torch.load
    os.environ["TQDM_DISABLE"] = "1"  # bars without line ends would fill the log
    if "VOICECAST_CACHE" in os.environ:  # what librosa compiles takes half a minute, once
        os.environ.setdefault("NUMBA_CACHE_DIR", str(cache_folder() / "numba"))
    for name in ("onnx", "onnx2torch"):  # only for segment sizes that a model does not have; they bring torchvision
        sys.modules.setdefault(name, ModuleType(name))
    warnings.filterwarnings("ignore", module=r"pydub|rotary_embedding_torch")  # no ffmpeg: none is needed here
    import torch
    from audio_separator.separator import Separator

    assert Separator
    if threads:
        torch.set_num_threads(threads)


class Separation:
    """A model of the library; `vocals` is all that is asked of it."""

    def __init__(self, name: str, overlap: int = 0) -> None:
        self.name = name
        self._folder = tempfile.TemporaryDirectory(prefix="uvr-", ignore_cleanup_errors=True)
        file = lay(weights(name), Path(self._folder.name))
        try:
            self._model = _load(file, Path(self._folder.name), overlap)
        except (RuntimeError, ValueError, KeyError, TypeError, OSError, SystemExit, pickle.UnpicklingError) as error:
            raise EngineError(
                f"audio-separator cannot load {file} of weights {name} ({error}); run: voicecast weights verify {name}"
            ) from error
        self._way = _WAYS[type(self._model).__name__]
        stems = _stems(self._model)
        voice = next((stem for stem in stems if _is_vocals(stem)), None)
        if voice is None:
            raise EngineError(f"{name} gives {' and '.join(stems)}, no vocals; choose another model")
        self._model.output_single_stem = voice  # VR models make no other
        self._said: Callable[[float], None] = lambda _: None
        self._forwards, self._expected = 0, 1
        if hasattr(getattr(self._model, "model_run", None), "register_forward_hook"):
            self._model.model_run.register_forward_hook(self._count)

    def vocals(self, mix: Sound, said: Callable[[float], None]) -> Sound:
        """As long as `mix`; `said` hears how far it is, 0 to 1, where the model works piece by piece."""
        self._forwards, self._expected, self._said = 0, _forwards(self._model, mix.shape[1]), said
        try:
            found = np.asarray(self._way(self._model, mix), np.float32)[:, : mix.shape[1]]
        except pickle.UnpicklingError as error:  # VR models are read at the first sound
            raise EngineError(
                f"weights {self.name} hold more than numbers ({error}); run: voicecast weights verify {self.name}"
            ) from error
        if not np.isfinite(found).all():
            raise EngineError(f"{self.name} gave numbers that are no sound; run: voicecast weights verify {self.name}")
        return np.pad(found, ((0, 0), (0, mix.shape[1] - found.shape[1])))

    def _count(self, *_: object) -> None:
        self._forwards += 1
        self._said(min(1.0, self._forwards / self._expected))


def _load(file: str, folder: Path, overlap: int) -> Any:
    from audio_separator.separator import Separator

    separator = Separator(
        log_level=logging.ERROR,
        model_file_dir=str(folder),
        output_dir=str(folder),
        sample_rate=RATE_HZ,
        normalization_threshold=1.0,
        output_single_stem="Vocals",
        mdx_params={"hop_length": 1024, "segment_size": 256, "overlap": 0.25, "batch_size": 1, "enable_denoise": False},
        mdxc_params={"segment_size": 256, "batch_size": None, "overlap": overlap or None, "pitch_shift": 0},
        info_only=True,  # leaves out a look for ffmpeg, which only its own files would need
    )
    separator.preload_onnxruntime_dependencies()
    separator.setup_torch_device(platform.uname())
    if file.endswith(".onnx"):
        known = separator.load_model_data_using_hash(str(folder / file))
        separator.arch_specific_params["MDX"]["segment_size"] = 2 ** known["mdx_dim_t_set"]
    separator.load_model(file)
    return separator.model_instance


def _stems(model: Any) -> list[str]:
    named = model.model_data.get("training", {}).get("instruments") or []
    return list(dict.fromkeys([*named, model.primary_stem_name, model.secondary_stem_name]))


def _is_vocals(stem: str) -> bool:
    """Vocals, or the dry voice of a model that takes reverberation or echo off; their makers name it variously.

    >>> [_is_vocals(stem) for stem in ("Vocals", "vocals", "No Vocals", "Lead Vocals", "other")]
    [True, True, False, False, False]
    >>> [_is_vocals(stem) for stem in ("noreverb", "No Reverb", "No Echo", "dry", "Reverb", "No Dry")]
    [True, True, True, True, False, False]
    """
    return stem.lower().replace(" ", "") in _VOICES


def _by_mdx(model: Any, mix: Sound) -> Sound:
    primary: Sound = model.demix(mix)
    return primary if _is_vocals(model.primary_stem_name) else mix - primary * np.float32(model.compensate)


def _by_mdxc(model: Any, mix: Sound) -> Sound:
    """RoFormer and MDX23C; a model with one stem gives that stem alone, or with all the rest."""
    found = model.demix(mix, override_model_segment_size=mix.shape[1] < _SHORT_SECONDS * RATE_HZ)
    if not isinstance(found, dict):
        return found if _is_vocals(model.primary_stem_name) else mix - found
    return next(sound for stem, sound in found.items() if _is_vocals(stem))


def _by_vr(model: Any, mix: Sound) -> Sound:
    """VR models read a file, and hand over each stem to be written."""
    kept: list[Sound] = []
    model.final_process = lambda _path, source, stem: kept.append(source.T) if _is_vocals(stem) else None
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        soundfile.write(file.name, mix.T, RATE_HZ, "FLOAT")
        model.separate(file.name)
    return kept[0]


_WAYS: dict[str, Callable[[Any, Sound], Sound]] = {
    "MDXSeparator": _by_mdx,
    "MDXCSeparator": _by_mdxc,
    "VRSeparator": _by_vr,
}


def _forwards(model: Any, samples: int) -> int:
    """How many pieces a RoFormer or MDX23C model will work on; 1 for the others, which are quick."""
    shape = getattr(model, "model_data_cfgdict", None)
    if shape is None:
        return 1
    hop = shape.model.get("stft_hop_length", shape.audio.hop_length) if model.is_roformer else shape.audio.hop_length
    frames = 256 if samples < _SHORT_SECONDS * RATE_HZ else shape.inference.dim_t
    pieces = math.ceil(samples * model.overlap / (hop * (frames - 1)))
    return max(1, pieces if model.is_roformer else math.ceil(pieces / model.batch_size))
