"""pyannote's own files, read so that nothing in them runs.

The library reads a checkpoint as a pickle that may run anything, makes whatever class it names, and takes class
names and downloads from a pipeline's config.yaml. Here a checkpoint holds tensors, plain values and the four
classes that pyannote's checkpoints hold; a model is one of the library's architectures; a configuration says
what one pipeline is made of, and every part lies in its folder.
"""

from __future__ import annotations

import importlib
import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import yaml
from pyannote.audio import Model
from pyannote.audio.core.plda import PLDA
from pyannote.audio.core.task import Problem, Resolution, Specifications
from pyannote.audio.pipelines import SpeakerDiarization
from pyannote.audio.pipelines.clustering import VBxClustering
from torch.torch_version import TorchVersion

from containers.contract.errors import EngineError
from containers.contract.item import sha256_of

from .bounded import BoundedVBx

_CLASSES = [Specifications, Problem, Resolution, TorchVersion]
"""What a pyannote checkpoint holds besides tensors and plain values; they are data, and run nothing when made."""
_ARCHITECTURES = "pyannote.audio.models."
_PIPELINES = {
    "pyannote.audio.pipelines.SpeakerDiarization",
    "pyannote.audio.pipelines.speaker_diarization.SpeakerDiarization",
}
_TAKEN = {"clustering", "segmentation_step", "embedding_exclude_overlap"}
_NO_MATTER = {"segmentation_batch_size", "embedding_batch_size", "legacy", "der_variant", "token", "use_auth_token"}
_TOP = {"pipeline", "params", "freeze", "version", "dependencies"}


def load_pipeline(folder: Path, threshold: float | None = None) -> SpeakerDiarization:
    """The diarization pipeline of a folder (config.yaml and its models), ready to run; `threshold` of the clustering
    over the configuration's. EngineError for what is missing, broken, or not safe to load."""
    config = _config(folder)
    params = config["pipeline"].get("params", {})
    segmentation = load_model(_part(folder, params, "segmentation"))
    embedding = load_model(_part(folder, params, "embedding"))
    taken = {name: params[name] for name in _TAKEN & set(params)}
    taken.setdefault("clustering", "VBxClustering")
    by_vbx = taken["clustering"] == "VBxClustering"
    plda = _plda(_part(folder, params, "plda")) if by_vbx else PLDA.__new__(PLDA)  # asked for, then never used
    values = config.get("params", {})
    if threshold is not None:
        values = {**values, "clustering": {**values.get("clustering", {}), "threshold": threshold}}
    try:
        pipeline = SpeakerDiarization(segmentation=segmentation, embedding=embedding, plda=plda, **taken)
        if isinstance(pipeline.clustering, VBxClustering):
            pipeline.clustering = BoundedVBx(plda, metric=pipeline.clustering.metric)
        pipeline.freeze(config.get("freeze", {}))
        return pipeline.instantiate(values or pipeline.default_parameters())
    except (ValueError, TypeError, KeyError) as error:
        raise EngineError(f"{folder.name}/config.yaml does not make a pipeline: {error}") from error


def load_embedding(folder: Path) -> tuple[Model, str]:
    """The embedding model of a folder, or of the pipeline in it, and its name: folder and hash of the file."""
    place = folder
    if (folder / "config.yaml").exists() and not any(folder.glob("*.bin")):  # a model's folder may hold one, too
        place = _part(folder, _config(folder)["pipeline"].get("params", {}), "embedding")
    model = load_model(place)
    if next(iter(model.specifications)).problem != Problem.REPRESENTATION:
        raise EngineError(f"weights {folder.name} are no embedding model; name one by the option `embedding`")
    return model, f"{folder.name} {sha256_of(_file(place))[:8]}"


