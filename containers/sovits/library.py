"""so-vits-svc-fork as this engine uses it: quiet, offline, without TensorBoard, its content encoder from a folder."""

from __future__ import annotations

import importlib
import logging
import os
import sys
import types
import warnings
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from containers.contract.errors import EngineError
from containers.contract.item import cache_folder
from containers.contract.weights import weights

if TYPE_CHECKING:
    import torch
    from transformers import HubertModel

    from .backend import Options


def prepare(threads: int) -> None:
    """Import the library. Before it: its log, which would go to standard output, and what it writes beside itself."""
    os.environ.setdefault("MPLCONFIGDIR", str(cache_folder() / "matplotlib"))
    os.environ.setdefault("NUMBA_CACHE_DIR", str(cache_folder() / "numba"))
    os.environ["PYTORCH_JIT"] = "0"  # fuses what it has seen twice, so results would hang on what ran before
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)  # the library leaves a root logger that is set
    warnings.simplefilter("ignore")
    _stand_in_for_tensorboard()
    import torch

    for name in ("inference.core", "preprocessing.preprocess_resample", "train"):
        importlib.import_module(f"so_vits_svc_fork.{name}")
    for name in ("lightning.pytorch", "py.warnings"):
        logging.getLogger(name).setLevel(logging.ERROR)
    if threads:
        torch.set_num_threads(threads)


def _stand_in_for_tensorboard() -> None:
    """The library's train.py names SummaryWriter in an annotation; nothing here ever makes one."""
    writer = types.ModuleType("torch.utils.tensorboard.writer")
    writer.SummaryWriter = object
    sys.modules.setdefault("torch.utils.tensorboard", types.ModuleType("torch.utils.tensorboard"))
    sys.modules.setdefault("torch.utils.tensorboard.writer", writer)


class Engine:
    """What all items of a start share; weights are read when the first item asks for them."""

    def __init__(self, options: Options) -> None:
        self.options = options

    @cached_property
    def device(self) -> torch.device:
        import torch

        return torch.device("cuda" if torch.cuda.is_available() else "cpu")

    @cached_property
    def content(self) -> HubertModel:
        """The content encoder: a folder in the form of transformers, in place of the library's download by name."""
        return _content_encoder(weights(self.options.content)).to(self.device).eval()


def _content_encoder(folder: Path) -> HubertModel:
    """Tensors only: safetensors, or a pytorch_model.bin that torch loads with weights_only."""
    import pickle

    from transformers import HubertModel

    try:
        return HubertModel.from_pretrained(folder, local_files_only=True, weights_only=True)
    except (OSError, ValueError, RuntimeError, pickle.UnpicklingError) as error:
        raise EngineError(
            f"weights {folder.name} cannot be read as a content encoder ({str(error).strip().splitlines()[0]}); "
            f"run: voicecast weights fetch {folder.name}"
        ) from error
