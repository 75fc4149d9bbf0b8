"""What is said, without who says it: features of a ContentVec model in transformers' HuBERT format.

The folder holds `config.json` and `model.safetensors` (or `pytorch_model.bin`, read by weights_only); RVC v2 takes
the last hidden state of the base model: 768 numbers, 50 times a second.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from containers.contract.errors import EngineError
from containers.contract.item import sha256_of
from containers.contract.weights import weights

from .shape import CONTENT
from .sound import Samples

FEATURES_PER_SECOND = 50
_HOP, _WINDOW = 320, 400


class ContentEncoder:
    def __init__(self, name: str, device: torch.device) -> None:
        from transformers import HubertModel
        from transformers.utils import logging

        folder = weights(name)
        level = logging.get_verbosity()
        logging.set_verbosity_error()  # a ContentVec file has a projection more than the base model
        try:
            model = HubertModel.from_pretrained(folder, local_files_only=True)
        except (OSError, ValueError, RuntimeError) as error:
            raise EngineError(
                f"weights {name} are no HuBERT model: {error}; run: voicecast weights fetch {name}"
            ) from error
        finally:
            logging.set_verbosity(level)
        if model.config.hidden_size != CONTENT:
            raise EngineError(
                f"weights {name} give {model.config.hidden_size} features; an RVC v2 voice hears {CONTENT}"
            )
        self._model, self._device = model.eval().requires_grad_(False).to(device), device
        self.identity = _identity(folder)

    @torch.inference_mode()
    def features(self, samples: Samples) -> NDArray[np.float32]:
        """16 kHz samples -> (n, 768), one for each whole 20 ms, the window centred on them."""
        side = (_WINDOW - _HOP) // 2
        sound = F.pad(torch.from_numpy(samples).to(self._device), (side, side))
        if len(sound) < _WINDOW:
            return np.zeros((0, CONTENT), np.float32)
        return self._model(sound[None]).last_hidden_state[0].float().cpu().numpy()


def _identity(folder: Path) -> str:
    """A hash of the model, so that features of different models never meet."""
    digest = hashlib.sha256()
    for name in ("config.json", "model.safetensors", "pytorch_model.bin"):
        if (folder / name).is_file():
            digest.update(sha256_of(folder / name).encode())
    return digest.hexdigest()


def doubled(features: NDArray[np.float32], frames: int) -> NDArray[np.float32]:
    """Features at the network's 100 frames a second; the last one stays on to the end."""
    which = np.minimum(np.arange(frames) // 2, len(features) - 1)
    return features[which]