def load_model(folder: Path) -> Model:
    """The model of a folder, on the CPU, in evaluation mode."""
    path = _file(folder)
    with torch.serialization.safe_globals(_CLASSES):
        checkpoint = _checkpoint(path)
        try:
            kind = _architecture(path, checkpoint["pyannote.audio"]["architecture"])
            model = kind.load_from_checkpoint(path, map_location="cpu", strict=False, weights_only=True)
            missing = set(model.state_dict()) - set(checkpoint["state_dict"])
        except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
            raise EngineError(f"{_named(path)} is not a pyannote model: {error!r}"[:300] + _AGAIN) from error
    if missing:
        raise EngineError(f"{_named(path)} lacks the weights {sorted(missing)[0]} and {len(missing) - 1} more{_AGAIN}")
    return model.eval()


_AGAIN = "; run: voicecast weights verify"


def _checkpoint(path: Path) -> Mapping[str, Any]:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        found = re.search(r"GLOBAL (\S+)", str(error))
        what = f"asks for {found[1]}" if found else "is no checkpoint"
        raise EngineError(
            f"{_named(path)} {what}, which no pyannote model holds and which could run anything: it was not "
            f"loaded. Fetch the weights from their source again"
        ) from error
    except (RuntimeError, EOFError, ValueError, OSError) as error:
        raise EngineError(f"{_named(path)} cannot be read: {error}"[:300] + _AGAIN) from error


def _architecture(path: Path, named: Mapping[str, str]) -> type[Model]:
    """One of the library's own: a checkpoint may name any class of any module."""
    if named["module"].startswith(_ARCHITECTURES):
        kind = getattr(importlib.import_module(named["module"]), named["class"])
        if isinstance(kind, type) and issubclass(kind, Model):
            return kind
    raise EngineError(f"{_named(path)} is of {named['module']}.{named['class']}, which is no model of pyannote.audio")


def _file(folder: Path) -> Path:
    found = sorted([*folder.glob("*.bin"), *folder.glob("*.ckpt")])
    if len(found) != 1:
        raise EngineError(f"weights {folder.name} hold {len(found)} checkpoints (.bin, .ckpt) and should hold one")
    return found[0]


def _named(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def _config(folder: Path) -> dict[str, Any]:
    """config.yaml, if it says no more than what a SpeakerDiarization is made of."""
    path = folder / "config.yaml"
    if not path.exists():
        raise EngineError(f"weights {folder.name} have no config.yaml; run: voicecast weights fetch {folder.name}")
    try:
        config = yaml.safe_load(path.read_text("utf-8"))
        name, params = config["pipeline"]["name"], config["pipeline"].get("params", {})
        unknown = [*(set(config) - _TOP), *(set(params) - _TAKEN - _NO_MATTER - {"segmentation", "embedding", "plda"})]
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError, AttributeError) as error:
        raise EngineError(f"{_named(path)} is no pipeline's configuration: {error!r}"[:300]) from error
    if name not in _PIPELINES:
        raise EngineError(f"{_named(path)} names the pipeline {name}; this engine runs {min(_PIPELINES)} only")
    if unknown:
        raise EngineError(f"{_named(path)} asks for {sorted(unknown)}, which this engine does not load")
    return config


def _part(folder: Path, params: Mapping[str, Any], name: str) -> Path:
    """Where a part of the pipeline lies: `$model/embedding` in embedding/, the hub's `pyannote/segmentation-3.0`
    in segmentation-3.0/, always inside the pipeline's folder, so that its hash covers all."""
    said = params.get(name)
    if not isinstance(said, str):
        raise EngineError(f"{folder.name}/config.yaml does not say where its {name} lies")
    part = folder / said.split("@")[0].split("/")[-1]
    if part.name in ("", "..") or part == folder or not part.is_dir():
        raise EngineError(f"weights {folder.name} lack {said}; run: voicecast weights fetch {folder.name}")
    return part


def _plda(folder: Path) -> PLDA:
    try:
        return PLDA(folder / "xvec_transform.npz", folder / "plda.npz")  # numpy refuses pickles in them
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise EngineError(f"{folder.parent.name}/{folder.name} cannot be read as PLDA: {error}{_AGAIN}") from error
