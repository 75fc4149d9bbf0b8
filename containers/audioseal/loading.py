"""AudioSeal's published checkpoints, read so that nothing in them runs.

The library reads them as pickles that may run anything (`weights_only=False`), because a configuration of OmegaConf
lies beside the tensors. Here the classes that such a configuration is made of are stand-ins that do nothing, and what
they were given is thrown away: the shape of a model comes from the card in the library, and its tensors must fit.
"""

from __future__ import annotations

import pickle
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from audioseal.builder import AudioSealDetectorConfig, AudioSealWMConfig, create_detector, create_generator
from audioseal.loader import AudioSeal, convert_state_dict_for_scriptable_model, load_local_model_config
from audioseal.models import AudioSealDetector, AudioSealWM
from omegaconf import OmegaConf
from torch import Tensor

from containers.contract.errors import EngineError
from containers.contract.weights import weights

GENERATOR, DETECTOR = "generator_base.pth", "detector_base.pth"
_CARDS = {GENERATOR: "audioseal_wm_16bits", DETECTOR: "audioseal_detector_16bits"}
Tensors = dict[str, Tensor]


class _Ignored:
    """Stands in for a class of OmegaConf: takes anything and does nothing."""

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def __setstate__(self, _: Any) -> None: ...


_OF_OMEGACONF = (
    "base.ContainerMetadata", "base.Metadata", "dictconfig.DictConfig", "listconfig.ListConfig", "nodes.AnyNode",
    "nodes.BooleanNode", "nodes.BytesNode", "nodes.EnumNode", "nodes.FloatNode", "nodes.IntegerNode",
    "nodes.InterpolationResultNode", "nodes.PathNode", "nodes.StringNode",
)  # fmt: skip
_ALLOWED: list[Any] = [
    *((_Ignored, f"omegaconf.{name}") for name in _OF_OMEGACONF),
    (_Ignored, "typing.Any"),
    *(dict, list, int, float, str, bool, defaultdict),
]


def load_generator(name: str) -> AudioSealWM:
    """What puts marks in, on the CPU; EngineError for weights that are missing, broken or not safe to load."""
    model = create_generator(AudioSeal.parse_config(_card(GENERATOR), config_type=AudioSealWMConfig))
    return _filled(model, weights(name) / GENERATOR)


def load_detector(name: str) -> AudioSealDetector:
    """What finds them; as load_generator."""
    model = create_detector(AudioSeal.parse_config(_card(DETECTOR), config_type=AudioSealDetectorConfig))
    return _filled(model, weights(name) / DETECTOR)


def _card(file: str) -> dict[str, Any]:
    card: Any = OmegaConf.to_container(load_local_model_config(_CARDS[file]))
    card.pop("checkpoint")  # where the library would fetch it from
    return dict(card)


def _filled(model: Any, path: Path) -> Any:
    try:
        model.load_state_dict(folded(convert_state_dict_for_scriptable_model(read_tensors(path))))
    except RuntimeError as error:
        raise EngineError(f"{_named(path)} is no AudioSeal model of 16 bits: {error}"[:300] + _AGAIN) from error
    return model.eval().requires_grad_(False)


_AGAIN = "; run: voicecast weights verify"


def read_tensors(path: Path) -> Tensors:
    """The tensors of a checkpoint, by their names in it."""
    if not path.is_file():
        raise EngineError(f"{_named(path)} is not here; run: voicecast weights fetch {path.parent.name}")
    try:
        with torch.serialization.safe_globals(_ALLOWED):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise EngineError(
            f"{_named(path)} asks for Python code to be run, or is damaged, so it was not opened; fetch the weights "
            "from their source again"
        ) from error
    except (RuntimeError, EOFError, ValueError, OSError) as error:
        raise EngineError(f"{_named(path)} cannot be read: {error}"[:300] + _AGAIN) from error
    for part in ("best_state", "model"):
        if isinstance(content, Mapping) and isinstance(content.get(part), Mapping):
            content = content[part]
    if not isinstance(content, Mapping) or not all(isinstance(each, Tensor) for each in content.values()):
        raise EngineError(f"{_named(path)} holds no model of AudioSeal{_AGAIN}")
    return dict(content)


def folded(tensors: Tensors) -> Tensors:
    """Without weight normalisation: direction and length of each filter as one weight (Salimans and Kingma 2016)."""
    made = {name: each for name, each in tensors.items() if not name.endswith(("_g", "_v"))}
    for name in [each.removesuffix("_v") for each in tensors if each.endswith("_v")]:
        direction, length = tensors[f"{name}_v"], tensors.get(f"{name}_g")
        if length is None:
            raise EngineError(f"a checkpoint of AudioSeal has {name}_v without {name}_g{_AGAIN}")
        around = tuple(range(1, direction.ndim))
        made[name] = direction * (length / torch.linalg.vector_norm(direction, dim=around, keepdim=True))
    return made


def _named(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"
